#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/run/session.h"
#include "base/result.h"

namespace clavier::app {

/// A study whose trials go to whoever asks for them, and end when they are told of. One thread.
///
/// Every call has committed all that it did when it returns. So with kShared any number of
/// processes may open the study in turn, each for one call: the log is all that they share.
class AskedStudy {
 public:
  enum class Trials {
    kOwn,     ///< They run in this process: those of an earlier one are lost, and asked for again.
    kShared,  ///< They are out until somebody tells of them.
  };

  /// Recovers the study in `folder`, which is made if missing; empty: in memory. kConflict if a
  /// tuner runs it, or another process does not let go of it.
  static Result<AskedStudy> open(StudySpec spec, Trials trials, const std::filesystem::path& folder,
                                 std::function<void(const std::string&)> warn = {});
  AskedStudy(AskedStudy&&) noexcept;
  AskedStudy& operator=(AskedStudy&&) noexcept;
  ~AskedStudy();

  /// A trial for the caller to evaluate. kUnavailable if there is none, which says why.
  Result<TrialId> ask();
  /// True: the trial is to go on. kNotFound for a trial that is not out, here and below.
  Result<bool> report(TrialId trial, const std::vector<Metric>& metrics, Steps step);
  /// It has ended well, with these as its last report, if there are any.
  Status tell(TrialId trial, const std::vector<Metric>& metrics);
  /// It could not be evaluated (kFailed), or whoever did so has gone (kLost).
  Status give_up(TrialId trial, ExitKind why, const std::string& error);
  /// It was told not to go on, and obeys.
  Status leave(TrialId trial);

  const State& state() const;
  const StudySpec& spec() const;

 private:
  struct Parts;
  explicit AskedStudy(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clavier::app
