#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "train/data/split.h"

namespace clavier::train::data {

enum class CifarKind {
  kCifar10,         ///< A byte of label per record.
  kCifar100Fine,    ///< Two bytes, group and class; the class counts.
  kCifar100Coarse,  ///< The group counts.
};

std::int64_t classes_of(CifarKind kind);

/// Shape, classes and the usual normalisation, without samples; with a test split.
Source empty_cifar(CifarKind kind);

/// Appends the records of one file of the official binary format: the label, then 3 × 32 × 32 bytes
/// of red, green and blue planes. Fails by byte at an incomplete record or a label out of range.
Status append_cifar(std::span<const std::byte> file, CifarKind kind, std::string_view origin,
                    Split& split);

/// The whole set from its folder; files of another size than the official ones are refused.
Result<Source> read_cifar(CifarKind kind, const std::filesystem::path& data_dir);

/// The images of digits.csv (see script/get_digits.py) as 1 × 8 × 8 floats from 0 to 1.
Result<Source> parse_digits(std::string_view csv, std::string_view origin);

/// The same from the data folder, whose file must be the known one.
Result<Source> read_digits(const std::filesystem::path& data_dir);

}  // namespace clavier::train::data
