#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "app/session.h"
#include "app/tuning.h"
#include "app/tuning_spec.h"
#include "exec/executor.h"
#include "study/foldable.h"

namespace clavier {
namespace {

/// The caller is the worker: orders wait until they are asked for, and what the caller tells
/// becomes signals. Has one slot for each trial that is out, and one more while one is asked for.
class AskedExecutor final : public exec::Executor {
 public:
  /// Makes room for one more trial.
  void grow() {
    SlotId id{0};
    for (const Slot& slot : node_.slots)
      if (slot.id == id) ++id.value;
    const auto after = std::ranges::find_if(node_.slots, [&](auto& slot) { return slot.id > id; });
    node_.slots.insert(after, Slot{.id = id, .node = node_.id});
    signals_.push_back(NodeJoined{node_});
  }
  /// The trial is no longer out; nothing takes its place before it is asked for.
  void shrink(LaunchId launch, SlotId slot) {
    std::erase_if(node_.slots, [&](const Slot& each) { return each.id == slot; });
    left_.erase(launch);
    signals_.push_back(NodeJoined{node_});
    signals_.push_back(LaunchEnded{launch});
  }
  void tell(Signal signal) { signals_.push_back(std::move(signal)); }
  std::deque<exec::Order>& orders() { return orders_; }
  /// The trial's report was answered by leave to go on.
  bool goes_on(LaunchId launch) const {
    const auto left = left_.find(launch);
    return left == left_.end() || !left->second;
  }

  void start(exec::Order order) override { orders_.push_back(std::move(order)); }
  void send(const exec::Message& message) override {
    if (!std::holds_alternative<exec::ContinueTo>(message.content)) left_[message.launch] = true;
  }
  void discard(const std::string&) override {}
  std::vector<Signal> wait(StudyTime) override { return std::exchange(signals_, {}); }
  StudyTime now() const override {
    return StudyTime(
        std::chrono::duration_cast<StudyDuration>(std::chrono::steady_clock::now() - start_));
  }
  bool replay(const Step&) override { return false; }

 private:
  Node node_{.id = NodeId{0}, .host = "caller"};
  std::vector<Signal> signals_;
  std::deque<exec::Order> orders_;
  std::map<LaunchId, bool> left_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

struct AskTell::Parts {
  explicit Parts(Waker the_waker) : waker(std::move(the_waker)) {}

  Waker waker;
  AskedExecutor executor = {};
  std::unique_ptr<app::Session> session = {};

  tuner::Tuner& tuner() const { return session->tuner(); }
  const State& state() const { return session->state(); }
  Status pass() {
    std::vector<Input> inputs;
    for (Signal& signal : executor.wait(kNever)) inputs.emplace_back(std::move(signal));
    return inputs.empty() ? ok_status() : tuner().feed(std::move(inputs));
  }
  Result<LaunchId> live(TrialId trial) const {
    if (!state().known(trial) || !state().trial(trial).live())
      return not_found(fmt::format("trial {} was not asked for, or has been told", trial.value));
    return state().trial(trial).launch;
  }
};

AskTell::AskTell(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AskTell::AskTell(AskTell&&) noexcept = default;
AskTell& AskTell::operator=(AskTell&&) noexcept = default;
AskTell::~AskTell() = default;

Result<AskTell> AskTell::create(const Tuning& tuning) {
  auto parts = std::make_unique<Parts>(TRY(Waker::create()));
  app::SessionOptions options{.kind = app::SessionKind::kAsked, .folder = tuning.directory};
  if (tuning.output)
    options.warn = [output = tuning.output](const std::string& line) { output(line + '\n'); };
  parts->session = TRY(app::Session::open(TRY(app::spec_of(tuning)), parts->waker, options));
  TRY(parts->session->begin(parts->executor));
  TRY(parts->session->open_run());
  return AskTell(std::move(parts));
}

Result<Asked> AskTell::ask() {
  auto& orders = parts_->executor.orders();
  if (orders.empty()) {
    parts_->executor.grow();
    TRY(parts_->pass());
  }
  if (orders.empty())
    return unavailable(
        "no further configuration: the search space or the number of trials is "
        "exhausted");
  const exec::Order order = std::move(orders.front());
  orders.pop_front();
  return Asked{order.launch.members.front().trial, order.members.front().config};
}

Result<bool> AskTell::report(TrialId trial, const std::vector<Metric>& metrics, Steps step) {
  const LaunchId launch = TRY(parts_->live(trial));
  if (step < 0 || step > kMostSteps)
    return invalid(fmt::format("the step {} is not from 0 to {}", step, kMostSteps));
  Report report{.trial = trial, .launch = launch, .step = step};
  report.metrics = metrics;
  const auto value =
      std::ranges::find(metrics, parts_->session->spec().objective.metric, &Metric::name);
  if (value != metrics.end()) report.value = value->value;
  parts_->executor.tell(Reported{{std::move(report)}});
  TRY(parts_->pass());
  return parts_->executor.goes_on(launch);
}

Status AskTell::tell(TrialId trial, const std::vector<Metric>& metrics) {
  const LaunchId launch = TRY(parts_->live(trial));
  TRY(report(trial, metrics, parts_->state().trial(trial).step + 1));
  parts_->executor.tell(Exited{trial, launch, ExitKind::kCompleted});
  parts_->executor.shrink(launch, parts_->state().trial(trial).slot);
  return parts_->pass();
}

Status AskTell::tell_failed(TrialId trial, const std::string& error) {
  const LaunchId launch = TRY(parts_->live(trial));
  parts_->executor.tell(Exited{trial, launch, ExitKind::kFailed, error});
  parts_->executor.shrink(launch, parts_->state().trial(trial).slot);
  return parts_->pass();
}

std::optional<TrialId> AskTell::best() const { return state().best(); }
const State& AskTell::state() const { return parts_->state(); }

}  // namespace clavier
