#include "sched/ray/pbt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "sched/pbt.h"
#include "sched/population.h"
#include "sched/reports.h"

namespace clavier::sched {

Status check(const Space& space, const RayPbtOptions& options) {
  return check(space, PbtOptions{.interval = options.perturbation_interval,
                                 .burn_in = options.burn_in_period,
                                 .max_steps = options.max_steps,
                                 .quantile = options.quantile_fraction,
                                 .explore = options.explore});
}

RayPbt::RayPbt(Objective objective, Space space, RayPbtOptions options, std::uint64_t seed)
    : objective_(std::move(objective)),
      space_(std::move(space)),
      options_(std::move(options)),
      seed_(seed) {
  CHECK(options_.perturbation_interval > 0);
  CHECK(options_.quantile_fraction >= 0 && options_.quantile_fraction <= 0.5);
}

RayPbt::Course& RayPbt::course(Courses& courses, TrialId trial) const {
  const auto at = static_cast<std::size_t>(trial.value);
  if (courses.size() <= at) courses.resize(at + 1);
  return courses[at];
}

Steps RayPbt::until(const Course& course, Steps step) const {
  const Steps test =
      std::max(course.last + options_.perturbation_interval, options_.burn_in_period);
  const Steps end = options_.max_steps == kForever ? kForever : options_.max_steps - course.offset;
  return std::max(std::min(test, end), step + 1);
}

bool RayPbt::full(const Course& course, Steps step) const {
  return step >= options_.burn_in_period && step - course.last >= options_.perturbation_interval;
}

bool RayPbt::due(const Course& course, const Report& report, bool waits) const {
  if (!report.value || !waits) return false;
  return options_.counter == Counter::kOwn || full(course, report.step);
}

bool RayPbt::ranked(TrialId trial, const Course& course, const State& state) const {
  if (!course.score || std::isnan(*course.score)) return false;
  if (options_.counter == Counter::kOwn) return *course.score != 0;
  return !ended(state.trial(trial).status);
}

Decision RayPbt::test(const Report& report, const State& state, Courses& courses) const {
  const TrialId trial = report.trial;
  Course& own = course(courses, trial);
  const bool tested = full(own, report.step);
  own.score = objective_.mode == Mode::kMax ? *report.value : -*report.value;
  own.last = report.step;
  const Decision go_on{Continue{trial, until(own, report.step)}, ""};
  if (!tested) return go_on;

  std::vector<TrialId> order;
  for (std::size_t i = 0; i < courses.size(); ++i)
    if (const TrialId id{static_cast<std::int64_t>(i)}; ranked(id, courses[i], state))
      order.push_back(id);
  std::ranges::stable_sort(order, {}, [&](TrialId id) { return *course(courses, id).score; });
  const std::size_t few = quantile_size(order.size(), options_.quantile_fraction);
  const auto place = static_cast<std::size_t>(std::ranges::find(order, trial) - order.begin());
  const bool upper = place < order.size() && place + few >= order.size();
  own.checkpoint = upper ? report.checkpoint : std::nullopt;
  own.saved_value = *report.value;
  if (place >= few) return go_on;
  Rng rng = Rng::keyed(seed_, trial.value, report.step);
  const TrialId donor = order[order.size() - few + rng.below(few)];
  const Course& other = course(courses, donor);
  const auto& kept = state.trial(donor).checkpoints;
  if (!other.checkpoint || std::ranges::find(kept, *other.checkpoint) == kept.end())
    return {go_on.action,
            fmt::format("drew trial {} as donor, which has no checkpoint", donor.value)};
  const auto taken = own.taken.find({donor, other.checkpoint->step});
  if (taken != own.taken.end() && taken->second >= kMostTimes)
    return {go_on.action, fmt::format("has taken over trial {} at step {} often enough",
                                      donor.value, other.checkpoint->step)};
  Explored explored = explore_as_ray(space_, options_.explore, state.trial(donor).config, rng);
  Course after = own;
  after.last = other.last;
  if (options_.counter == Counter::kOwn) after.offset += report.step - other.checkpoint->step;
  return {Exploit{.trial = trial,
                  .donor = *other.checkpoint,
                  .donor_value = other.saved_value,
                  .config = std::move(explored.config),
                  .until = until(after, other.checkpoint->step)},
          fmt::format("step {}: takes over trial {} at step {} ({:.6g} against {:.6g}); {}",
                      report.step, donor.value, other.checkpoint->step, other.saved_value,
                      *report.value, explored.changes)};
}

std::vector<Decision> RayPbt::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions;
  std::optional<Courses> courses;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (!courses) courses = courses_;
    Course& own = course(*courses, trial.id);
    const bool waits = report.step >= trial.until;
    if (options_.max_steps != kForever && report.step + own.offset >= options_.max_steps)
      return decisions.push_back(
          {Complete{trial.id}, fmt::format("reached step {}", options_.max_steps)});
    if (!due(own, report, waits)) {
      if (waits) decisions.push_back({Continue{trial.id, until(own, report.step)}});
      return;
    }
    Decision decision = test(report, state, *courses);
    if (options_.shares_slots && (still_to_be_made(state) > 0 || waits_for_slot(trial.id, state)))
      decision = {Pause{trial.id}, fmt::format("step {}: others wait for a slot", report.step)};
    decisions.push_back(std::move(decision));
  });
  if (const Exited* exited = exit_in(turn, state)) {
    const auto at = static_cast<std::size_t>(exited->trial.value);
    if (at < courses_.size() && courses_[at].plan && !ended(state.trial(exited->trial).status))
      decisions.push_back({*courses_[at].plan, courses_[at].reason});
  }
  return decisions;
}

