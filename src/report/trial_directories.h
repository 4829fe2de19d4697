#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "report/append_once.h"
#include "report/result_line.h"
#include "study/observer.h"

namespace clavier::report {

struct TrialDirectoriesOptions {
  std::filesystem::path folder;  ///< The study's; must exist.
  std::string study_name;
  /// One line for the user.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

/// Writes a folder per trial in Ray's layout (docs/trial-directories.md): params.json, result.json,
/// progress.csv and, after failures, error.txt. Late reports are left out, as in Ray.
///
/// Lines are gathered and written a batch at a time: after kBatchBytes, kBatchTrials or
/// kBatchSteps, a second of study time, or when the study idles. A crash costs nothing: the next
/// run cuts off the last batch and makes it again from the log. Where the directory of a trial is
/// gone, it makes everything again.
class TrialDirectories : public Observer {
 public:
  explicit TrialDirectories(TrialDirectoriesOptions options);

  Result<StepId> resume() override;
  Status on_step(const Step& step, const State& state) override;
  Status on_idle(StudyTime now, const State& state) override;
  Status finish(const State& state) override;

  static constexpr std::string_view kMarker = ".trial_directories.json";
  static constexpr std::size_t kBatchBytes = 4 << 20;
  static constexpr std::size_t kBatchTrials = 1024;
  static constexpr std::int64_t kBatchSteps = 16384;
  static constexpr StudyDuration kBatchTime = std::chrono::seconds(1);

 private:
  /// A trial whose launch lives, or that has something pending.
  struct Entry {
    bool live = false;
    LaunchId launch = {};
    std::string directory;
    ResultSource source;  ///< Without a trial name: not filled in yet.
    double total_seconds = 0;
    double seconds_since_restore = 0;
    std::int64_t iterations_since_restore = 0;
    std::optional<ProgressColumns> columns = {};
  };

  void open(const Opened& opened, StudyTime time);
  void restart();
  Status launch(const Launch& launch, const State& state);
  Status report(const Report& report, const Turn& turn, const State& state);
  Status exited(const Exited& exited, StudyTime time, const State& state);
  Status exploited(const Exploit& exploit, const State& state);
  /// `turn`: the one whose report is to be written.
  Result<Entry*> entry(TrialId trial, const State& state, const Turn* turn = nullptr);
  void fill_in(Entry& entry, const Trial& trial, const Config& config) const;
  Status flush();
  std::string knowledge() const;
  bool restore(const Json& knowledge);
  std::int64_t utc_s(StudyTime time) const;
  const std::string& date(std::int64_t utc_s);

  TrialDirectoriesOptions options_;
  AppendOnce batch_;
  StepId next_{0};  ///< The first step not yet seen.
  std::int64_t batch_first_ = 0;
  std::int64_t begun_ = 0;  ///< Trials whose directories were made.
  StudyTime batch_time_{};
  std::size_t batch_bytes_ = 0;
  std::string knowledge_before_batch_;
  /// Wall clock at `opened_at_`, the start of the current run.
  std::int64_t opened_utc_us_ = 0;
  StudyTime opened_at_{};
  std::map<SlotId, std::string> hosts_;
  std::map<TrialId, Entry> entries_;
  std::int64_t date_of_ = -1;
  std::string date_;
};

}  // namespace clavier::report
