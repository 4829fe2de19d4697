#include "app/run/explain_wait.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/run/session.h"
#include "report/wording.h"

namespace clavier::app {
namespace {

std::string because(const std::string& reason) {
  return reason.empty() ? std::string() : ": " + reason;
}

/// Who is trained with it, as one.
std::string as_one(const State& state, const Trial& trial) {
  std::vector<std::int64_t> others;
  for (const TrialId id : state.with_status(TrialStatus::kRunning))
    if (id != trial.id && state.trial(id).launch == trial.launch) others.push_back(id.value);
  if (others.empty()) return {};
  return fmt::format(", as one with {} {}", others.size() == 1 ? "trial" : "trials",
                     fmt::join(others, ", "));
}

std::string running(const State& state, const Trial& trial, const std::string& no_room) {
  if (!no_room.empty())
    return fmt::format("trial {} was given slot {}, and its start waits for the machine: {}\n",
                       trial.id.value, trial.slot.value, no_room);
  std::string text = fmt::format("trial {} is {}: it runs in slot {}{}, at step {}", trial.id.value,
                                 report::status_word(trial, true), trial.slot.value,
                                 as_one(state, trial), trial.step);
  if (trial.decided != Decided::kNone)
    return text + fmt::format("; it has been told to leave{}\n", because(trial.reason));
  if (trial.step >= trial.waits_at()) return text + "; it waits there for a decision\n";
  if (trial.stretch < trial.until)
    text += fmt::format("; its planner is asked at step {}", trial.stretch);
  if (trial.until != kForever)
    text += fmt::format("; its scheduler is asked at step {}", trial.until);
  return text + '\n';
}

std::string paused(const Trial& trial, const std::string& study) {
  if (trial.held)
    return fmt::format(
        "trial {} is paused, by the user, at step {}; `clavier resume {} {}` lets it "
        "go on\n",
        trial.id.value, trial.step, study, trial.id.value);
  return fmt::format(
      "trial {} is paused, by the scheduler, at step {}{}\nIt goes on if the "
      "scheduler prefers it to new trials and to the others that are paused\n",
      trial.id.value, trial.step, because(trial.reason));
}

/// Why GPUs take no more trials than they do.
std::string packing(const cluster::ClusterState& cluster) {
  std::string text;
  for (std::size_t i = 0; i < cluster.packing().size(); ++i) {
    const auto& device = cluster.packing().device(i);
    const std::string why = cluster.packing().why_closed(device.places.front());
    if (!why.empty()) text += fmt::format("  {}: {}\n", cluster.nodes().at(device.node).host, why);
  }
  return text;
}

/// Who holds the slots.
std::string holders(const State& state, const cluster::ClusterState& cluster) {
  std::string text;
  for (const auto& [id, slot] : cluster.slots()) {
    if (!slot.alive || !slot.busy) continue;
    text += fmt::format("  slot {}", id.value);
    for (const TrialId trial : state.with_status(TrialStatus::kRunning))
      if (state.trial(trial).launch == *slot.busy)
        text += fmt::format(": trial {}, at step {}", trial.value, state.trial(trial).step);
    text += '\n';
  }
  return text + packing(cluster);
}

std::string pending(const Trial& trial, const tuner::Director& director,
                    const std::string& planner_says) {
  const State& state = director.state();
  const cluster::ClusterState& cluster = director.cluster();
  std::string text = fmt::format("trial {} is pending: it waits for a slot", trial.id.value);
  if (trial.attempts > 0)
    text += fmt::format(", to go on from step {}", [&] {
      const Checkpoint* from = trial.latest_checkpoint();
      return from ? from->step : 0;
    }());
  if (trial.attempts > 0 && !trial.reason.empty())
    text += fmt::format(" (it left the last one: {})", trial.reason);
  if (cluster.alive_slots() == 0) return text + ": none is there\n";
  if (!planner_says.empty()) return text + ": " + planner_says + '\n' + holders(state, cluster);
  if (cluster.free_slots().empty()) return text + ": all are busy\n" + holders(state, cluster);
  if (state.reports() == 0 && state.count(TrialStatus::kRunning) > 0)
    return text + ": one trial runs alone until anything has worked once\n" +
           holders(state, cluster);
  return text + fmt::format(": {} are free, others come first\n", cluster.free_slots().size());
}

}  // namespace

Result<std::string> explain_wait(const RecordedStudy& study, TrialId id, bool study_runs,
                                 const std::string& no_room) {
  const Trial& trial = study.state.trial(id);
  if (ended(trial.status))
    return fmt::format("trial {} has ended, {} at step {}{}\n", id.value, name(trial.status),
                       trial.step, because(trial.reason));
  if (study.state.finished())
    return fmt::format("trial {} is {}: the study is over, {}\n", id.value,
                       report::status_word(trial, false),
                       report::reason_text(study.state.finished()->reason));
  if (trial.held) return paused(trial, study.folder.name());
  if (!study_runs)
    return fmt::format(
        "trial {} is {}, at step {}: the study does not run just now; running it "
        "again goes on\n",
        id.value, report::status_word(trial, false), trial.step);
  if (trial.status == TrialStatus::kRunning) return running(study.state, trial, no_room);
  if (trial.status == TrialStatus::kPaused) return paused(trial, study.folder.name());

  // Only a planner that was asked everything it was asked knows what it keeps a trial for.
  const auto log = TRY(store::StepLog::open_to_read(study.folder.database()));
  const auto directed = TRY(Directed::replayed(study.spec, log));
  const tuner::Director& director = directed.director;
  return pending(director.state().trial(id), director, director.why_it_waits(id));
}

}  // namespace clavier::app
