#include "sched/pbt_replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/match.h"
#include "sched/reports.h"
#include "study/text.h"

namespace clavier::sched {
namespace {

/// A parsed value as text again.
void append(std::string& out, const Json& json) {
  match(
      json.data, [&](std::monostate) { out += "null"; },
      [&](bool truth) { out += truth ? "true" : "false"; },
      [&](std::uint64_t number) { out += fmt::format("{}", number); },
      [&](std::int64_t number) { append_json(out, number); },
      [&](double number) { append_json(out, number); },
      [&](const std::string& words) { append_json(out, std::string_view(words)); },
      [&](const Json::List& list) {
        out += '[';
        for (const Json& item : list) {
          if (out.back() != '[') out += ", ";
          append(out, item);
        }
        out += ']';
      },
      [&](const Json::Table& table) {
        out += '{';
        for (const Json::Field& field : table) {
          if (out.back() != '{') out += ", ";
          append_json(out, std::string_view(field.name));
          out += ": ";
          append(out, field.value);
        }
        out += '}';
      });
}

Result<Config> config_of(const Json& json) {
  std::string text;
  append(text, json);
  return text::config_from_json(text);
}

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
  takeover.donor_config = TRY(config_of((*parts)[4]));
  takeover.config = TRY(config_of((*parts)[5]));
  return takeover;
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

Result<std::vector<Takeover>> read_takeovers(std::string_view text) {
  std::vector<Takeover> takeovers;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto json = Json::parse(line);
    auto takeover = json ? takeover_of(*json) : Result<Takeover>(json.error());
    if (!takeover)
      return invalid(fmt::format("line {} of the policy: {}", number, takeover.error().message));
    takeovers.push_back(*std::move(takeover));
  }
  return takeovers;
}

Policy policy_of(const std::vector<Takeover>& takeovers) {
  CHECK(!takeovers.empty());
  Policy policy;
  const std::string* lineage = nullptr;
  for (auto each = takeovers.rbegin(); each != takeovers.rend(); ++each) {
    if (lineage && each->target != *lineage) break;
    lineage = &each->donor;
    policy.initial = each->donor_config;
    policy.changes.push_back({each->donor_step, each->config});
  }
  std::ranges::reverse(policy.changes);
  return policy;
}

PbtReplay::PbtReplay(Policy policy, Steps max_steps)
    : policy_(std::move(policy)), max_steps_(max_steps) {}

Steps PbtReplay::after(Steps step) const {
  for (const Policy::Change& change : policy_.changes)
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
    const Policy::Change* due = nullptr;
    for (const Policy::Change& change : policy_.changes)
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
