#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "train/data/split.h"

namespace clavier::train::data {

/// Sets whose files are records: the label, then the pixels, each one byte.
enum class RecordKind {
  kCifar10,         ///< A byte of label per record.
  kCifar100Fine,    ///< Two bytes, group and class; the class counts.
  kCifar100Coarse,  ///< The group counts.
  kMnist5k,         ///< A byte of label (script/get_wheel_images.py).
};

/// Of a known set; `coarse` is heard where there are groups.
RecordKind record_kind(std::string_view set, bool coarse);

std::int64_t classes_of(RecordKind kind);

/// Shape, classes and the usual normalisation, without samples; with a test split where there are
/// files for it.
Source empty_records(RecordKind kind);

/// Appends the records of one file, colours as planes of red, green and blue. Fails by byte at an
/// incomplete record or a label out of range.
Status append_records(std::span<const std::byte> file, RecordKind kind, std::string_view origin,
                      Split& split);

/// The whole set from its folder; files of another size than the official ones are refused, and
/// another content where it is known.
Result<Source> read_records(RecordKind kind, const std::filesystem::path& data_dir);

/// The images of digits.csv (see script/get_wheel_images.py) as 1 × 8 × 8 floats from 0 to 1.
Result<Source> parse_digits(std::string_view csv, std::string_view origin);

/// The same from the data folder, whose file must be the known one.
Result<Source> read_digits(const std::filesystem::path& data_dir);

}  // namespace clavier::train::data
