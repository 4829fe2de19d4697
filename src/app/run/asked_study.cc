#include "app/run/asked_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/registry/registry.h"
#include "exec/executor.h"
#include "study/foldable.h"

// The caller is the worker. It is a node with a slot for each trial that is out, and for an instant
// one more, while one is asked for: so policies and planner decide as ever, nothing is drawn before
// it is asked for, and what is told frees no slot that something else would begin in. A process
// that is killed in that instant leaves the slot behind: whoever opens the study next takes it away
// before anything could begin there. What ends a trial is one step with all that belongs to it, so
// no kill leaves half of it.
namespace clavier::app {
namespace {

std::int64_t utc_now_us() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::microseconds>(
             system_clock::now().time_since_epoch())
      .count();
}

class AskedExecutor final : public exec::Executor {
 public:
  explicit AskedExecutor(AskedStudy::Trials trials) : trials_(trials) {}

  /// The node with one slot more.
  Node grown() {
    SlotId id{0};
    for (const Slot& slot : node_.slots)
      if (slot.id == id) ++id.value;
    const auto after = std::ranges::find_if(node_.slots, [&](auto& slot) { return slot.id > id; });
    node_.slots.insert(after, Slot{.id = id, .node = node_.id});
    return node_;
  }
  /// The node without the slots that `goes` names.
  template <typename Goes>
  Node shrunk(Goes goes) {
    std::erase_if(node_.slots, [&](const Slot& slot) { return goes(slot.id); });
    return node_;
  }
  /// The study's text as of the last run; empty if that was none of this kind.
  const std::string& study() const { return study_; }
  /// From now on time passes.
  void start_clock() {
    if (!goes_on_) began_ = {last_, utc_now_us()};
    runs_ = true;
  }
  std::vector<exec::Order> take_orders() { return std::exchange(orders_, {}); }

  void start(exec::Order order) override { orders_.push_back(std::move(order)); }
  void send(const exec::Message&) override {}
  void discard(const std::string&) override {}
  std::vector<Signal> wait(StudyTime) override { return {}; }
  /// A shared study runs from its first call on, also between the calls.
  StudyTime now() const override {
    if (!runs_) return last_;
    return std::max(last_, began_.first + StudyDuration(utc_now_us() - began_.second));
  }
  bool replay(const Step& step) override {
    last_ = step.turn.time;
    if (const auto* opened = input_as<Opened>(step.turn)) {
      if (!opened->rebuilt) {
        node_.slots.clear();
        began_ = {step.turn.time, opened->utc_us};
      }
      goes_on_ = opened->asked && trials_ == AskedStudy::Trials::kShared;
      study_ = goes_on_ ? opened->study : std::string();
    }
    const auto* joined = input_as<NodeJoined>(step.turn);
    if (joined && goes_on_) node_ = joined->node;
    return goes_on_;
  }

 private:
  AskedStudy::Trials trials_;
  Node node_{.id = NodeId{0}, .host = "caller"};
  std::vector<exec::Order> orders_;
  std::string study_;
  bool goes_on_ = false, runs_ = false;
  StudyTime last_{};
  std::pair<StudyTime, std::int64_t> began_{};  ///< The last run, in study time and by the clock.
};

}  // namespace

struct AskedStudy::Parts {
  Parts(Waker the_waker, Trials the_trials, std::filesystem::path where)
      : waker(std::move(the_waker)),
        trials(the_trials),
        folder(std::move(where)),
        executor(the_trials) {}

  Waker waker;
  Trials trials;
  std::filesystem::path folder;
  AskedExecutor executor;
  std::unique_ptr<Session> session = {};