void RayPbt::took_over(const Exploit& exploit, Steps from) {
  Course& own = course(courses_, exploit.trial);
  own.last = exploit.donor.step;
  if (options_.counter == Counter::kOwn) own.offset += from - exploit.donor.step;
  ++own.taken[{exploit.donor.trial, exploit.donor.step}];
  own.checkpoint.reset();
  own.plan.reset();
}

void RayPbt::observe(const Turn& turn, const State& state) {
  std::map<TrialId, Steps> tested;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    // A worker waited if it was decided upon. (One that repeats steps may not wait where its test
    // would be due: it has trained on, and must not take over others' weights under way.)
    if (!due(course(courses_, trial.id), report, decided(turn, trial.id))) return;
    tested[trial.id] = report.step;
    Decision decision = test(report, state, courses_);
    const auto* exploit = std::get_if<Exploit>(&decision.action);
    Course& own = course(courses_, trial.id);
    own.plan.reset();
    if (!exploit) return;
    own.plan = *exploit;
    own.reason = std::move(decision.reason);
  });
  const Exited* exited = exit_in(turn, state);
  for (const Decision& decision : turn.decisions) {
    const auto* exploit = std::get_if<Exploit>(&decision.action);
    if (!exploit) continue;
    const Course& own = course(courses_, exploit->trial);
    took_over(*exploit, tested.contains(exploit->trial) ? tested[exploit->trial] : own.last);
  }
  for (const auto& [trial, step] : tested)
    if (!state.trial(trial).parked) course(courses_, trial).plan.reset();
  if (exited) course(courses_, exited->trial).plan.reset();
}

std::vector<Runnable> RayPbt::resumes(const State& state) const {
  std::vector<std::pair<Steps, Resume>> waiting;
  for (const TrialId id : resumable(state, state.count(TrialStatus::kPaused))) {
    const auto at = static_cast<std::size_t>(id.value);
    const Course own = at < courses_.size() ? courses_[at] : Course{};
    waiting.push_back({own.last + own.offset, Resume{id, until(own, state.trial(id).step)}});
  }
  std::ranges::stable_sort(waiting, {}, [](const auto& each) { return each.first; });
  std::vector<Runnable> runnables;
  for (const auto& each : waiting) runnables.push_back(each.second);
  return runnables;
}

std::vector<Runnable> RayPbt::next(const State& state, std::size_t appetite) const {
  return population_first(state, appetite, New{.until = until(Course{}, 0)}, resumes(state));
}

bool RayPbt::finished(const State& state) const { return resumable(state, 1).empty(); }

}  // namespace clavier::sched
