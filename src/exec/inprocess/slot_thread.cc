#include "exec/inprocess/slot_thread.h"

#include <algorithm>
#include <utility>

#include "worker/launch_session.h"

namespace clavier::exec {
namespace {

Signal signal_of(worker::ExitedLine exited) {
  return Exited{*exited.trial, *exited.launch, exited.kind, std::move(exited.error)};
}

}  // namespace

SlotThread::SlotThread(Shared shared) : shared_(shared), thread_([this] { run(); }) {}

SlotThread::~SlotThread() {
  quit();
  thread_.join();
}

void SlotThread::quit() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  news_.notify_one();
}

void SlotThread::assign(LaunchId launch, std::vector<Assigned> trials) {
  {
    const std::lock_guard lock(mutex_);
    assignments_.push_back({launch, std::move(trials)});
  }
  news_.notify_one();
}

void SlotThread::tell(LaunchId launch, worker::ToWorker message) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(assignments_.begin(), assignments_.end(),
                                    [&](const Assignment& one) { return one.launch == launch; });
    if (found == assignments_.end()) return;
    found->inbox.push_back(std::move(message));
  }
  news_.notify_one();
}

void SlotThread::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return quit_ || !assignments_.empty(); });
    if (quit_) return;
    const LaunchId launch = assignments_.front().launch;
    std::vector<worker::StartLine> starts;
    directories_.clear();
    for (Assigned& each : assignments_.front().trials) {
      directories_[each.start.trial] = std::move(each.directory);
      starts.push_back(std::move(each.start));
    }
    lock.unlock();
    finish(launch, worker::LaunchSession(std::move(starts), *this).run(shared_.train));
  }
}

/// The launch is gone before the loop can learn of it, so that no message reaches the next one.
void SlotThread::finish(LaunchId launch, std::vector<worker::ExitedLine> exits) {
  std::vector<Signal> signals;
  for (worker::ExitedLine& each : exits) signals.push_back(signal_of(std::move(each)));
  signals.push_back(LaunchEnded{launch});
  {
    const std::lock_guard lock(mutex_);
    assignments_.pop_front();
  }
  shared_.events.push(signals);
}

Checkpoint SlotThread::checkpoint(TrialId trial, LaunchId launch, Steps step,
                                  const std::string& name) const {
  return {trial, launch, step, directories_.at(trial) + "/" + name};
}

void SlotThread::send(worker::ReportLine line) {
  Report report{*line.trial, *line.launch, *line.step, {}, *line.seconds, std::move(line.metrics)};
  for (const Metric& metric : report.metrics)
    if (metric.name == shared_.metric) report.value = metric.value;
  if (!line.checkpoint.empty())
    report.checkpoint = checkpoint(report.trial, report.launch, report.step, line.checkpoint);
  boundary_.push_back(std::move(report));
  if (line.more) return;
  Signal signal = Reported{std::exchange(boundary_, {})};
  shared_.events.push({&signal, 1});
}

void SlotThread::send(worker::CheckpointLine saved) {
  if (!saved.error.empty()) return;  // The disk is full: the trial goes on without it.
  Signal signal =
      CheckpointSaved{checkpoint(*saved.trial, *saved.launch, *saved.step, saved.checkpoint)};
  shared_.events.push({&signal, 1});
}

void SlotThread::send(worker::ExitedLine exited) {
  Signal signal = signal_of(std::move(exited));
  shared_.events.push({&signal, 1});
}

std::optional<worker::ToWorker> SlotThread::receive(Wait wait) {
  std::unique_lock lock(mutex_);
  auto& inbox = assignments_.front().inbox;
  if (wait == Wait::kYes) news_.wait(lock, [&] { return quit_ || !inbox.empty(); });
  if (quit_) return worker::QuitLine{};
  if (inbox.empty()) return {};
  auto message = std::move(inbox.front());
  inbox.pop_front();
  return message;
}

}  // namespace clavier::exec
