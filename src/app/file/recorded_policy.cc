#include "app/file/recorded_policy.h"

#include <fmt/format.h>

#include <optional>

#include "app/file/lineages.h"
#include "app/file/recorded_study.h"
#include "app/registry/registry.h"
#include "base/files.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

/// What [scheduler] says about where the policy is.
struct Wanted {
  std::string policy, from;
  std::int64_t trial = -1;
  friend bool operator==(const Wanted&, const Wanted&) = default;
};

Wanted wanted(const TomlNode& scheduler) {
  return {scalar_or<std::string>(&scheduler, "policy", ""),
          scalar_or<std::string>(&scheduler, "from", ""),
          scalar_or<std::int64_t>(&scheduler, "trial", -1)};
}

Result<std::string> policy_text(const fs::path& file) {
  auto text = read_file(file, kMaxPolicyBytes);
  if (text) return text;
  return Error{text.error().code, "cannot read " + text.error().message};
}

/// The lineage of a trial of an earlier study; of its best one if none is named.
Result<std::string> study_text(const Wanted& wanted, const fs::path& folder, const fs::path& home) {
  std::error_code ignored;
  const fs::path beside = folder / wanted.from;
  const auto place =
      TRY(find_study(home, fs::exists(beside, ignored) ? beside.string() : wanted.from));
  Lineages lineages;
  const auto study =
      TRY(read_recorded(place, store::Metrics::kSkip,
                        [&](const Step& step, const State& state) { lineages.see(step, state); }));
  const auto trial = wanted.trial < 0 ? study.state.best() : TrialId{wanted.trial};
  if (!trial) return not_found(fmt::format("{} has no best trial", place.root.string()));
  if (!study.state.known(*trial))
    return not_found(fmt::format("{} has no trial {}", place.root.string(), trial->value));
  return lineages.whole_policy(*trial);
}

/// As a list in TOML. A line may hold what begins a comment.
std::string as_list(std::string_view text) {
  Value::List lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string line;
    for (const char c : text.substr(0, end)) {
      if (c == '#')
        line += "\\u0023";
      else if (c != '\r')
        line += c;
    }
    lines.emplace_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return toml_value(lines);
}

/// The lines that an earlier run has written into its copy of the same study file.
std::optional<std::string> earlier(const Wanted& same, const std::string& study_name,
                                   const fs::path& home) {
  const auto copy = StudySource::copy_in(home / study_name);
  const TomlNode* scheduler = copy ? copy->root().find("scheduler") : nullptr;
  const TomlNode* lines = scheduler ? scheduler->find("lines") : nullptr;
  const auto value = lines ? lines->value() : std::nullopt;
  if (!value || !(wanted(*scheduler) == same)) return {};
  return toml_value(*value);
}

}  // namespace

Result<std::optional<Override>> recorded_policy(const StudySource& source, const fs::path& file,
                                                const fs::path& home) {
  const std::optional<Override> nothing;
  const TomlNode* scheduler = source.root().find("scheduler");
  if (!scheduler || !scheduler->is_table() || scheduler->find("lines")) return nothing;
  const AlgorithmSpec chosen{scalar_or<std::string>(scheduler, "algorithm", "")};
  if (!traits_of(Family::kScheduler, chosen).replays) return nothing;
  const Wanted here = wanted(*scheduler);
  if (here.policy.empty() == here.from.empty())
    return invalid(
        fmt::format("{}: pbt_replay needs either policy = \"pbt_policy_….txt\" or from = \"STUDY\"",
                    source.where(scheduler->begin)));
  const fs::path folder = file.parent_path();
  const auto text =
      here.policy.empty() ? study_text(here, folder, home) : policy_text(folder / here.policy);
  if (text) return std::optional(Override{"scheduler.lines", as_list(*text)});
  const TomlNode* study = source.root().find("study");
  const std::string stem = file.stem().string();
  const std::string name = scalar_or<std::string>(study, "name", stem);
  if (text.error().code == ErrorCode::kNotFound)
    if (const auto lines = earlier(here, name, home))
      return std::optional(Override{"scheduler.lines", *lines});
  const TomlNode* key = scheduler->find(here.policy.empty() ? "from" : "policy");
  return Error{text.error().code,
               fmt::format("{}: {}", source.where(key->begin), text.error().message)};
}

}  // namespace clavier::app
