#include "train/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/match.h"
#include "base/rng.h"
#include "train/data/bytes.h"
#include "train/data/columns.h"

namespace clavier::train::data {
namespace {

// Keys that never change: the test split must be the same for ever.
constexpr std::uint64_t kTestKey = 0x7e57;
constexpr std::uint64_t kValidationKey = 0x7a11d;
constexpr std::uint64_t kLimitKey = 0x11417;
constexpr std::int64_t kLimitShare = 4;  ///< Other splits get a quarter of the training limit.

/// How many each class gives.
std::vector<std::int64_t> quotas(const std::vector<std::vector<std::int64_t>>& groups,
                                 std::int64_t wanted, double fraction) {
  std::vector<std::int64_t> quota(groups.size());
  std::vector<std::size_t> order;
  auto most = [&](std::size_t c) { return std::ssize(groups[c]) - 1; };
  for (std::size_t c = 0; c < groups.size(); ++c) {
    quota[c] = std::min(static_cast<std::int64_t>(fraction * static_cast<double>(groups[c].size())),
                        std::max<std::int64_t>(most(c), 0));
    wanted -= quota[c];
    order.push_back(c);
  }
  auto remainder = [&](std::size_t c) {
    return fraction * static_cast<double>(groups[c].size()) - static_cast<double>(quota[c]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder(a) > remainder(b); });
  for (auto c : order)
    if (wanted > 0 && quota[c] < most(c)) ++quota[c], --wanted;
  return quota;
}

template <typename T>
void compact(std::vector<T>& values, std::int64_t size, std::span<const std::int64_t> positions) {
  if (values.empty()) return;
  auto out = values.begin();
  for (auto position : positions) out = std::copy_n(values.begin() + position * size, size, out);
  values.erase(out, values.end());
}

template <typename T>
std::vector<T> gather(const std::vector<T>& values, std::int64_t size,
                      std::span<const std::int64_t> positions) {
  std::vector<T> result;
  if (values.empty()) return result;
  result.reserve(positions.size() * static_cast<std::size_t>(size));
  for (auto position : positions)
    result.insert(result.end(), values.begin() + position * size,
                  values.begin() + (position + 1) * size);
  return result;
}

Split split_off(Split& from, std::int64_t sample_size, double fraction, std::uint64_t key) {
  auto parts = stratified(from.count, from.labels, fraction, key);
  Split taken = take(from, sample_size, parts.taken);
  keep_only(from, sample_size, parts.kept);
  return taken;
}

void limit(Split& split, std::int64_t sample_size, std::int64_t most) {
  if (split.count <= most) return;
  double fraction = static_cast<double>(most) / static_cast<double>(split.count);
  auto parts = stratified(split.count, split.labels, fraction, kLimitKey);
  keep_only(split, sample_size, parts.taken);
}

void normalise(Dataset& data) {
  auto groups = static_cast<std::size_t>(data.shape.front());
  auto size = static_cast<std::size_t>(*element_count(data.shape)) / groups;
  std::vector<double> mean(groups), square(groups);
  double n = static_cast<double>(data.train.count) * static_cast<double>(size);
  match(data.train.inputs, [&](const auto& values) {
    // Two passes: the deviation of features far from zero would drown in one.
    for (std::size_t i = 0; i < values.size(); ++i) mean[i / size % groups] += values[i] / n;
    for (std::size_t i = 0; i < values.size(); ++i) {
      double off = values[i] - mean[i / size % groups];
      square[i / size % groups] += off * off / n;
    }
  });
  for (std::size_t g = 0; g < groups; ++g) {
    double deviation = std::sqrt(square[g]) * data.scale;
    data.mean.push_back(static_cast<float>(mean[g] * data.scale));
    data.deviation.push_back(deviation > 1e-12 ? static_cast<float>(deviation) : 1.0F);
  }
}

/// Targets of any unit and size become numbers that a network begins near.
void standardise(Dataset& data) {
  const auto& targets = data.train.targets;
  double n = static_cast<double>(targets.size()), square = 0;
  for (float target : targets) data.target_mean += target / n;
  for (float target : targets) square += std::pow(target - data.target_mean, 2) / n;
  if (double deviation = std::sqrt(square); deviation > 1e-12) data.target_deviation = deviation;
}

Status check_fraction(double fraction, std::string_view what) {
  if (fraction >= 0 && fraction < 1) return ok_status();
  return invalid(fmt::format("{} = {} must be at least 0 and below 1", what, fraction));
}

}  // namespace

std::vector<Split*> Source::splits() {
  std::vector<Split*> all = {&samples};
  if (validation) all.push_back(&*validation);
  if (test) all.push_back(&*test);
  return all;
}

Partition stratified(std::int64_t n, std::span<const std::int64_t> labels, double fraction,
                     std::uint64_t key) {
  std::vector<std::vector<std::int64_t>> groups(1);
  for (std::int64_t i = 0; i < n; ++i) {
    auto label = labels.empty() ? 0 : static_cast<std::size_t>(labels[i]);
    if (groups.size() <= label) groups.resize(label + 1);
    groups[label].push_back(i);
  }
  auto quota = quotas(groups, std::llround(fraction * static_cast<double>(n)), fraction);
  Partition parts;
  for (std::size_t c = 0; c < groups.size(); ++c) {
    Rng rng = Rng::keyed(key, c);
    rng.shuffle(std::span(groups[c]));
    auto middle = groups[c].begin() + quota[c];
    parts.taken.insert(parts.taken.end(), groups[c].begin(), middle);
    parts.kept.insert(parts.kept.end(), middle, groups[c].end());
  }
  std::sort(parts.taken.begin(), parts.taken.end());
  std::sort(parts.kept.begin(), parts.kept.end());
  return parts;
}

Split take(const Split& split, std::int64_t sample_size, std::span<const std::int64_t> positions) {
  Split result;
  match(split.inputs,
        [&](const auto& values) { result.inputs = gather(values, sample_size, positions); });
  result.labels = gather(split.labels, 1, positions);
  result.targets = gather(split.targets, 1, positions);
  result.count = std::ssize(positions);
  return result;
}

void keep_only(Split& split, std::int64_t sample_size, std::span<const std::int64_t> positions) {
  match(split.inputs, [&](auto& values) { compact(values, sample_size, positions); });
  compact(split.labels, 1, positions);
  compact(split.targets, 1, positions);
  split.count = std::ssize(positions);
}

Result<Dataset> split_source(Source source, const DataSpec& spec, std::string name) {
  TRY(check_fraction(spec.validation, "validation"));
  TRY(check_fraction(spec.test, "test"));
  if (spec.samples < 0) return invalid(fmt::format("samples = {} is negative", spec.samples));
  auto size = static_cast<std::int64_t>(*element_count(source.shape));
  auto& rest = source.samples;
  auto total = rest.count;
  const bool own_validation = source.validation.has_value(), own_test = source.test.has_value();
  Split test = source.test ? std::move(*source.test) : split_off(rest, size, spec.test, kTestKey);
  Split validation = source.validation
                         ? std::move(*source.validation)
                         : split_off(rest, size, spec.validation, mix(kValidationKey, spec.seed));
  if (spec.samples > 0) {
    limit(rest, size, spec.samples);
    auto others = std::max<std::int64_t>(spec.samples / kLimitShare, 1);
    limit(validation, size, others);
    limit(test, size, others);
  }
  const auto share = [](double fraction, const char* of, const char* key) {
    return fmt::format("{}: {:.3g} % of {} (else {} = …)", key, 100 * fraction, of, key);
  };
  source.remarks.push_back(own_validation
                               ? "validation: samples of its own"
                               : share(spec.validation, "the training data", "validation"));
  source.remarks.push_back(own_test ? "test: samples of its own"
                                    : share(spec.test, "all samples", "test"));
  if (rest.count == 0 || validation.count == 0)
    return invalid(fmt::format("{}: {} samples leave {} for training and {} for validation", name,
                               total, rest.count, validation.count));
  Dataset data{.name = std::move(name),
               .shape = std::move(source.shape),
               .classes = source.classes,
               .class_names = std::move(source.class_names),
               .scale = source.scale,
               .mean = std::move(source.mean),
               .deviation = std::move(source.deviation),
               .columns = std::move(source.columns),
               .remarks = std::move(source.remarks),
               .train = std::move(rest),
               .validation = std::move(validation),
               .test = std::move(test)};
  std::vector<Split*> splits = {&data.train, &data.validation, &data.test};
  if (!data.columns.empty()) data.shape = {learn_columns(data.columns, splits)};
  if (data.mean.empty()) normalise(data);
  if (spec.standardise && !data.train.targets.empty()) standardise(data);
  return data;
}

}  // namespace clavier::train::data
