#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "train/data/safetensors.h"
#include "train/data/split.h"

namespace clavier::train::data {

/// Labels as a file has them.
using RawLabels = decltype(FileLabels::values);

inline constexpr std::int64_t kMaxClasses = 1'000'000;

/// Text as whole numbers if all of it is, else as numbers, else as it is.
RawLabels parse_labels(std::vector<std::string> text);

/// A vector, or a matrix of one column.
Result<RawLabels> labels_of(const TensorView& array, std::string_view origin);

/// Adds the labels of the split read last, which has `count` samples.
Status add_labels(RawLabels labels, std::string origin, std::int64_t count, Source& source);

/// Makes classes or regression targets of the labels of all splits. Classes are the different
/// labels that there are, in their order: numbers by size, text by alphabet; their names are kept.
/// kAuto: text is classes, and so are whole numbers (also as floats) unless there are more than 20
/// different ones with fewer than five samples each. Refuses numbers that are not finite and what
/// does not fit the task.
Status finish_targets(Task task, Source& source);

/// Takes an array whose first axis counts the samples: [n, features], [n, height, width], or [n]
/// and the axes of an image, channels first; channels last (1, 3 or 4 of them) are moved to the
/// front. Bytes stay bytes, all else becomes floats and must be finite. Sets the source's shape, or
/// refuses one that differs from it.
Status set_inputs(const TensorView& array, std::string_view origin, Source& source, Split& split);

}  // namespace clavier::train::data
