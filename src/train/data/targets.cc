#include "train/data/targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

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

template <typename T>
Result<std::vector<T>> numbers_as(const TensorView& array, std::string_view origin) {
  switch (array.dtype) {
    case Dtype::kBool:
    case Dtype::kU8: return converted<std::uint8_t, T>(array.bytes);
    case Dtype::kI8: return converted<std::int8_t, T>(array.bytes);
    case Dtype::kU16: return converted<std::uint16_t, T>(array.bytes);
    case Dtype::kI16: return converted<std::int16_t, T>(array.bytes);
    case Dtype::kU32: return converted<std::uint32_t, T>(array.bytes);
    case Dtype::kI32: return converted<std::int32_t, T>(array.bytes);
    case Dtype::kU64: return converted<std::uint64_t, T>(array.bytes);
    case Dtype::kI64: return converted<std::int64_t, T>(array.bytes);
    case Dtype::kF32: return converted<float, T>(array.bytes);
    case Dtype::kF64: return converted<double, T>(array.bytes);
    default:
      return invalid(
          fmt::format("{}: numbers of type {} are not read; save whole numbers as I64, "
                      "others as F32",
                      origin, name(array.dtype)));
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

constexpr std::size_t kFewValues = 20;
constexpr std::size_t kSamplesPerClass = 5;

bool whole(double value) { return std::abs(value) < 1e15 && std::trunc(value) == value; }

bool text(const FileLabels& labels) {
  return std::holds_alternative<std::vector<std::string>>(labels.values);
}

/// The numbers of labels that are no text.
std::vector<double> numbers_of(const FileLabels& labels) {
  return match(
      labels.values, [](const std::vector<std::string>&) { return std::vector<double>(); },
      [](const auto& values) { return std::vector<double>(values.begin(), values.end()); });
}

bool seem_classes(const std::vector<std::vector<double>>& numbers) {
  std::set<double> different;
  std::size_t count = 0;
  for (const auto& values : numbers) {
    if (!std::all_of(values.begin(), values.end(), whole)) return false;
    different.insert(values.begin(), values.end());
    count += values.size();
  }
  return different.size() <= kFewValues || different.size() * kSamplesPerClass <= count;
}

Status set_values(const std::vector<double>& values, const std::string& origin, Split& split) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    split.targets.push_back(static_cast<float>(values[i]));
    if (!std::isfinite(split.targets.back()))
      return invalid(fmt::format("{}: sample {}: target {} is not finite", origin, i, values[i]));
  }
  return ok_status();
}

/// `keys`: the labels of each split; `name` of one.
template <typename Key, typename Name>
Status set_classes(const std::vector<std::vector<Key>>& keys, Name name, Source& source) {
  std::map<Key, std::int64_t> numbers;
  for (const auto& split : keys)
    for (const Key& key : split) numbers.emplace(key, 0);
  if (std::ssize(numbers) > kMaxClasses)
    return invalid(
        fmt::format("{}: more than {} classes; if these are values to predict, set task "
                    "= \"regression\"",
                    source.labels.front().origin, kMaxClasses));
  for (auto& [key, number] : numbers) {
    number = source.classes++;
    source.class_names.push_back(name(key));
  }
  auto splits = source.splits();
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (const Key& key : keys[i]) splits[i]->labels.push_back(numbers.at(key));
  return ok_status();
}

Status set_names(Source& source) {
  std::vector<std::vector<std::string>> names;
  for (const FileLabels& labels : source.labels)
    names.push_back(match(
        labels.values, [](const std::vector<std::string>& text) { return text; },
        [](const auto& values) {
          std::vector<std::string> text;
          for (auto value : values) text.push_back(fmt::format("{}", value));
          return text;
        }));
  return set_classes(
      names, [](const std::string& name) { return name; }, source);
}

Status set_number_classes(const std::vector<std::vector<double>>& numbers, Source& source) {
  std::vector<std::vector<std::int64_t>> classes;
  for (std::size_t s = 0; s < numbers.size(); ++s) {
    classes.emplace_back();
    for (std::size_t i = 0; i < numbers[s].size(); ++i) {
      if (!whole(numbers[s][i]))
        return invalid(fmt::format("{}: sample {}: {} is no class number", source.labels[s].origin,
                                   i, numbers[s][i]));
      classes.back().push_back(static_cast<std::int64_t>(numbers[s][i]));
    }
  }
  return set_classes(
      classes, [](std::int64_t label) { return fmt::format("{}", label); }, source);
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
  if (array.dtype == Dtype::kF32 || array.dtype == Dtype::kF64)
    return RawLabels(TRY(numbers_as<double>(array, origin)));
  return RawLabels(TRY(numbers_as<std::int64_t>(array, origin)));
}

Status add_labels(RawLabels labels, std::string origin, std::int64_t count, Source& source) {
  auto labelled = match(labels, [](const auto& values) { return std::ssize(values); });
  if (labelled != count)
    return invalid(fmt::format("{}: {} labels for {} samples", origin, labelled, count));
  source.labels.push_back({std::move(labels), std::move(origin)});
  return ok_status();
}

Status finish_targets(Task task, Source& source) {
  if (source.labels.empty()) return ok_status();
  auto named = std::find_if(source.labels.begin(), source.labels.end(), text);
  if (named != source.labels.end()) {
    if (task != Task::kRegression) return set_names(source);
    return invalid(fmt::format("{}: labels like \"{}\" are text, which regression cannot predict",
                               named->origin,
                               std::get<std::vector<std::string>>(named->values).front()));
  }
  std::vector<std::vector<double>> numbers;
  for (const FileLabels& labels : source.labels) numbers.push_back(numbers_of(labels));
  if (task == Task::kClassification || (task == Task::kAuto && seem_classes(numbers)))
    return set_number_classes(numbers, source);
  auto splits = source.splits();
  for (std::size_t i = 0; i < numbers.size(); ++i)
    TRY(set_values(numbers[i], source.labels[i].origin, *splits[i]));
  return ok_status();
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
    split.inputs = TRY(numbers_as<float>(array, origin));
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
