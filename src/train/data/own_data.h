#pragma once

#include <array>
#include <filesystem>
#include <optional>

#include "train/data/split.h"

namespace clavier::train::data {

/// A user's own data at `spec.source`:
///   FILE.csv, .tsv      numbers and one label column (csv.h)
///   FILE.safetensors    tensors `inputs` and `labels` (or as `spec.labels` says)
///   FILE.npy, IDX file  inputs; `spec.labels` names the file of the labels
///   FOLDER              with inputs.npy and labels.npy,
///                       or the four files of MNIST (train-images-idx3-ubyte, …),
///                       or a folder of images for each class
/// Validation and test data of their own are taken where they stand beside the training data:
/// tensors and .npy files named validation_inputs, validation_labels, test_inputs and test_labels;
/// t10k-… of MNIST; image folders `validation` (or `val`) and `test` beside `train`, each with a
/// folder per class.
Result<Source> read_own_data(const DataSpec& spec);

/// Every folder in `root` is a class (by name, in alphabetical order) and every .png, .jpg, .jpeg,
/// .pgm, .ppm and .pnm in it a sample; other files are passed over. Images become bytes, three
/// channels if any has colour. Without `resize` all must have one size.
Result<Source> read_image_folder(const std::filesystem::path& root,
                                 std::optional<std::array<std::int64_t, 2>> resize);

/// Brings all images of `source` to another size (resize.h); bytes are rounded.
Status resize_source(Source& source, std::array<std::int64_t, 2> size);

}  // namespace clavier::train::data
