#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "train/fuse/plan.h"

namespace clavier::train {

/// The plans that were found fastest on this machine: one small file per question, in a folder that
/// the processes of a user share. What is found first stays, so that a trial that is run again or
/// resumes computes what it did before, bit for bit. Where nothing can be remembered, nothing is
/// measured, and plans follow the rule of thumb.
class PlanStore {
 public:
  /// Always this plan.
  explicit PlanStore(Plan fixed) : fixed_(std::move(fixed)) {}
  /// `folder` is made when it is needed. `clock` times the measurements.
  PlanStore(std::filesystem::path folder, Seconds clock)
      : folder_(std::move(folder)), clock_(std::move(clock)) {}

  /// What the environment wants: CLAVIER_KERNELS is "off" (the rule of thumb), "loops", "products"
  /// or "library" (wherever possible), or a folder, with a slash. Unset: a folder in the user's
  /// cache. Fails on anything else.
  static Result<PlanStore> from_environment();

  /// For a network whose batches are that large, on the processor. Never fails. Under
  /// c10::InferenceMode.
  Plan plan(const Network& network, PlanQuestion question) const;

 private:
  std::filesystem::path folder_;
  Seconds clock_;
  std::optional<Plan> fixed_;
};

/// All that the answer depends on, in one line: machine, library, sizes.
std::string question_text(const Network& network, const PlanQuestion& question);

}  // namespace clavier::train
