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
using RawLabels =
    std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

inline constexpr std::int64_t kMaxClasses = 1'000'000;

/// Text as whole numbers if all of it is, else as numbers, else as it is.
RawLabels parse_labels(std::vector<std::string> text);

/// A vector, or a matrix of one column.
Result<RawLabels> labels_of(const TensorView& array, std::string_view origin);

/// Gives `split` the labels as classes or as regression targets, and `source` its number of classes
/// (the largest label plus one, over all calls). Text becomes classes in alphabetical order, so
/// only one split of a source may have text. Refuses another count than the samples', negative or
/// huge class numbers, numbers that are not finite, and what does not fit the task.
Status set_targets(const RawLabels& labels, Task task, std::string_view origin, Source& source,
                   Split& split);

/// Takes an array whose first axis counts the samples: [n, features], [n, height, width], or [n]
/// and the axes of an image, channels first; channels last (1, 3 or 4 of them) are moved to the
/// front. Bytes stay bytes, all else becomes floats and must be finite. Sets the source's shape, or
/// refuses one that differs from it.
Status set_inputs(const TensorView& array, std::string_view origin, Source& source, Split& split);

}  // namespace clavier::train::data
