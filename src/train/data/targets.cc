#include "train/data/targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/match.h"
#include "train/data/bytes.h"

namespace clavier::train::data {
namespace {

template <typename T>
bool parse_all(const std::vector<std::string>& text, std::vector<T>& out) {
  out.clear();
  for (const auto& word : text) {
    T value{};
    auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc() || end != word.data() + word.size()) return false;
    out.push_back(value);
  }
  return true;
}

template <typename Stored, typename T>
std::vector<T> converted(std::span<const std::byte> bytes) {
  std::vector<T> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(load<Stored>(bytes.data() + i * sizeof(Stored)));
  return values;
}

Error unread_type(Dtype dtype, std::string_view origin) {
  return invalid(
      fmt::format("{}: numbers of type {} are not read; save them as U8, I32, I64, F32 "
                  "or F64",
                  origin, name(dtype)));
}

Result<std::vector<float>> floats_of(const TensorView& array, std::string_view origin) {
  switch (array.dtype) {
    case Dtype::kI32: return converted<std::int32_t, float>(array.bytes);
    case Dtype::kI64: return converted<std::int64_t, float>(array.bytes);
    case Dtype::kF32: return converted<float, float>(array.bytes);
    case Dtype::kF64: return converted<double, float>(array.bytes);
    default: return unread_type(array.dtype, origin);
  }
}

bool few(std::int64_t channels) { return channels == 1 || channels == 3 || channels == 4; }

/// [n, h, w, c] to [n, c, h, w]; `size` = h w.
template <typename T>
std::vector<T> channels_first(const std::vector<T>& values, std::size_t n, std::size_t size,
                              std::size_t channels) {
  std::vector<T> out(values.size());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t p = 0; p < size; ++p)
      for (std::size_t c = 0; c < channels; ++c)
        out[(i * channels + c) * size + p] = values[(i * size + p) * channels + c];
  return out;
}

Status set_classes(const std::vector<std::int64_t>& labels, std::string_view origin, Source& source,
                   Split& split) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0 || labels[i] >= kMaxClasses)
      return invalid(
          fmt::format("{}: sample {}: class {} is not from 0 to {}; if these are values "
                      "to predict, set task = \"regression\"",
                      origin, i, labels[i], kMaxClasses - 1));
    source.classes = std::max(source.classes, labels[i] + 1);
  }
  split.labels = labels;
  return ok_status();
}

Status set_values(const std::vector<double>& values, std::string_view origin, Split& split) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    split.targets.push_back(static_cast<float>(values[i]));
    if (!std::isfinite(split.targets.back()))
      return invalid(fmt::format("{}: sample {}: target {} is not finite", origin, i, values[i]));
  }
  return ok_status();
}

Status set_names(const std::vector<std::string>& names, std::string_view origin, Source& source,
                 Split& split) {
  std::map<std::string, std::int64_t> numbers;
  for (const auto& name : names) numbers.emplace(name, 0);
  for (auto& [name, number] : numbers) {
    number = std::ssize(source.class_names);
    source.class_names.push_back(name);
  }
  std::vector<std::int64_t> labels;
  for (const auto& name : names) labels.push_back(numbers.at(name));
  return set_classes(labels, origin, source, split);
}

}  // namespace

RawLabels parse_labels(std::vector<std::string> text) {
  std::vector<std::int64_t> whole;
  if (parse_all(text, whole)) return whole;
  std::vector<double> real;
  if (parse_all(text, real)) return real;
  return text;
}

