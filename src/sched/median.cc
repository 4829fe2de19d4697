#include "sched/median.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "sched/reports.h"

/// A report's effect on its trial's course is worked out on a copy, by `arrive`, and twice: once to
/// decide and once to remember. Opening a study shows the policies every logged turn but asks them
/// nothing, so what they remember may not hang on having been asked.
namespace clavier::sched {

Median::Median(Objective objective, MedianOptions options)
    : objective_(std::move(objective)), options_(options) {
  CHECK(options_.every > 0 && options_.grace >= 0 && options_.min_trials >= 1 &&
        options_.percentile >= 0 && options_.percentile <= 100);
}

double Median::Course::mean() const {
  return count == 0 ? std::nan("") : sum / static_cast<double>(count);
}

Median::Course Median::course(TrialId trial) const {
  const auto index = static_cast<std::size_t>(trial.value);
  return index < courses_.size() ? courses_[index] : Course{};
}

Median::Arrival Median::arrive(const Report& report, const Trial& trial) const {
  Arrival arrival{trial.id, course(trial.id)};
  Course& course = arrival.course;
  const bool by_steps = options_.axis == Axis::kSteps;
  if (by_steps && report.step <= course.step && report.step > 0) {
    // A retried trial repeats steps: its new values replace the old ones.
    course.sum = 0, course.count = 0;
    for (const Point& point : trial.history)
      if (point.step < report.step && static_cast<double>(point.step) >= options_.grace &&
          std::isfinite(point.value))
        course.sum += point.value, ++course.count;
  }
  course.step = report.step;
  course.seconds += report.seconds;
  const double at = by_steps ? static_cast<double>(report.step) : course.seconds;
  if (at < options_.grace || !report.value) return arrival;
  if (std::isfinite(*report.value)) course.sum += *report.value, ++course.count;
  const auto milestone = static_cast<std::int64_t>((at - options_.grace) / options_.every);
  arrival.comes = milestone > course.milestone;
  if (arrival.comes) course.milestone = milestone;
  return arrival;
}

std::vector<Median::Arrival> Median::arrivals(const Turn& turn, const State& state) const {
  std::vector<Arrival> arrivals;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    arrivals.push_back(arrive(report, trial));
  });
  return arrivals;
}

double Median::bar_of(const Ranking& means, std::span<const double> extra) const {
  const std::size_t last = means.size() + extra.size() - 1;
  // Multiplied first: a place that is a whole number comes out as one.
  const double place = options_.percentile * static_cast<double>(last) / 100;
  const auto below = static_cast<std::size_t>(place);
  const double part = place - static_cast<double>(below);
  const double lower = key_at(means, extra, below);
  if (part == 0) return lower;
  return lower * (1 - part) + key_at(means, extra, below + 1) * part;
}

std::string Median::verdict(const Arrival& arrival, const std::vector<Arrival>& together,
                            const Trial& trial) const {
  static const Ranking kNobody;
  const auto found = means_.find(arrival.course.milestone);
  const Ranking& means = found == means_.end() ? kNobody : found->second;
  std::vector<double> extra;
  for (const Arrival& other : together)
    if (other.comes && other.trial != arrival.trial &&
        other.course.milestone == arrival.course.milestone)
      extra.push_back(objective_.rank_key(other.course.mean()));
  const std::size_t others = means.size() + extra.size();
  if (others < static_cast<std::size_t>(options_.min_trials)) return {};
  std::ranges::sort(extra, [](double a, double b) { return Ranking::precedes(a, b); });
  const double bar = bar_of(means, extra);
  const double best = trial.best ? objective_.rank_key(trial.best->value) : std::nan("");
  if (!Ranking::precedes(bar, best)) return {};
  const double sign = objective_.mode == Mode::kMin ? 1 : -1;
  const std::string name = options_.percentile == 50 ? fmt::format("the median {:.6g}", sign * bar)
                                                     : fmt::format("{:.6g}, percentile {:g}",
                                                                   sign * bar, options_.percentile);
  return fmt::format("its best {:.6g} is worse than {} of {} others", sign * best, name, others);
}

/// By steps, the next milestone; by seconds nobody waits.
Steps Median::next_until(Steps step) const {
  if (options_.axis == Axis::kSeconds) return options_.max_steps;
  const double done = static_cast<double>(step) - options_.grace;
  const double passed = done < 0 ? 0 : std::floor(done / options_.every) + 1;
  const auto next = static_cast<Steps>(std::ceil(options_.grace + passed * options_.every));
  return std::min(std::max(next, step + 1), options_.max_steps);
}

std::vector<Runnable> Median::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  for (const TrialId id : resumable(state, appetite))
    runnables.push_back(Resume{id, next_until(state.trial(id).step)});
  while (runnables.size() < appetite) runnables.push_back(New{.until = next_until(0)});
  return runnables;
}

std::vector<Decision> Median::decide(const Turn& turn, const State& state) const {
  const std::vector<Arrival> together = arrivals(turn, state);
  std::vector<Decision> decisions;
  std::size_t index = 0;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    const Arrival& arrival = together[index++];
    if (report.step >= options_.max_steps) {
      decisions.push_back({Complete{trial.id}, fmt::format("reached step {}", options_.max_steps)});
      return;
    }
    std::string worse = arrival.comes ? verdict(arrival, together, trial) : std::string();
    if (!worse.empty())
      decisions.push_back({Stop{trial.id}, std::move(worse)});
    else if (report.step >= trial.until)
      decisions.push_back({Continue{trial.id, next_until(report.step)}});
  });
  return decisions;
}

void Median::observe(const Turn& turn, const State& state) {
  for (const Arrival& arrival : arrivals(turn, state)) {
    const auto index = static_cast<std::size_t>(arrival.trial.value);
    if (index >= courses_.size()) courses_.resize(index + 1);
    courses_[index] = arrival.course;
    if (arrival.comes)
      means_[arrival.course.milestone].insert(
          {objective_.rank_key(arrival.course.mean()), arrival.trial});
  }
}

bool Median::finished(const State& state) const { return resumable(state, 1).empty(); }

std::int64_t Median::visits() const {
  std::int64_t sum = 0;
  for (const auto& [milestone, means] : means_) sum += means.visits();
  return sum;
}

}  // namespace clavier::sched
