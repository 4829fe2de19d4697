#include "sched/ray/asha.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "sched/reports.h"
#include "sched/rungs.h"

/// Nothing here is to be tidied: what looks odd is Ray's or numpy's, and a golden trace fails
/// without it. The percentile counts its place from the end where numpy does; a trial below the
/// cutoff is recorded all the same; who ends by itself is recorded once more, one rung lower, which
/// is why those that were told to end are kept apart (`over_`).
/// Cutoffs come from what was recorded before a report: `decide` therefore must not record, and
/// `observe` does it afterwards.
namespace clavier::sched {
namespace {

/// More of it is better; infinities count, as in Ray.
double oriented(const Objective& objective, double value) {
  return objective.mode == Mode::kMax ? value : -value;
}

}  // namespace

double percentile(const Ranking& sorted, double percent) {
  const auto last = static_cast<double>(sorted.size() - 1);
  const double place = last * (percent / 100);
  double below = std::floor(place);
  if (place >= last) below = -1;  // as numpy: the last value, counted from the end
  const double share = place - below;
  const std::size_t low = below < 0 ? sorted.size() - 1 : static_cast<std::size_t>(below);
  const std::size_t high = below < 0 ? sorted.size() - 1 : low + 1;
  const double a = sorted.at(low).key, b = sorted.at(high).key, gap = b - a;
  return share >= 0.5 ? b - gap * (1 - share) : a + gap * share;
}

RayAsha::RayAsha(Objective objective, RayAshaOptions options, std::uint64_t seed)
    : objective_(std::move(objective)), options_(options), seed_(seed) {
  CHECK(options_.grace_period >= 1 && options_.grace_period <= options_.max_t);
  CHECK(options_.reduction_factor > 1 && options_.brackets >= 1);
  const double rf = options_.reduction_factor;
  const auto grace = static_cast<double>(options_.grace_period);
  for (int s = 0; s < options_.brackets; ++s) {
    const int rungs = static_cast<int>(
        std::log(static_cast<double>(options_.max_t) / grace) / std::log(rf) - s + 1);
    Bracket bracket;
    for (int k = rungs - 1; k >= 0; --k) bracket.push_back({grace * std::pow(rf, k + s)});
    brackets_.push_back(std::move(bracket));
  }
  const auto most = static_cast<double>(brackets_.front().size());
  for (const Bracket& bracket : brackets_)
    weights_.push_back(std::exp(static_cast<double>(bracket.size()) - most));
}

std::size_t RayAsha::bracket_of(const Trial& trial) const {
  const auto last = static_cast<int>(brackets_.size()) - 1;
  return static_cast<std::size_t>(std::clamp(trial.bracket, 0, last));
}

bool RayAsha::recorded(TrialId trial, std::size_t rung) const {
  const auto index = static_cast<std::size_t>(trial.value);
  return index < recorded_.size() && rung < recorded_[index].size() && recorded_[index][rung];
}

std::optional<std::size_t> RayAsha::rung_at(const Trial& trial, Steps step,
                                            std::optional<std::size_t> besides) const {
  const Bracket& bracket = rungs_of(trial);
  const auto at = static_cast<double>(step);
  for (std::size_t i = 0; i < bracket.size(); ++i) {
    if (at < bracket[i].milestone) continue;
    if (!recorded(trial.id, i) && besides != i) return i;
    if (!options_.stop_last_trials) return std::nullopt;
  }
  return std::nullopt;
}

/// Where the next decision can differ from "continue".
Steps RayAsha::next_until(const Trial& trial, Steps step,
                          std::optional<std::size_t> besides) const {
  if (rung_at(trial, step + 1, besides)) return step + 1;
  Steps until = options_.stop_last_trials ? options_.max_t : kForever;
  for (const Rung& rung : rungs_of(trial))
    if (rung.milestone > static_cast<double>(step))
      until = std::min(until, static_cast<Steps>(std::ceil(rung.milestone)));
  return std::max(until, step + 1);
}

std::optional<Decision> RayAsha::judge(const Report& report, const Trial& trial) const {
  if (options_.stop_last_trials && report.step >= options_.max_t && report.value)
    return Decision{Complete{trial.id}, fmt::format("reached max_t {}", options_.max_t)};
  const auto index = report.value ? rung_at(trial, report.step) : std::nullopt;
  if (index) {
    const Rung& rung = rungs_of(trial)[*index];
    const double reward = oriented(objective_, *report.value);
    if (!rung.rewards.empty()) {
      const double cutoff = percentile(rung.rewards, (1 - 1 / options_.reduction_factor) * 100);
      if (reward < cutoff)
        return Decision{Stop{trial.id},
                        fmt::format("rung {}: below the cutoff of {} earlier trials",
                                    rung.milestone, rung.rewards.size())};
    }
  }
  if (report.step < trial.until) return std::nullopt;
  return Decision{Continue{trial.id, next_until(trial, report.step, index)}};
}

std::vector<Decision> RayAsha::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (auto decision = judge(report, trial)) decisions.push_back(*std::move(decision));
  });
  return decisions;
}

void RayAsha::record(const Trial& trial, Steps step, double value) {
  const auto rung = rung_at(trial, step);
  if (!rung) return;
  const auto index = static_cast<std::size_t>(trial.id.value);
  if (index >= recorded_.size()) recorded_.resize(index + 1);
  recorded_[index].resize(rungs_of(trial).size());
  recorded_[index][*rung] = true;
  if (!std::isnan(value))
    brackets_[bracket_of(trial)][*rung].rewards.insert({oriented(objective_, value), trial.id});
}

void RayAsha::observe(const Turn& turn, const State& state) {
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    const bool at_end = options_.stop_last_trials && report.step >= options_.max_t;
    if (report.value && !at_end) record(trial, report.step, *report.value);
  });
  for (const Decision& decision : turn.decisions) {
    if (std::holds_alternative<Continue>(decision.action)) continue;
    const auto index = static_cast<std::size_t>(subject(decision.action).value);
    if (index >= over_.size()) over_.resize(index + 1);
    over_[index] = std::holds_alternative<Stop>(decision.action) ||
                   std::holds_alternative<Complete>(decision.action);
  }
  const Exited* exited = exit_in(turn, state);
  if (!exited || exited->kind != ExitKind::kCompleted) return;
  const Trial& trial = state.trial(exited->trial);
  const auto index = static_cast<std::size_t>(trial.id.value);
  const bool told = index < over_.size() && over_[index];
  if (!told && !trial.history.empty() && trial.history.back().step == trial.step)
    record(trial, trial.step, trial.history.back().value);
}

std::vector<Runnable> RayAsha::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  for (const TrialId id : resumable(state, appetite))
    runnables.push_back(Resume{id, next_until(state.trial(id), state.trial(id).step, {})});
  for (auto id = static_cast<std::int64_t>(state.trials().size()); runnables.size() < appetite;
       ++id) {
    Trial trial;  // of the bracket it will get, so far without a record
    trial.id = TrialId{id};
    trial.bracket = draw_bracket(weights_, seed_, trial.id);
    runnables.push_back(New{.until = next_until(trial, 0, {}), .bracket = trial.bracket});
  }
  return runnables;
}

bool RayAsha::finished(const State& state) const { return resumable(state, 1).empty(); }

std::int64_t RayAsha::visits() const {
  std::int64_t sum = 0;
  for (const Bracket& bracket : brackets_)
    for (const Rung& rung : bracket) sum += rung.rewards.visits();
  return sum;
}

}  // namespace clavier::sched