Result<RawLabels> labels_of(const TensorView& array, std::string_view origin) {
  bool column = array.shape.size() == 2 && array.shape[1] == 1;
  if (array.shape.size() != 1 && !column)
    return invalid(fmt::format("{}: labels of shape {} must be one per sample", origin,
                               shape_text(array.shape)));
  switch (array.dtype) {
    case Dtype::kU8: return RawLabels(converted<std::uint8_t, std::int64_t>(array.bytes));
    case Dtype::kI32: return RawLabels(converted<std::int32_t, std::int64_t>(array.bytes));
    case Dtype::kI64: return RawLabels(converted<std::int64_t, std::int64_t>(array.bytes));
    case Dtype::kF32: return RawLabels(converted<float, double>(array.bytes));
    case Dtype::kF64: return RawLabels(converted<double, double>(array.bytes));
    default: return unread_type(array.dtype, origin);
  }
}

Status set_targets(const RawLabels& labels, Task task, std::string_view origin, Source& source,
                   Split& split) {
  auto count = match(labels, [](const auto& values) { return std::ssize(values); });
  if (count != split.count)
    return invalid(fmt::format("{}: {} labels for {} samples", origin, count, split.count));
  return match(
      labels,
      [&](const std::vector<std::int64_t>& whole) -> Status {
        if (task == Task::kRegression)
          return set_values({whole.begin(), whole.end()}, origin, split);
        return set_classes(whole, origin, source, split);
      },
      [&](const std::vector<double>& real) -> Status {
        if (task != Task::kClassification) return set_values(real, origin, split);
        std::vector<std::int64_t> whole;
        for (std::size_t i = 0; i < real.size(); ++i) {
          if (!(std::abs(real[i]) < 1e15) || std::trunc(real[i]) != real[i])
            return invalid(fmt::format("{}: sample {}: {} is no class number", origin, i, real[i]));
          whole.push_back(static_cast<std::int64_t>(real[i]));
        }
        return set_classes(whole, origin, source, split);
      },
      [&](const std::vector<std::string>& names) -> Status {
        if (task != Task::kRegression) return set_names(names, origin, source, split);
        return invalid(
            fmt::format("{}: labels like \"{}\" are text, which regression cannot predict", origin,
                        names.front()));
      });
}

Status set_inputs(const TensorView& array, std::string_view origin, Source& source, Split& split) {
  const auto& shape = array.shape;
  if (shape.size() < 2 || shape.size() > 4 || !element_count(shape) || *element_count(shape) == 0)
    return invalid(
        fmt::format("{}: inputs of shape {} must be [samples, features], [samples, "
                    "height, width] or [samples, channels, height, width]",
                    origin, shape_text(shape)));
  std::vector<std::int64_t> sample(shape.begin() + 1, shape.end());
  if (sample.size() == 2) sample.insert(sample.begin(), 1);
  bool last = sample.size() == 3 && few(sample[2]) && !few(sample[0]);
  if (last) std::rotate(sample.begin(), sample.begin() + 2, sample.end());
  if (!source.shape.empty() && source.shape != sample)
    return invalid(fmt::format("{}: samples of shape {}, those before are {}", origin,
                               shape_text(sample), shape_text(source.shape)));
  split.count = shape.front();
  if (array.dtype == Dtype::kU8)
    split.inputs = converted<std::uint8_t, std::uint8_t>(array.bytes);
  else
    split.inputs = TRY(floats_of(array, origin));
  if (auto* floats = std::get_if<std::vector<float>>(&split.inputs))
    for (std::size_t i = 0; i < floats->size(); ++i)
      if (!std::isfinite((*floats)[i]))
        return invalid(fmt::format("{}: sample {}: {} is not finite", origin,
                                   i / *element_count(sample), (*floats)[i]));
  if (last)
    match(split.inputs, [&](auto& values) {
      values = channels_first(values, static_cast<std::size_t>(split.count),
                              static_cast<std::size_t>(sample[1] * sample[2]),
                              static_cast<std::size_t>(sample[0]));
    });
  if (!source.shape.empty() && split.bytes() != source.samples.bytes())
    return invalid(fmt::format("{}: bytes in one file and other numbers in the next", origin));
  source.shape = std::move(sample);
  source.scale = split.bytes() ? 1.0F / 255 : 1.0F;
  return ok_status();
}

}  // namespace clavier::train::data
