#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "train/data/records.h"

namespace clavier::train::data {

/// Appends what Python's pickle holds in one file of CIFAR's Python version: a dictionary with
/// `data`, bytes in rows of 3 × 32 × 32, and `labels` (`fine_labels`, `coarse_labels`), whole
/// numbers. Reads data and calls nothing: no class that is named in the file is made. Fails by
/// byte.
Status append_cifar_pickle(std::span<const std::byte> file, RecordKind kind,
                           std::string_view origin, Split& split);

/// The whole set from its folder: data_batch_1 to 5 and test_batch, or train and test.
Result<Source> read_cifar_pickles(RecordKind kind, const std::filesystem::path& folder);

}  // namespace clavier::train::data
