#include "sched/pbt_replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "sched/reports.h"
#include "study/domain.h"
#include "study/text.h"

namespace clavier::sched {
namespace {

Result<Takeover> takeover_of(const Json& json) {
  const auto* parts = json.as<Json::List>();
  if (!parts || parts->size() != 6) return invalid("not a list of six");
  const auto* target = (*parts)[0].as<std::string>();
  const auto* donor = (*parts)[1].as<std::string>();
  if (!target || !donor) return invalid("the first two must be the names of trials");
  const auto* target_step = (*parts)[2].as<std::int64_t>();
  const auto* donor_step = (*parts)[3].as<std::int64_t>();
  if (!target_step || !donor_step || *target_step < 0 || *donor_step < 0)
    return invalid("the third and the fourth must be steps");
  Takeover takeover{*target, *donor, *target_step, *donor_step};
  takeover.donor_config = TRY(text::config_from_json((*parts)[4]));
  takeover.config = TRY(text::config_from_json((*parts)[5]));
  return takeover;
}

struct Numbered {
  Takeover takeover;
  int line = 0;  ///< From 1.
};

Result<std::vector<Numbered>> numbered(std::string_view text, std::string_view name) {
  std::vector<Numbered> all;
  for (int line = 1; !text.empty(); ++line) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view words = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto json = Json::parse(words);
    auto takeover = json ? takeover_of(*json) : Result<Takeover>(json.error());
    if (!takeover)
      return invalid(fmt::format("{}:{}: no takeover: {}", name, line, takeover.error().message));
    all.push_back({*std::move(takeover), line});
  }
  return all;
}

/// Whether it is a configuration of the space, but for the values.
Status has_parameters(const Space& space, const Config& config) {
  for (const Config::Entry& entry : config.entries())
    if (std::ranges::find(space.parameters, entry.name, &Parameter::name) == space.parameters.end())
      return invalid(fmt::format("the space has no parameter '{}'", entry.name));
  for (const Parameter& parameter : space.parameters)
    if (is_active(parameter, config) && !config.find(parameter.name))
      return invalid(
          fmt::format("the space has a parameter '{}', the policy has not", parameter.name));
  return {};
}

}  // namespace

std::string to_line(const Takeover& takeover) {
  std::string line = "[";
  append_json(line, std::string_view(takeover.target));
  line += ", ";
  append_json(line, std::string_view(takeover.donor));
  return line + fmt::format(", {}, {}, {}, {}]", takeover.target_step, takeover.donor_step,
                            text::to_json(takeover.donor_config), text::to_json(takeover.config));
}

Result<std::vector<Takeover>> read_takeovers(std::string_view text, std::string_view name) {
  auto all = TRY(numbered(text, name));
  std::vector<Takeover> takeovers;
  for (Numbered& each : all) takeovers.push_back(std::move(each.takeover));
  return takeovers;
}

RecordedPolicy policy_of(const std::vector<Takeover>& takeovers) {
  CHECK(!takeovers.empty());
  RecordedPolicy policy;
  const std::string* lineage = &takeovers.back().target;
  for (auto each = takeovers.rbegin(); each != takeovers.rend(); ++each) {
    if (each->target != *lineage) continue;
    lineage = &each->donor;
    policy.initial = each->donor_config;
    policy.changes.push_back({each->donor_step, each->config});
  }
  std::ranges::reverse(policy.changes);
  return policy;
}

Result<RecordedPolicy> read_policy(std::string_view text, std::string_view name, const Space& space,
                                   std::optional<TrialId> trial) {
  auto all = TRY(numbered(text, name));
  std::vector<Takeover> takeovers;
  std::vector<int> lines;
  std::size_t last = 0;
  for (Numbered& each : all) {
    for (const Config* config : {&each.takeover.donor_config, &each.takeover.config})
      if (const Status fits = has_parameters(space, *config); !fits)
        return invalid(fmt::format("{}:{}: {}", name, each.line, fits.error().message));
    takeovers.push_back(std::move(each.takeover));
    lines.push_back(each.line);
    // Tags begin with the trial's number, counted from 1.
    const bool wanted =
        !trial || takeovers.back().target.starts_with(fmt::format("{}_", trial->value + 1));
    if (wanted) last = takeovers.size();
  }
  if (takeovers.empty()) return invalid(fmt::format("{}: holds no takeover", name));
  if (last == 0)
    return invalid(fmt::format("{}: trial {} took over nobody's weights", name, trial->value));
  takeovers.resize(last);
  RecordedPolicy policy = policy_of(takeovers);
  const auto first = std::ranges::find(takeovers, policy.initial, &Takeover::donor_config);
  const auto fits = complete(space, policy.initial, [](std::size_t) { return Value{}; });
  if (!fits)
    return invalid(fmt::format("{}:{}: the policy does not begin within the space: {}", name,
                               lines[static_cast<std::size_t>(first - takeovers.begin())],
                               fits.error().message));
  return policy;
}

PbtReplay::PbtReplay(RecordedPolicy policy, Steps max_steps)
    : policy_(std::move(policy)), max_steps_(max_steps) {}

Steps PbtReplay::after(Steps step) const {
  for (const RecordedPolicy::Change& change : policy_.changes)
    if (change.step > step) return std::min(change.step, max_steps_);
  return max_steps_;
}

std::vector<Runnable> PbtReplay::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  for (const TrialId id : resumable(state, appetite))
    runnables.push_back(Resume{id, after(state.trial(id).step)});
  if (state.trials().empty() && appetite > 0) runnables.push_back(New{.until = after(0)});
  return runnables;
}

std::vector<Decision> PbtReplay::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (report.step >= max_steps_)
      return decisions.push_back({Complete{trial.id}, fmt::format("reached step {}", max_steps_)});
    if (report.step < trial.until) return;
    const RecordedPolicy::Change* due = nullptr;
    for (const RecordedPolicy::Change& change : policy_.changes)
      if (change.step <= report.step) due = &change;
    if (!due || same_config(due->config, trial.config))
      return decisions.push_back({Continue{trial.id, after(report.step)}});
    if (!report.checkpoint)
      return decisions.push_back(
          {Continue{trial.id, report.step + 1},
           fmt::format("no checkpoint at step {}: the policy's change of step {} waits",
                       report.step, due->step)});
    decisions.push_back({Exploit{.trial = trial.id,
                                 .donor = *report.checkpoint,
                                 .donor_value = report.value.value_or(0),
                                 .config = due->config,
                                 .until = after(report.step)},
                         fmt::format("the policy's change of step {}", due->step)});
  });
  return decisions;
}

bool PbtReplay::finished(const State& state) const { return resumable(state, 1).empty(); }

}  // namespace clavier::sched
