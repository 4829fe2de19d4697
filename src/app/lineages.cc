#include "app/lineages.h"

#include <utility>

#include "base/check.h"
#include "sched/pbt_replay.h"
#include "study/directory_name.h"

namespace clavier::app {

Lineages::Course* Lineages::course(TrialId trial, const State& state) {
  const auto found = courses_.find(trial);
  if (found == courses_.end()) return nullptr;
  Course& course = found->second;
  // A takeover of which no weights are left is taken back.
  while (course.before.size() > state.trial(trial).takeovers.size()) {
    course.now = std::move(course.before.back());
    course.before.pop_back();
  }
  return &course;
}

void Lineages::exploit(const Turn& turn, const State& state) {
  std::vector<std::pair<Course*, Past>> after;
  for (const Decision& decision : turn.decisions) {
    const auto* exploit = std::get_if<Exploit>(&decision.action);
    if (!exploit) continue;
    Course* target = course(exploit->trial, state);
    const Course* donor = course(exploit->donor.trial, state);
    if (!target || !donor) continue;
    lines_.push_back(sched::to_line({.target = target->tag,
                                     .donor = donor->tag,
                                     .target_step = target->step,
                                     .donor_step = exploit->donor.step,
                                     .donor_config = donor->now.config,
                                     .config = exploit->config}));
    behind_.push_back(donor->now.line);
    after.push_back({target, {exploit->config, lines_.size() - 1}});
  }
  // Those of one turn know nothing of each other.
  for (auto& [target, now] : after)
    target->before.push_back(std::exchange(target->now, std::move(now)));
}

void Lineages::see(const Step& step, const State& state) {
  if (const auto* reported = input_as<Reported>(step.turn); reported && !step.turn.late)
    for (const Report& report : reported->reports)
      if (const auto found = courses_.find(report.trial); found != courses_.end())
        found->second.step = report.step;
  exploit(step.turn, state);
  for (const NewTrial& created : step.fill.created)
    courses_[created.id] = {.tag = experiment_tag(created.id, created.config),
                            .now = {.config = created.config},
                            .before = {}};
}

std::string Lineages::policy(TrialId trial) const {
  const auto found = courses_.find(trial);
  std::string text;
  if (found == courses_.end()) return text;
  for (std::size_t line = found->second.now.line; line != kNone; line = behind_[line])
    text.insert(0, lines_[line] + "\n");
  return text;
}

std::string Lineages::whole_policy(TrialId trial) const {
  std::string text = policy(trial);
  if (!text.empty()) return text;
  const auto found = courses_.find(trial);
  CHECK(found != courses_.end());
  const Course& own = found->second;
  return sched::to_line({.target = own.tag,
                         .donor = own.tag,
                         .donor_config = own.now.config,
                         .config = own.now.config}) +
         "\n";
}

}  // namespace clavier::app
