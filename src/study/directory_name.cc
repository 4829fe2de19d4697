#include "study/directory_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"
#include "base/utc.h"
#include "study/text.h"

namespace clavier {
namespace {

std::string in_tag(const Value& value) {
  if (const double* real = value.as<double>()) return fmt::format("{:.4f}", *real);
  return text::plain(value);
}

/// Letters, digits and `._=,-` stay; Ray replaces "/", "(" and ")", we all else as well.
std::string for_files(std::string text) {
  std::ranges::replace_if(
      text,
      [](unsigned char c) {
        const bool plain =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return !plain &&
               std::string_view("._=,-").find(static_cast<char>(c)) == std::string_view::npos;
      },
      '_');
  return text;
}

}  // namespace

std::string trial_name(std::string_view study, TrialId trial) {
  return fmt::format("{:05x}_{:05}", stable_hash(study) & 0xfffff, trial.value);
}

std::string experiment_tag(TrialId trial, const Config& config) {
  std::vector<Config::Entry> entries = config.entries();
  std::ranges::sort(entries, {}, &Config::Entry::name);
  std::string tag = fmt::format("{}", trial.value + 1);
  for (std::size_t i = 0; i < entries.size(); ++i)
    tag += fmt::format("{}{}={}", i == 0 ? '_' : ',', entries[i].name, in_tag(entries[i].value));
  return tag;
}

std::string trial_directory_name(std::string_view study, TrialId trial, const Config& config,
                                 std::int64_t utc_us) {
  std::string name = for_files(
      fmt::format("{}_{}_{}", study, trial_name(study, trial), experiment_tag(trial, config)));
  name.resize(std::min(name.size(), kMaxDirectoryName));
  return name + "_" + utc_stamp(utc_us / 1'000'000);
}

}  // namespace clavier
