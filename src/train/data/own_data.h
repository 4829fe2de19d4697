#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/data/array.h"
#include "train/data/split.h"

namespace clavier::train::data {

/// What folders of images, and tables beside each other, call the parts of the data.
inline constexpr std::array<std::string_view, 2> kTrainNames = {"train", "training"};
inline constexpr std::array<std::string_view, 5> kValidationNames = {"val", "valid", "validation",
                                                                     "dev", "eval"};
inline constexpr std::array<std::string_view, 2> kTestNames = {"test", "testing"};

/// What file systems and archives leave beside data: `.DS_Store`, `__MACOSX`.
bool of_file_system(const std::filesystem::path& path);

/// A user's own data at `spec.source`, each file also as gzip packs it:
///   FILE.csv, .tsv      a table with one label column (csv.h)
///   FILE.safetensors    tensors `inputs` and `labels` (or as `spec.labels` says)
///   FILE.npy, IDX file  inputs; `spec.labels` names the file of the labels (IDX: found by name)
///   FOLDER              with inputs.npy and labels.npy,
///                       or tables of the same columns, train.csv and perhaps valid.csv, test.csv,
///                       or MNIST's files as they are downloaded (also in `raw`, EMNIST's names),
///                       or CIFAR's (cifar-10-batches-bin, cifar-100-binary),
///                       or a folder of images for each class
/// Validation and test data of their own are taken where they stand beside the training data:
/// tensors and .npy files named validation_inputs, validation_labels, test_inputs and test_labels;
/// tables named as folders of images are;
/// t10k-… or …-test-… of MNIST; image folders beside `train` (or `training`): `validation`, `val`,
/// `valid`, `dev` or `eval`; `test` or `testing`; each with a folder per class. What was left out
/// is in the remarks.
Result<Source> read_own_data(const DataSpec& spec);

/// The remarks of own data that say what is left out, without reading more than names and, of at
/// most 64 MB, a table or, with `skip_damaged`, images. None where the data cannot be read.
std::vector<std::string> left_out(const DataSpec& spec);

/// For `left_out`: the same of a folder of images.
std::vector<std::string> images_left_out(const std::filesystem::path& root, bool skip_damaged);

/// Every folder in `root` is a class (by name, in alphabetical order) and every image in it, or in
/// folders below, a sample; other files are passed over and counted. Images become bytes, three
/// channels if any has colour. Without `resize` all must have one size. A damaged image is refused,
/// or left out and counted (`skip_damaged`).
Result<Source> read_image_folder(const std::filesystem::path& root, const DataSpec& spec);

/// Images without classes, with their names within the folder.
struct NamedImages {
  Split split = {};
  std::vector<std::string> names = {};
  std::vector<std::string> remarks = {};
};
/// The image at `path` or all below it, brought to `shape` (channels, height, width).
Result<NamedImages> read_images(const std::filesystem::path& path,
                                const std::vector<std::int64_t>& shape, bool skip_damaged);

/// A .npy or IDX file, packed by gzip or not.
Result<Array> read_array(const std::filesystem::path& path);

/// The ending in small letters, without ".gz": ".csv" of "DATA.CSV.gz".
std::string ending_of(const std::filesystem::path& path);

/// Brings all images of `source` to another size (resize.h); bytes are rounded.
Status resize_source(Source& source, std::array<std::int64_t, 2> size);

}  // namespace clavier::train::data
