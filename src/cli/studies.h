#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "app/recorded_study.h"
#include "app/study_spec.h"
#include "cli/commands.h"

/// What several commands share.
namespace clavier::cli {

/// `--dir`, $CLAVIER_HOME, else ./clavier-results.
std::filesystem::path home_of(const std::optional<std::string>& dir);
Result<app::StudyFolder> folder_of(const StudyChoice& choice);
Result<app::RecordedStudy> open_study(const StudyChoice& choice, store::Metrics metrics,
                                      const app::StepVisitor& visit = {});
/// The trial of this number; kNotFound says which there are.
Result<TrialId> find_trial(const State& state, std::int64_t number);

/// Reads a study file or makes one from the command line; checks what `clavier run` would. `dir` as
/// in `home_of`: where studies are that the file names.
Result<app::StudySpec> load_study(const StudySource& source,
                                  const std::optional<std::string>& dir = {});

/// What a study file says that may not be meant, as `check` and `run` tell it, one line each.
void print_notes(const app::StudySpec& spec, Streams& streams);

/// "finished", "running" or "paused".
std::string_view condition(const app::RecordedStudy& study);
/// "loss 0.123 (trial 7)" or "none yet".
std::string best_text(const State& state);
/// A trial's status in a word. One that no tuner runs any more is "interrupted".
std::string_view status_word(TrialStatus status, bool study_runs);
/// Why the trial is where it is; empty while it runs or waits to, whatever was said before.
std::string_view reason_of(const Trial& trial);
/// "3 running, 7 completed"; "none" without any.
std::string counts_text(const app::RecordedStudy& study);

}  // namespace clavier::cli
