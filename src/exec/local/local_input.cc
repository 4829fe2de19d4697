#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "exec/local/channels.h"
#include "exec/local/local_executor.h"

namespace clavier::exec {
namespace {

bool is_real_directory(const std::filesystem::path& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

std::vector<Signal> LocalExecutor::wait(StudyTime deadline) {
  if (!announced_) {
    announced_ = true;
    heard_.signals.push_front(NodeJoined{options_.node});
  }
  while (heard_.signals.empty()) {
    run_timers();
    if (now() >= deadline) return {Deadline{}};
    bool woken = false;
    for (const Poller::Event& event : poller_.wait(timeout(deadline))) {
      if (event.key == kWakerKey)
        woken = waker_.drain();
      else
        handle(event);
    }
    if (woken) return {};
  }
  return take_signals();
}

std::vector<Signal> LocalExecutor::take_signals() {
  for (const std::string& complaint : durable_.take_complaints())
    log_.note(fmt::format("[clavier] {}\n", complaint));
  const auto count = static_cast<std::ptrdiff_t>(std::min(heard_.signals.size(), kMaxSignals));
  std::vector<Signal> result(std::make_move_iterator(heard_.signals.begin()),
                             std::make_move_iterator(heard_.signals.begin() + count));
  heard_.signals.erase(heard_.signals.begin(), heard_.signals.begin() + count);
  return result;
}

// --- time ---

std::optional<std::chrono::microseconds> LocalExecutor::timeout(StudyTime deadline) const {
  StudyTime next = held_.empty() ? deadline : std::min(deadline, try_again_);
  for (const auto& [id, worker] : workers_) next = std::min(next, worker->talk.deadline());
  if (next == kNever) return std::nullopt;
  return std::max(next - now(), StudyDuration(0));
}

void LocalExecutor::run_timers() {
  const StudyTime time = now();
  if (!held_.empty() && try_again_ <= time) start_held();
  for (const auto& [id, worker] : workers_) worker->talk.look(time);
}

// --- descriptors ---

void LocalExecutor::handle(const Poller::Event& event) {
  const auto found = workers_.find(worker_of(event.key));
  if (found == workers_.end()) return;  // It ended earlier in this round.
  Worker& worker = *found->second;
  switch (channel_of(event.key)) {
    case Channel::kWire:
      if (event.writable && worker.process.wire) {
        worker.process.flush();
        watch_writing(worker);
      }
      if (event.readable) read_wire(worker);
      return;
    case Channel::kOutput: read_output(worker); return;
    case Channel::kError: read_error(worker); return;
    case Channel::kEnd: finish(worker); return;
  }
}

std::string_view LocalExecutor::read_some(Fd& from, std::vector<char>& buffer) {
  if (!from) return {};
  const ssize_t size = ::read(from.get(), buffer.data(), buffer.size());
  if (size > 0) return {buffer.data(), static_cast<std::size_t>(size)};
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  const int why = size < 0 ? errno : 0;
  poller_.forget(from.get());
  from.reset();
  errno = why;
  return {};
}

bool LocalExecutor::read_wire(Worker& worker) {
  const bool open = static_cast<bool>(worker.process.wire);
  const std::string_view bytes = read_some(worker.process.wire, wire_buffer_);
  // It closed its end without having read all we wrote.
  if (open && !worker.process.wire && errno == ECONNRESET) worker.left_unread = true;
  worker.talk.hear_wire(bytes, now());
  return !bytes.empty();
}

bool LocalExecutor::read_output(Worker& worker) {
  const std::string_view bytes = read_some(worker.process.output, output_buffer_);
  if (bytes.empty()) return false;
  worker.talk.hear_output(bytes, now());
  return true;
}

bool LocalExecutor::read_error(Worker& worker) {
  const std::string_view bytes = read_some(worker.process.error, output_buffer_);
  if (bytes.empty()) return false;
  worker.talk.hear_error(bytes);
  return true;
}

void LocalExecutor::Worker::catch_up() {
  constexpr int kMaxReads = 16;
  for (int i = 0; i < kMaxReads && owner.read_output(*this); ++i) {
  }
  for (int i = 0; i < kMaxReads && owner.read_error(*this); ++i) {
  }
}

bool LocalExecutor::Worker::write(std::string_view line) {
  const bool reads = process.write(line);
  if (reads) owner.watch_writing(*this);
  return reads;
}

void LocalExecutor::watch_writing(Worker& worker) {
  const bool wanted = worker.process.wire && worker.process.has_queued();
  if (!worker.process.wire || wanted == worker.wants_to_write) return;
  worker.wants_to_write = wanted;
  poller_.change(worker.process.wire.get(), key_of(worker.id, Channel::kWire),
                 wanted ? Poller::Interest::kReadAndWrite : Poller::Interest::kRead);
}

// --- checkpoints ---

Status LocalExecutor::Worker::keep(const std::string& path) {
  if (!is_real_directory(owner.options_.study / path)) return not_found("no such directory");
  owner.durable_.keep(path);
  owner.full_disk_.reset();
  return ok_status();
}

/// Nothing more is started until there is room.
void LocalExecutor::miss_checkpoint(const std::string& why) {
  // What it had written is removed by now: with twice as much it may fit.
  constexpr std::int64_t kMargin = std::int64_t{1} << 20;
  full_disk_ = FullDisk{now(), 2 * room_on_disk() + kMargin};
  if (warned_ && now() - *warned_ < kBetweenWarnings) return;
  warned_ = now();
  options_.warn(fmt::format(
      "the disk is full: {}; no trial is started until there is room, then all goes on", why));
}

}  // namespace clavier::exec
