#include "exec/inprocess/inprocess_executor.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <thread>
#include <utility>

#include "base/files.h"
#include "base/match.h"
#include "exec/start_line.h"

namespace clavier::exec {
namespace {

Node this_host(const InProcessOptions& options) {
  Node node{NodeId{0}, "localhost", static_cast<int>(std::thread::hardware_concurrency())};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) node.host = host.data();
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  const auto page_bytes = ::sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0) node.memory_mb = pages / 1024 * page_bytes / 1024;
  for (int i = 0; i < options.slots; ++i) {
    Slot slot;
    slot.id = SlotId{i};
    slot.node = node.id;
    slot.resources = options.resources;
    node.slots.push_back(std::move(slot));
  }
  return node;
}

}  // namespace

Result<std::unique_ptr<InProcessExecutor>> InProcessExecutor::create(const Waker& waker,
                                                                     InProcessOptions options,
                                                                     worker::Trainable train) {
  if (!train) return invalid("no training function was given");
  options.members = 1;
  return create(waker, std::move(options), worker::alone(std::move(train)));
}

Result<std::unique_ptr<InProcessExecutor>> InProcessExecutor::create(
    const Waker& waker, InProcessOptions options, worker::LaunchTrainable train) {
  if (options.slots < 1 || options.slots > kMaxSlots)
    return invalid(fmt::format("{} slots: 1 to {} are possible", options.slots, kMaxSlots));
  if (!train) return invalid("no training function was given");
  std::error_code error;
  options.study = options.study.empty() ? std::filesystem::current_path(error)
                                        : std::filesystem::absolute(options.study, error);
  if (error) return io_error("the study's folder: " + error.message());
  Waker events = TRY(Waker::create());
  return std::unique_ptr<InProcessExecutor>(
      new InProcessExecutor(waker, std::move(events), std::move(options), std::move(train)));
}

InProcessExecutor::InProcessExecutor(const Waker& waker, Waker events, InProcessOptions options,
                                     worker::LaunchTrainable train)
    : waker_(waker),
      event_waker_(std::move(events)),
      options_(std::move(options)),
      train_(std::move(train)),
      epoch_(std::chrono::steady_clock::now()),
      busy_(static_cast<std::size_t>(options_.slots), false),
      events_(event_waker_),
      threads_(static_cast<std::size_t>(options_.slots)) {}

InProcessExecutor::~InProcessExecutor() {
  events_.close();
  for (const auto& thread : threads_)
    if (thread) thread->quit();
}

std::string InProcessExecutor::obstacle(const Order& order) const {
  const std::size_t members = order.launch.members.size();
  if (order.launch.shares.size() != 1)
    return "a launch in process has one slot: threads cannot be joined";
  if (members > options_.members)
    return fmt::format("the training function takes {} at once, not a launch of {} trials",
                       options_.members, members);
  const auto slot = order.launch.shares.front().slot.value;
  if (slot < 0 || slot >= options_.slots)
    return fmt::format("there is no slot {}, only 0 to {}", slot, options_.slots - 1);
  if (busy_[static_cast<std::size_t>(slot)]) return fmt::format("slot {} is taken", slot);
  return {};
}

void InProcessExecutor::start(Order order) {
  std::string why = obstacle(order);
  const auto slot =
      why.empty() ? static_cast<std::size_t>(order.launch.shares.front().slot.value) : 0;
  if (why.empty() && !threads_[slot]) {
    try {
      threads_[slot] =
          std::make_unique<SlotThread>(SlotThread::Shared{train_, options_.metric, events_});
    } catch (const std::system_error& thrown) {
      why = fmt::format("cannot start a thread: {}", thrown.what());
    }
  }
  if (!why.empty()) {
    for (const Member& member : order.launch.members)
      refused_.push_back(Exited{member.trial, order.launch.id, ExitKind::kRefused, why});
    refused_.push_back(LaunchEnded{order.launch.id});
    return;
  }
  live_.emplace(order.launch.id, slot);
  busy_[slot] = true;
  std::vector<SlotThread::Assigned> trials;
  for (std::size_t i = 0; i < order.members.size(); ++i)
    trials.push_back({start_line(order, i, options_.study, options_.checkpoints),
                      std::move(order.members[i].directory)});
  threads_[slot]->assign(order.launch.id, std::move(trials));
}

void InProcessExecutor::send(const Message& message) {
  const auto found = live_.find(message.launch);
  if (found == live_.end()) return;
  threads_[found->second]->tell(message.launch,
                                line(message.content, options_.study, message.trial));
}

void InProcessExecutor::discard(const std::string& path) {
  // What cannot be removed now is removed as unnamed at the next opening.
  if (const auto study = Folder::open(options_.study); study.ok()) (void)study->remove(path);
}

std::vector<Signal> InProcessExecutor::wait(StudyTime deadline) {
  if (!joined_) {
    joined_ = true;
    return {NodeJoined{this_host(options_)}};
  }
  while (true) {
    if (waker_.drain()) return {};
    auto signals = take();
    if (now() >= deadline) signals.push_back(Deadline{});
    if (!signals.empty()) return signals;
    block(deadline);
  }
}

/// One less than the most, so that a deadline always finds room.
std::vector<Signal> InProcessExecutor::take() {
  std::vector<Signal> signals;
  while (!refused_.empty() && signals.size() < kMaxSignals - 1) {
    signals.push_back(std::move(refused_.front()));
    refused_.pop_front();
  }
  if (!signals.empty()) return signals;
  signals = events_.take(kMaxSignals - 1);
  for (const Signal& signal : signals)
    if (const auto* ended = std::get_if<LaunchEnded>(&signal)) {
      const auto found = live_.find(ended->launch);
      busy_[found->second] = false;
      live_.erase(found);
    }
  return signals;
}

void InProcessExecutor::block(StudyTime deadline) const {
  std::array<pollfd, 2> watched = {pollfd{waker_.fd(), POLLIN, 0},
                                   pollfd{event_waker_.fd(), POLLIN, 0}};
  const auto left = std::max(deadline == kNever ? StudyDuration::zero() : deadline - now(),
                             StudyDuration::zero());
  const timespec timeout{static_cast<time_t>(left.count() / 1'000'000),
                         static_cast<long>(left.count() % 1'000'000 * 1000)};
  // A signal handler that matters wakes the waker; the caller looks again anyway.
  ::ppoll(watched.data(), watched.size(), deadline == kNever ? nullptr : &timeout, nullptr);
  if (watched[1].revents != 0) event_waker_.drain();
}

StudyTime InProcessExecutor::now() const {
  return StudyTime(
      std::chrono::duration_cast<StudyDuration>(std::chrono::steady_clock::now() - epoch_));
}

bool InProcessExecutor::replay(const Step&) { return false; }

}  // namespace clavier::exec
