#include "exec/inprocess/slot_thread.h"

#include <algorithm>
#include <array>
#include <utility>

namespace clavier::exec {

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

void SlotThread::assign(worker::StartLine start, std::string directory) {
  {
    const std::lock_guard lock(mutex_);
    const LaunchId launch = start.launch;
    assignments_.push_back({std::move(start), std::move(directory), launch});
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
    worker::StartLine start = std::move(assignments_.front().start);
    directory_ = std::move(assignments_.front().directory);
    lock.unlock();
    finish(worker::TrialSession(std::move(start), *this).run(shared_.train));
  }
}

/// The trial is gone before the loop can learn of it, so that no message reaches the next one.
void SlotThread::finish(worker::ExitedLine exited) {
  std::array<Signal, 2> signals = {
      Exited{*exited.trial, *exited.launch, exited.kind, std::move(exited.error)},
      LaunchEnded{*exited.launch}};
  {
    const std::lock_guard lock(mutex_);
    assignments_.pop_front();
  }
  shared_.events.push(signals);
}

void SlotThread::send(worker::ReportLine line) {
  Report report{*line.trial, *line.launch, *line.step, {}, *line.seconds, std::move(line.metrics)};
  for (const Metric& metric : report.metrics)
    if (metric.name == shared_.metric) report.value = metric.value;
  if (!line.checkpoint.empty())
    report.checkpoint =
        Checkpoint{report.trial, report.launch, report.step, directory_ + "/" + line.checkpoint};
  Reported reported;
  reported.reports.push_back(std::move(report));
  Signal signal = std::move(reported);
  shared_.events.push({&signal, 1});
}

void SlotThread::send(worker::CheckpointLine saved) {
  if (!saved.error.empty()) return;  // The disk is full: the trial goes on without it.
  Signal signal = CheckpointSaved{
      Checkpoint{*saved.trial, *saved.launch, *saved.step, directory_ + "/" + saved.checkpoint}};
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
