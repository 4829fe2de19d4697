#include "tuner/tuner.h"

#include <fmt/format.h>

#include <algorithm>

#include "exec/told.h"

/// Two rules keep a crash from separating what was decided from what was done. Nothing is sent,
/// started or deleted before its step is in the log: what was done and not logged, nobody could
/// take up again. Deletions come last, for a message of the same step may still name what goes.
/// Observers see a step after that, as they would on replay.
namespace clavier::tuner {

namespace {

/// What the first Ctrl-C does.
std::string pausing(std::int64_t running) {
  return fmt::format(
      "pausing: {} {} at the next report, with a checkpoint if the program can save one (else it "
      "begins anew); Ctrl-C again ends at once",
      running, running == 1 ? "trial leaves" : "trials leave");
}

}  // namespace

Tuner::Tuner(StudyOptions options, Policies policies, World world)
    : director_(std::move(options), policies), world_(std::move(world)) {}

Status Tuner::recover() {
  const StepId last = world_.log.last();
  const bool empty = !last.valid();
  // Parsing every metric costs more than the rest; retention may need them, several objectives and
  // observers that lag do.
  const StudyOptions& options = director_.options();
  bool parse = !options.keep.best_by.empty() || options.objective.several();
  for (Observer* observer : world_.observers) {
    auto from = observer->resume();
    if (!from.ok()) {
      world_.warn(from.error().message);
      continue;
    }
    // An output that is ahead belongs to another log: it starts anew.
    if (from->value > last.value + 1) {
      if (!empty)
        world_.warn(
            fmt::format("the log ends with step {}, but there were {} when its files were "
                        "written: the last ones were lost (a power cut, or study.db-wal "
                        "deleted?), and the study goes on without them",
                        last.value, from->value));
      from = StepId{0};
    }
    parse = parse || from->value <= last.value;
    followed_.push_back({observer, *from});
  }
  const auto metrics = parse ? store::Metrics::kParse : store::Metrics::kSkip;
  TRY(world_.log.read(StepId{0}, metrics, [&](const Step& step) -> Status {
    if (const auto* opened = input_as<Opened>(step.turn); opened && first_study_text_.empty())
      first_study_text_ = opened->study;
    TRY(director_.replay(step));
    rebuilt_ = world_.executor.replay(step);
    show(step);
    return {};
  }));
  director_.take_notes();  // They were for whoever watched then.
  if (empty) rebuilt_ = false;
  next_step_ = StepId{world_.log.last().value + 1};
  offset_ = state().now().time_since_epoch() - world_.executor.now().time_since_epoch();
  return {};
}

StudyTime Tuner::now() const { return std::max(state().now(), world_.executor.now() + offset_); }

bool Tuner::idle_forever() const {
  return (state().finished() || director_.closing()) && state().count(TrialStatus::kRunning) == 0;
}

Status Tuner::open(const RunFacts& facts) {
  std::vector<Input> inputs{Opened{.utc_us = facts.utc_us,
                                   .version = facts.version,
                                   .commit = facts.commit,
                                   .seed = director_.options().seed,
                                   .trials = director_.options().trials,
                                   .study = facts.study_text,
                                   .origin = facts.origin,
                                   .rebuilt = rebuilt_,
                                   .asked = facts.asked}};
  if (auto trials = director_.to_retry(); !trials.empty())
    inputs.emplace_back(UserCommand{Retry{std::move(trials)}});
  return feed(std::move(inputs));
}

Result<RunEnd> Tuner::run(const RunFacts& facts) {
  if (director_.over()) {
    each_observer([&](Observer& each) { return each.finish(state()); });
    return RunEnd::kFinished;
  }
  TRY(open(facts));
  int interrupts_seen = 0;
  while (!idle_forever()) {
    std::vector<Input> inputs = wait();
    for (UserCommand& command : world_.mailbox.take()) inputs.emplace_back(std::move(command));
    const int interrupts = world_.interrupts ? world_.interrupts->load() : 0;
    if (interrupts >= 2) return RunEnd::kInterrupted;
    if (interrupts > interrupts_seen) {
      inputs.emplace_back(UserCommand{PauseStudy{}});
      world_.warn(pausing(state().count(TrialStatus::kRunning)));
    }
    interrupts_seen = interrupts;
    if (inputs.empty())
      each_observer([&](Observer& each) { return each.on_idle(now(), state()); });
    else
      TRY(feed(std::move(inputs)));
  }
  each_observer([&](Observer& each) { return each.finish(state()); });
  return state().finished() ? RunEnd::kFinished : RunEnd::kPaused;
}

std::vector<Input> Tuner::wait() {
  const StudyTime rule = director_.deadline();
  const StudyTime tick =
      world_.tick > StudyDuration::zero() && !followed_.empty() ? now() + world_.tick : kNever;
  const StudyTime until = std::min(rule, tick);
  director_.prepare();
  world_.waker.drain();
  auto signals = world_.executor.wait(until == kNever ? kNever : until - offset_);
  std::vector<Input> inputs;
  for (Signal& signal : signals) {
    // A tick is no input: nothing is decided because of it.
    if (std::holds_alternative<Deadline>(signal) && now() < rule) continue;
    inputs.emplace_back(std::move(signal));
  }
  return inputs;
}

Status Tuner::feed(std::vector<Input> inputs) {
  std::vector<Step> steps;
  std::vector<exec::Message> messages;
  const StudyTime time = now();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Step& made = steps.emplace_back();
    const std::vector<TrialId> leaving = reporting_as_they_leave(inputs[i]);
    made.turn = director_.decide(next_step_, time, std::move(inputs[i]));
    next_step_.value += 1;
    act(made.turn, leaving, messages);
    made.fill =
        director_.fill(made.turn, i + 1 == inputs.size() ? Capacity::kUse : Capacity::kLeave);
  }
  // Nothing is done before its step is written: while that has to wait, everything does.
  Status written = world_.log.append(steps);
  while (!written && written.error().code == ErrorCode::kUnavailable && world_.again &&
         world_.again(written.error()))
    written = world_.log.append(steps);
  TRY(written);
  for (const exec::Message& message : messages) world_.executor.send(message);
  for (const Step& made : steps) {
    for (const Launch& launch : made.fill.launches) world_.executor.start(order(launch));
    for (const Checkpoint& useless : made.fill.discards) world_.executor.discard(useless.path);
  }
  for (const Step& made : steps) show(made);
  for (const std::string& note : director_.take_notes()) world_.warn(note);
  return {};
}

