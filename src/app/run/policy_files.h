#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>

#include "app/file/lineages.h"
#include "base/files.h"
#include "study/observer.h"

namespace clavier::app {

/// Writes what Ray Tune's population-based training writes into the study's folder:
/// pbt_global.txt, a line per takeover, and pbt_policy_<trial>.txt, the lineage of one trial
/// (docs/trial-directories.md). Nothing before the first takeover.
///
/// Files follow within a second of study time, or when the study idles; the log is authoritative:
/// the next run makes all of them again from it, so that no line is lost or doubled.
class PolicyFiles final : public Observer {
 public:
  /// Before the step `live` nothing is written: it is being replayed.
  PolicyFiles(std::filesystem::path folder, std::string study_name, StepId live);

  Result<StepId> resume() override;
  Status on_step(const Step& step, const State& state) override;
  Status on_idle(StudyTime now, const State& state) override;
  Status finish(const State& state) override;

 private:
  Status write();
  Status write_global(const Folder& folder);

  std::filesystem::path folder_;
  std::string study_name_;
  StepId live_;
  Lineages lineages_;
  std::set<TrialId> changed_;  ///< Their files lag behind.
  std::size_t written_ = 0;    ///< Lines in pbt_global.txt.
  StudyTime wrote_at_{};
};

}  // namespace clavier::app
