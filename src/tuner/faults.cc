#include "tuner/faults.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/nearest.h"
#include "study/cause.h"

// A mistake in the study file or in the program shows in every trial, but its messages may differ
// in each: in paths, numbers, whole words. So until anything has worked the text does not count.
// Afterwards it must not be mistaken for what single configurations do, such as running out of
// memory: many trials have to fail alike, and none that began later may have got further. A long
// trial that has been well since before says nothing about those that start now.

namespace clavier::tuner {
namespace {

constexpr std::string_view kCorrectMetric =
    "Correct the program and run the study again, or correct [study] metric and start over "
    "(clavier run --fresh)";

/// What the trial's last report held instead, and what of it was perhaps meant.
std::string names_of(const Trial& trial, const std::string& wanted) {
  constexpr std::size_t kMostNames = 5;
  if (trial.metrics.empty()) return {};
  std::vector<std::string> names;
  for (const Metric& metric : trial.metrics) names.push_back(metric.name);
  const std::string meant = meant_by(wanted, names);
  const bool more = names.size() > kMostNames;
  if (more) names.resize(kMostNames);
  return fmt::format("; it reported {}{}{}", fmt::join(names, ", "), more ? ", …" : "",
                     meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant));
}

/// The objective that a report lacks; empty if it has all.
std::string missing(const Objectives& objective, bool has_first,
                    const std::vector<Metric>& metrics) {
  if (!has_first) return objective.metric;
  for (const Objective& each : objective.further)
    if (std::ranges::find(metrics, each.metric, &Metric::name) == metrics.end()) return each.metric;
  return {};
}

/// To be said behind its name.
std::string role_in(const Objectives& objective) {
  if (!objective.several()) return ", the study's metric";
  std::vector<std::string> names;
  for (const Objective& each : objective.all()) names.push_back(each.metric);
  return fmt::format(
      " together with the study's other metrics ({}), and only a report that has all "
      "of them counts",
      fmt::join(names, ", "));
}

}  // namespace

void Faults::opened() {
  failures_ = 0;
  silent_ = 0;
  alike_.clear();
  seen_.clear();
  last_.clear();
  told_of_metric_ = told_of_names_ = told_of_order_ = false;
}

void Faults::failed(const Exited& exited, Retries retries, const State& state) {
  ++failures_;
  const Trial& trial = state.trial(exited.trial);
  std::string cause = cause_of(exited.error, exited.log_tail);
  if (alike_.empty() || cause != cause_) {
    alike_.clear();
    alike_attempts_ = 0;
    cause_ = std::move(cause);
    first_launch_ = exited.launch;
    reached_ = trial.step;
  }
  alike_.insert(exited.trial);
  ++alike_attempts_;
  reached_ = std::min(reached_, trial.step);
  // A trial that is retried without end would go on failing for ever by itself.
  const auto alike =
      retries == Retries::kEndless ? static_cast<std::size_t>(alike_attempts_) : alike_.size();
  if (!proven_ && failures_ >= kFirstFailures)
    verdict_ = fmt::format("{} failures, and nothing has worked yet; the last: {}", failures_,
                           exited.error);
  else if (alike >= kAlike)
    verdict_ = fmt::format("the same failure {} times in a row: {}", alike, exited.error);
}

void Faults::reported(const Report& report, const State& state) {
  proven_ = true;
  failures_ = 0;
  if (report.launch > first_launch_ && report.step > reached_) alike_.clear();
  judge_order(report, state.trial(report.trial));
  if (!named_.empty() && !told_of_names_)
    for (const Metric& metric : report.metrics) seen_.insert(metric.name);
  const std::string wanted = missing(state.objective(), report.value.has_value(), report.metrics);
  valued_ = valued_ || wanted.empty();
  if (valued_) return;
  const Trial& trial = state.trial(report.trial);
  if (trial.reports >= kWithoutMetric) {
    verdict_ = fmt::format("trial {} has reported {} times and never \"{}\"{}{}. {}",
                           trial.id.value, trial.reports, wanted, role_in(state.objective()),
                           names_of(trial, wanted), kCorrectMetric);
  } else if (!told_of_metric_) {
    told_of_metric_ = true;
    notes_.push_back(fmt::format("trial {} reports no \"{}\"{}{}", trial.id.value, wanted,
                                 role_in(state.objective()), names_of(trial, wanted)));
  }
}

/// Within one launch steps rise, unless weights of an earlier step are taken over.
void Faults::judge_order(const Report& report, const Trial& trial) {
  if (told_of_order_ || !trial.takeovers.empty()) return;
  const auto index = static_cast<std::size_t>(report.trial.value);
  if (last_.size() <= index) last_.resize(index + 1);
  auto& [launch, step] = last_[index];
  if (launch == report.launch && report.step < step) {
    told_of_order_ = true;
    notes_.push_back(fmt::format(
        "trial {} reported step {} after step {}: what it reports takes the place of what it had "
        "reported from there on. Steps are to rise, and to go on behind the checkpoint's where a "
        "trial resumes",
        trial.id.value, report.step, step));
    last_.clear();
    return;
  }
  launch = report.launch;
  step = report.step;
}

void Faults::ended(const Exited& exited, const State& state) {
  const Trial& trial = state.trial(exited.trial);
  const bool completed = trial.status == TrialStatus::kCompleted;
  if (completed && exited.launch > first_launch_) alike_.clear();
  if (trial.reports > 0) judge_names(trial);
  // One that was ended by a rule before its first report may have had no time for it.
  if (trial.reports == 0 && !trial.reason.empty())
    proven_ = proven_ || completed;
  else if (!valued_ && completed)
    judge_silence(exited, state);
}

/// Of a trial that this run has seen from its beginning to its end.
void Faults::judge_names(const Trial& ended) {
  if (told_of_names_ || ended.attempts > 1) return;
  told_of_names_ = true;
  const std::vector<std::string> seen(seen_.begin(), seen_.end());
  for (const NamedMetric& each : named_)
    if (!seen_.contains(each.metric))
      notes_.push_back(fmt::format("{}: trial {} has ended and reported no \"{}\"{}", each.key,
                                   ended.id.value, each.metric, suggestion(each.metric, seen)));
}

/// A trial that ran to its end without the study's metric. Where it reported others, the name is
/// wrong in the study file or in the program. Where it reported nothing, its configuration may make
/// no sense to the program, and others do.
void Faults::judge_silence(const Exited& exited, const State& state) {
  const Trial& trial = state.trial(exited.trial);
  const Objectives& objective = state.objective();
  const bool has_first =
      objective.several() &&
      std::ranges::find(trial.metrics, objective.metric, &Metric::name) != trial.metrics.end();
  const std::string wanted = missing(objective, has_first, trial.metrics);
  if (trial.reports > 0) {
    verdict_ = fmt::format("trial {} never reported \"{}\"{}{}. {}", trial.id.value, wanted,
                           role_in(objective), names_of(trial, wanted), kCorrectMetric);
    return;
  }
  if (++silent_ < std::min(kSilent, state.trial_limit())) return;
  verdict_ = fmt::format(
      "{} ended without a single report; print a line such as {{\"{}\": 0.5}} or use the client{}",
      silent_ == 1 ? fmt::format("trial {}", trial.id.value) : fmt::format("{} trials", silent_),
      wanted,
      exited.log_tail.empty()
          ? ""
          : ". Of trial " + std::to_string(trial.id.value) + ", " + exited.log_tail);
}

}  // namespace clavier::tuner