  const tuner::Director& director() const { return session->tuner().director(); }
  const State& state() const { return session->state(); }
  Status feed(std::vector<Signal> signals) {
    std::vector<Input> inputs;
    for (Signal& signal : signals) inputs.emplace_back(std::move(signal));
    return session->tuner().feed(std::move(inputs));
  }
  Status begin() {
    TRY(session->begin(executor));
    executor.start_clock();
    return trials == Trials::kOwn ? session->open_run() : drop_idle();
  }
  /// Nothing takes the place of what nobody asks for.
  Status drop_idle() {
    const auto& slots = director().cluster().slots();
    const auto idle = [&](SlotId id) { return !slots.at(id).busy; };
    if (!state().asked() || director().cluster().free_count() == 0) return {};
    return feed({NodeJoined{executor.shrunk(idle)}});
  }
  Status offer_one() {
    TRY(feed({NodeJoined{executor.grown()}}));
    return drop_idle();
  }
  /// Another run begins where this is the first, the file has changed, or the study goes on after
  /// its end.
  Status open_again() {
    const auto& finished = state().finished();
    const bool same = executor.study() == session->spec().text;
    if (const auto over = director().over()) return unavailable(over->reason);
    if (finished && finished->kind == FinishKind::kFailure && same)
      return unavailable(fmt::format("{}. `clavier retry {}` lets the study go on",
                                     finished->reason, folder.filename().string()));
    if (trials == Trials::kOwn || (same && !finished)) return {};
    TRY(check_asked(session->spec()));
    if (!folder.empty()) TRY(write_study_file({folder}, session->spec().text));
    return session->open_run();
  }
  std::string why_none() const {
    const auto out = state().count(TrialStatus::kRunning);
    const std::string others =
        out == 0 ? "" : fmt::format("; {} out", out == 1 ? "1 is" : fmt::format("{} are", out));
    if (state().finished()) return state().finished()->reason;
    if (state().exhausted()) return "the search space is exhausted" + others;
    if (std::ssize(state().trials()) >= state().trial_limit())
      return fmt::format("all {} trials have been asked for{}", state().trial_limit(), others);
    return "no configuration before more is told of those that are out" + others;
  }
  Result<LaunchId> live(TrialId trial) const {
    if (!state().known(trial) || !state().trial(trial).live() || !state().asked())
      return not_found(fmt::format("trial {} is not out: it was not asked for, or has been told of",
                                   trial.value));
    return state().trial(trial).launch;
  }
  Result<Report> report_of(TrialId trial, const std::vector<Metric>& metrics, Steps step) const {
    const LaunchId launch = TRY(live(trial));
    if (step < 0 || step > kMostSteps)
      return invalid(fmt::format("the step {} is not from 0 to {}", step, kMostSteps));
    Report report{.trial = trial, .launch = launch, .step = step};
    report.metrics = metrics;
    const auto value = std::ranges::find(metrics, session->spec().objective.metric, &Metric::name);
    if (value != metrics.end()) report.value = value->value;
    return report;
  }
  /// The last of it is `signals`.
  Status end(TrialId trial, std::vector<Signal> signals) {
    const Trial& ending = state().trial(trial);
    const auto its_own = [slot = ending.slot](SlotId id) { return id == slot; };
    signals.emplace_back(NodeJoined{executor.shrunk(its_own)});
    signals.emplace_back(LaunchEnded{ending.launch});
    TRY(feed(std::move(signals)));
    // Nobody needs to ask to learn that this was the last.
    const bool last = state().unfinished() == 0 && state().requested().empty() &&
                      std::ssize(state().trials()) >= state().trial_limit();
    return last && !state().finished() ? offer_one() : ok_status();
  }
};

AskedStudy::AskedStudy(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AskedStudy::AskedStudy(AskedStudy&&) noexcept = default;
AskedStudy& AskedStudy::operator=(AskedStudy&&) noexcept = default;
AskedStudy::~AskedStudy() = default;

Result<AskedStudy> AskedStudy::open(StudySpec spec, Trials trials,
                                    const std::filesystem::path& folder,
                                    std::function<void(const std::string&)> warn) {
  auto parts = std::make_unique<Parts>(TRY(Waker::create()), trials, folder);
  parts->session =
      TRY(Session::open(std::move(spec), parts->waker,
                        {.kind = SessionKind::kAsked, .folder = folder, .warn = std::move(warn)}));
  TRY(parts->begin());
  return AskedStudy(std::move(parts));
}

Result<TrialId> AskedStudy::ask() {
  TRY(parts_->open_again());
  TRY(parts_->offer_one());
  const auto orders = parts_->executor.take_orders();
  if (orders.empty()) return unavailable("no further trial: " + parts_->why_none());
  return orders.front().launch.members.front().trial;
}

Result<bool> AskedStudy::report(TrialId trial, const std::vector<Metric>& metrics, Steps step) {
  TRY(parts_->feed({Reported{{TRY(parts_->report_of(trial, metrics, step))}}}));
  return state().trial(trial).decided == Decided::kNone;
}

Status AskedStudy::tell(TrialId trial, const std::vector<Metric>& metrics) {
  const LaunchId launch = TRY(parts_->live(trial));
  std::vector<Signal> signals;
  if (!metrics.empty())
    signals.emplace_back(
        Reported{{TRY(parts_->report_of(trial, metrics, state().trial(trial).step + 1))}});
  signals.emplace_back(Exited{trial, launch, ExitKind::kCompleted});
  return parts_->end(trial, std::move(signals));
}

Status AskedStudy::give_up(TrialId trial, ExitKind why, const std::string& error) {
  const LaunchId launch = TRY(parts_->live(trial));
  return parts_->end(trial, {Exited{trial, launch, why, error}});
}

Status AskedStudy::leave(TrialId trial) {
  const LaunchId launch = TRY(parts_->live(trial));
  const Decided decided = state().trial(trial).decided;
  const ExitKind how = decided == Decided::kComplete ? ExitKind::kCompleted
                       : decided == Decided::kStop   ? ExitKind::kStopped
                                                     : ExitKind::kPaused;
  return parts_->end(trial, {Exited{trial, launch, how}});
}

const State& AskedStudy::state() const { return parts_->state(); }
const StudySpec& AskedStudy::spec() const { return parts_->session->spec(); }

}  // namespace clavier::app
