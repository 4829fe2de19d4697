#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace clavier::exec {

struct DurableCounters {
  std::int64_t synced = 0;   ///< On the disk, with a manifest.
  std::int64_t skipped = 0;  ///< Deleted before they were.
  std::int64_t dropped = 0;  ///< Never tried: more than kMaxPending waited, or time was up.
  std::int64_t failed = 0;
  std::int64_t deleted = 0;  ///< After they had waited for a newer one.
};

/// Brings checkpoints to the disk behind the back of those who use them. Workers write checkpoints
/// and rename them into place, which makes them as safe as the page cache: whatever process dies,
/// they stay. One thread, started with the first of them, makes them safe against the machine's end
/// as well and writes a manifest, by which damage is found out later.
///
/// A trial's deletions wait while a newer checkpoint of its is on its way to the disk, so that
/// there always is one on the disk if there ever was. All methods are for one thread, which they
/// never delay by more than a file system takes to delete or look up.
class DurableCheckpoints {
 public:
  /// `before_each`, for tests, is called on the background thread before every checkpoint.
  explicit DurableCheckpoints(
      std::filesystem::path study,
      std::function<void(const std::string&)> before_each = [](const std::string&) {});
  DurableCheckpoints(const DurableCheckpoints&) = delete;
  DurableCheckpoints& operator=(const DurableCheckpoints&) = delete;
  /// Goes on for kMaxFarewell at most; what is not on the disk then has no manifest.
  ~DurableCheckpoints();

  /// A worker of this process wrote it; `path` is relative to the study, like all of them.
  void keep(const std::string& path);
  /// Deletes it now or once something newer is on the disk.
  void discard(const std::string& path);
  /// Whether it can be started from. Sizes are looked at always, contents unless this process's
  /// workers wrote them or it has looked before. Reads the whole checkpoint then.
  Status check(const std::string& path);

  /// What went wrong since the last call, a line each; at most kMaxComplaints.
  std::vector<std::string> take_complaints();
  DurableCounters counters() const;
  /// Blocks until nothing is left to do; for tests and benchmarks.
  void wait_until_idle() const;

  static constexpr std::size_t kMaxPending = 1024;
  static constexpr std::size_t kMaxComplaints = 20;
  static constexpr std::chrono::seconds kMaxFarewell{10};

 private:
  struct Job {
    std::string path;
    std::string trial;  ///< The directory it is in.
    bool gone = false;  ///< Deleted in the meantime.
  };
  struct Deletion {
    std::string path;
    std::string trial;
  };

  void start();
  void run();
  void work(std::unique_lock<std::mutex>& lock);
  Status make_durable(const Job& job);
  Status publish(const Folder& checkpoint, const std::string& text);
  std::deque<Deletion> take_deletions(const std::string& trial);
  void count(const Job& job, const Status& made);
  bool pending(const std::string& trial, const std::string& besides) const;
  bool give_up() const;
  void remove(const std::string& path);
  void complain(std::string line);

  const std::filesystem::path study_;
  const std::function<void(const std::string&)> before_each_;
  const std::int64_t booted_;
  std::set<std::string> trusted_;  ///< Written by our workers, or checked; the one thread's.

  mutable std::mutex mutex_;
  std::condition_variable news_;
  mutable std::condition_variable idle_;
  // Guarded by mutex_.
  std::deque<Job> jobs_;            ///< At most kMaxPending.
  std::deque<Deletion> deletions_;  ///< Waiting; at most kMaxPending.
  std::optional<Job> current_;
  DurableCounters counters_;
  std::vector<std::string> complaints_;
  std::optional<std::chrono::steady_clock::time_point> farewell_;

  std::thread thread_;
};

}  // namespace clavier::exec
