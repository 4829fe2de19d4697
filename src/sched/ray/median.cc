#include "sched/ray/median.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sched/reports.h"

namespace clavier::sched {
namespace {

/// numpy's pairwise summation: eight running sums per block, halves above it.
double pairwise_sum(const double* a, std::size_t n) {
  constexpr std::size_t kBlock = 128;
  if (n < 8) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += a[i];
    return sum;
  }
  if (n > kBlock) {
    std::size_t half = n / 2;
    half -= half % 8;
    return pairwise_sum(a, half) + pairwise_sum(a + half, n - half);
  }
  double r[8];
  std::copy_n(a, 8, r);
  std::size_t i = 8;
  for (; i + 8 <= n; i += 8)
    for (std::size_t j = 0; j < 8; ++j) r[j] += a[i + j];
  double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  for (; i < n; ++i) sum += a[i];
  return sum;
}

double median_of(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  const std::size_t half = numbers.size() / 2;
  if (numbers.size() % 2 == 1) return numbers[half];
  return (numbers[half - 1] + numbers[half]) / 2;
}

}  // namespace

double numpy_mean(const double* values, std::size_t count) {
  return pairwise_sum(values, count) / static_cast<double>(count);
}

RayMedian::RayMedian(Objective objective, RayMedianOptions options)
    : objective_(std::move(objective)), options_(options) {}

RayMedian::Course& RayMedian::course(TrialId trial) {
  const auto index = static_cast<std::size_t>(trial.value);
  if (index >= courses_.size()) courses_.resize(index + 1);
  return courses_[index];
}

const RayMedian::Course* RayMedian::find(TrialId trial) const {
  const auto index = static_cast<std::size_t>(trial.value);
  return index < courses_.size() ? &courses_[index] : nullptr;
}

double RayMedian::time_of(const Report& report, const Course* course) const {
  if (options_.axis == Axis::kSteps) return static_cast<double>(report.step);
  return (course ? course->seconds : 0) + report.seconds;
}

void RayMedian::append(Course& course, double time, double value) const {
  if (!course.times.empty() && time < course.times.back()) course.rising = false;
  course.best = best(&course, value);
  course.times.push_back(time);
  course.values.push_back(value);
  const auto first = std::ranges::lower_bound(course.times, options_.grace_period);
  const auto skipped = static_cast<std::size_t>(first - course.times.begin());
  const std::size_t count = course.times.size() - skipped;
  course.means.push_back(course.rising && count > 0
                             ? numpy_mean(course.values.data() + skipped, count)
                             : std::nan(""));
}

double RayMedian::running_mean(const Course& course, double time) const {
  if (course.rising) {
    const auto after = std::ranges::upper_bound(course.times, time);
    if (after == course.times.begin()) return std::nan("");
    return course.means[static_cast<std::size_t>(after - course.times.begin()) - 1];
  }
  std::vector<double> scoped;
  for (std::size_t i = 0; i < course.times.size(); ++i)
    if (course.times[i] >= options_.grace_period && course.times[i] <= time)
      scoped.push_back(course.values[i]);
  return scoped.empty() ? std::nan("") : numpy_mean(scoped.data(), scoped.size());
}

/// As Python's min and max go through a list: a later value replaces only what it beats, so NaN
/// stays where it comes first.
double RayMedian::best(const Course* course, double value) const {
  if (!course || course->values.empty()) return value;
  const bool beats = objective_.mode == Mode::kMin ? value < course->best : value > course->best;
  return beats ? value : course->best;
}

RayMedian::Verdict RayMedian::judge(const Report& report, const Trial& trial,
                                    const State& state) const {
  const Course* own = find(trial.id);
  if (!report.value || (own && own->spared)) return Verdict::kGoOn;
  const double now = time_of(report, own);
  if (now < options_.grace_period) return Verdict::kGoOn;
  std::vector<double> means;
  for (const Course& other : courses_) {
    if (&other == own || other.times.empty() || other.times.back() < now) continue;
    const double mean = running_mean(other, now);
    if (std::isfinite(mean)) means.push_back(mean);
  }
  if (std::ssize(means) < options_.min_samples_required) {
    const bool long_enough =
        !own || !own->last_pause || now - *own->last_pause > options_.min_time_slice;
    const bool others_wait =
        state.count(TrialStatus::kPending) + state.count(TrialStatus::kPaused) > 0 ||
        (!state.exhausted() &&
         static_cast<std::int64_t>(state.trials().size()) < state.trial_limit());
    return long_enough && others_wait ? Verdict::kYield : Verdict::kGoOn;
  }
  const double median = median_of(std::move(means)), mine = best(own, *report.value);
  const bool mine_counts = objective_.mode == Mode::kMin ? mine < median : mine > median;
  return mine_counts || mine == median ? Verdict::kGoOn : Verdict::kBad;
}

std::vector<Decision> RayMedian::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    switch (judge(report, trial, state)) {
      case Verdict::kBad:
        if (options_.hard_stop)
          decisions.push_back({Stop{trial.id}, "worse than the median of the others' means"});
        else
          decisions.push_back({Pause{trial.id}, "worse than the median of the others' means"});
        return;
      case Verdict::kYield:
        decisions.push_back({Pause{trial.id}, "too few others to judge it by: yields to them"});
        return;
      case Verdict::kGoOn: break;
    }
    if (report.step >= trial.until) decisions.push_back({Continue{trial.id, report.step + 1}});
  });
  return decisions;
}

void RayMedian::take(const Report& report, Verdict verdict) {
  Course& own = course(report.trial);
  const double time = time_of(report, &own);
  own.seconds += report.seconds;
  if (!report.value) return;
  own.last = {time, *report.value};
  if (own.spared) return;
  append(own, time, *report.value);
  if (verdict == Verdict::kYield) own.last_pause = time;
  if (verdict == Verdict::kBad) own.spared = true;
}

void RayMedian::observe(const Turn& turn, const State& state) {
  std::vector<std::pair<const Report*, Verdict>> judged;  // all before any is recorded
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    judged.emplace_back(&report, trial.parked ? judge(report, trial, state) : Verdict::kGoOn);
  });
  for (const auto& [report, verdict] : judged) take(*report, verdict);
  for (const Decision& decision : turn.decisions)
    if (std::holds_alternative<Stop>(decision.action) ||
        std::holds_alternative<Complete>(decision.action))
      course(subject(decision.action)).over = true;
  const Exited* exited = exit_in(turn, state);
  if (!exited || exited->kind != ExitKind::kCompleted) return;
  Course& own = course(exited->trial);
  if (!own.over && own.last) append(own, own.last->first, own.last->second);
}

std::vector<Runnable> RayMedian::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  const auto room = state.trial_limit() - static_cast<std::int64_t>(state.trials().size());
  const auto drawn = state.exhausted() ? 0 : std::max<std::int64_t>(room, 0);
  const std::size_t allowed = static_cast<std::size_t>(drawn) + state.requested().size();
  while (runnables.size() < std::min(appetite, allowed)) runnables.push_back(New{.until = 1});
  for (const TrialId id : resumable(state, appetite - runnables.size()))
    runnables.push_back(Resume{id, state.trial(id).step + 1});
  return runnables;
}

bool RayMedian::finished(const State& state) const { return resumable(state, 1).empty(); }

}  // namespace clavier::sched