/// Their workers have been told to leave, and need not hear what is decided on their last reports.
std::vector<TrialId> Tuner::reporting_as_they_leave(const Input& input) const {
  std::vector<TrialId> leaving;
  const auto* reported = input_as<Reported>(input);
  if (!reported) return leaving;
  for (const Report& report : reported->reports)
    if (state().known(report.trial) && state().trial(report.trial).decided != Decided::kNone)
      leaving.push_back(report.trial);
  return leaving;
}

void Tuner::act(const Turn& turn, const std::vector<TrialId>& leaving,
                std::vector<exec::Message>& messages) const {
  for (exec::Message& message : exec::told(turn.decisions)) {
    const Trial& trial = state().trial(message.trial);
    if (!trial.live() || std::ranges::find(leaving, trial.id) != leaving.end()) continue;
    message.launch = trial.launch;
    messages.push_back(std::move(message));
  }
}

exec::Order Tuner::order(const Launch& launch) const {
  exec::Order order{.launch = launch, .members = {}, .slots = {}};
  for (const Member& member : launch.members) {
    const Trial& trial = state().trial(member.trial);
    order.members.push_back(
        {.config = trial.config, .directory = trial.directory, .width = trial.width});
    if (trial.best) order.members.back().best = trial.best->value;
  }
  for (const Share& share : launch.shares)
    order.slots.push_back(director_.cluster().slots().at(share.slot).slot);
  return order;
}

void Tuner::show(const Step& step) {
  each_observer([&](Observer& each) -> Status {
    const auto followed = std::ranges::find(followed_, &each, &Followed::observer);
    if (step.turn.id < followed->next) return {};
    return each.on_step(step, state());
  });
}

template <typename Call>
void Tuner::each_observer(Call call) {
  for (std::size_t i = 0; i < followed_.size();) {
    const Status status = call(*followed_[i].observer);
    if (status.ok()) {
      ++i;
      continue;
    }
    world_.warn(fmt::format("an output is dropped: {}", status.error().message));
    followed_.erase(followed_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace clavier::tuner
