#include "exec/local/durable_checkpoints.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "exec/local/manifest.h"

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

constexpr int kNice = 10;  ///< Training goes first.

std::string trial_of(const std::string& path) { return fs::path(path).parent_path().string(); }

/// Signals are for the loop's thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

DurableCheckpoints::DurableCheckpoints(fs::path study,
                                       std::function<void(const std::string&)> before_each)
    : study_(std::move(study)), before_each_(std::move(before_each)), booted_(boot_time()) {}

DurableCheckpoints::~DurableCheckpoints() {
  {
    const std::lock_guard lock(mutex_);
    farewell_ = std::chrono::steady_clock::now() + kMaxFarewell;
  }
  news_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void DurableCheckpoints::start() {
  if (thread_.joinable()) return;
  const SignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // No room for a thread now: what waits is tried again with the next checkpoint.
  }
}

void DurableCheckpoints::keep(const std::string& path) {
  trusted_.insert(path);
  {
    const std::lock_guard lock(mutex_);
    // The oldest is the one most likely to be deleted soon.
    if (jobs_.size() == kMaxPending) {
      jobs_.pop_front();
      ++counters_.dropped;
    }
    jobs_.push_back({path, trial_of(path)});
  }
  start();
  news_.notify_one();
}

void DurableCheckpoints::discard(const std::string& path) {
  trusted_.erase(path);
  const std::string trial = trial_of(path);
  {
    const std::lock_guard lock(mutex_);
    counters_.skipped += static_cast<std::int64_t>(
        std::erase_if(jobs_, [&](auto& job) { return job.path == path; }));
    if (current_ && current_->path == path) current_->gone = true;
    if (deletions_.size() < kMaxPending && pending(trial, path)) {
      deletions_.push_back({path, trial});
      return;
    }
  }
  remove(path);
}

Status DurableCheckpoints::check(const std::string& path) {
  const bool known = trusted_.contains(path);
  TRY(check_checkpoint(study_ / path, known ? Thorough::kSizes : Thorough::kChecksums, booted_));
  trusted_.insert(path);
  return ok_status();
}

std::vector<std::string> DurableCheckpoints::take_complaints() {
  const std::lock_guard lock(mutex_);
  return std::exchange(complaints_, {});
}

DurableCounters DurableCheckpoints::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void DurableCheckpoints::wait_until_idle() const {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] { return jobs_.empty() && !current_; });
}

// --- the background thread ---

void DurableCheckpoints::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  std::unique_lock lock(mutex_);
  while (true) {
    news_.wait(lock, [&] { return farewell_ || !jobs_.empty(); });
    if (jobs_.empty() || give_up()) break;
    work(lock);
    if (jobs_.empty()) idle_.notify_all();
  }
  counters_.dropped += static_cast<std::int64_t>(jobs_.size());
  jobs_.clear();
  const auto left = std::exchange(deletions_, {});
  lock.unlock();
  for (const Deletion& deletion : left) remove(deletion.path);
}

void DurableCheckpoints::work(std::unique_lock<std::mutex>& lock) {
  current_ = std::move(jobs_.front());
  jobs_.pop_front();
  Job job = *current_;
  lock.unlock();
  before_each_(job.path);
  const Status made = make_durable(job);
  lock.lock();
  job = *std::exchange(current_, {});
  count(job, made);
  std::deque<Deletion> due;
  if ((made.ok() && !job.gone) || !pending(job.trial, "")) due = take_deletions(job.trial);
  lock.unlock();
  for (const Deletion& deletion : due) remove(deletion.path);
  lock.lock();
  counters_.deleted += static_cast<std::int64_t>(due.size());
}

void DurableCheckpoints::count(const Job& job, const Status& made) {
  if (job.gone) {
    ++counters_.skipped;
  } else if (made.ok()) {
    ++counters_.synced;
  } else if (made.error().code == ErrorCode::kUnavailable) {
    ++counters_.dropped;
  } else {
    ++counters_.failed;
    complain(fmt::format("checkpoint '{}' may not survive the end of this machine: {}", job.path,
                         made.error().message));
  }
}

std::deque<DurableCheckpoints::Deletion> DurableCheckpoints::take_deletions(
    const std::string& trial) {
  const auto due =
      std::stable_partition(deletions_.begin(), deletions_.end(),
                            [&](const Deletion& deletion) { return deletion.trial != trial; });
  std::deque<Deletion> taken(std::make_move_iterator(due),
                             std::make_move_iterator(deletions_.end()));
  deletions_.erase(due, deletions_.end());
  return taken;
}

Status DurableCheckpoints::make_durable(const Job& job) {
  const auto given_up = [&] {
    const std::lock_guard lock(mutex_);
    return give_up() || current_->gone;
  };
  const Folder study = TRY(Folder::open(study_));
  const Folder trial = TRY(study.below(job.trial));
  const Folder checkpoint = TRY(study.below(job.path));
  const Manifest manifest = TRY(sync_files(checkpoint, given_up));
  TRY(publish(checkpoint, to_text(manifest)));
  TRY(sync(checkpoint.fd(), checkpoint.path()));
  return sync(trial.fd(), trial.path());
}

/// Nothing is made in a directory that is being deleted: that is what the mutex sees to.
Status DurableCheckpoints::publish(const Folder& checkpoint, const std::string& text) {
  std::unique_lock lock(mutex_);
  if (current_->gone) return unavailable("deleted");
  TRY(checkpoint.remove(kManifestPart));
  const Fd fd = TRY(checkpoint.file(kManifestPart, O_WRONLY | O_CREAT | O_EXCL));
  lock.unlock();
  TRY(write_all(fd.get(), text, checkpoint.path() / kManifestPart));
  TRY(sync(fd.get(), checkpoint.path() / kManifestPart));
  lock.lock();
  if (current_->gone) return unavailable("deleted");
  return checkpoint.rename(kManifestPart, kManifestName);
}

bool DurableCheckpoints::pending(const std::string& trial, const std::string& besides) const {
  const auto waits = [&](const Job& job) { return job.trial == trial && job.path != besides; };
  return (current_ && !current_->gone && waits(*current_)) || std::ranges::any_of(jobs_, waits);
}

bool DurableCheckpoints::give_up() const {
  return farewell_ && std::chrono::steady_clock::now() >= *farewell_;
}

void DurableCheckpoints::remove(const std::string& path) {
  const auto removed = [&]() -> Status { return TRY(Folder::open(study_)).remove(path); }();
  if (removed.ok()) return;
  const std::lock_guard lock(mutex_);
  complain(fmt::format("cannot delete '{}': {}", path, removed.error().message));
}

void DurableCheckpoints::complain(std::string line) {
  if (complaints_.size() < kMaxComplaints) complaints_.push_back(std::move(line));
}

}  // namespace clavier::exec
