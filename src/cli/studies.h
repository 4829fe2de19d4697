#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "app/file/recorded_study.h"
#include "app/registry/study_spec.h"
#include "cli/commands.h"
#include "report/views.h"
#include "report/wording.h"

/// What several commands share.
namespace clavier::cli {

/// `--dir`, $CLAVIER_HOME, else ./clavier-results.
std::filesystem::path home_of(const std::optional<std::string>& dir);
Result<app::StudyFolder> folder_of(const StudyChoice& choice);
Result<app::RecordedStudy> open_study(const StudyChoice& choice, store::Metrics metrics,
                                      const app::StepVisitor& visit = {});
/// The trial of this number; kNotFound says which there are.
Result<TrialId> find_trial(const State& state, std::int64_t number);

/// The same, else the best; where several are on the front, which.
Result<TrialId> find_trial_or_best(const State& state, std::optional<std::int64_t> number);

/// What is wrong with the words themselves, whatever the file that they name says.
Status check_words(const StudySource& source);

/// Whether trials are to run on this machine, or perhaps on another one.
enum class ForMachine { kAny, kThis };

/// Reads a study file or makes one from the command line; checks what `clavier run` would. `dir` as
/// in `home_of`: where studies are that the file names.
Result<app::StudySpec> load_study(const StudySource& source,
                                  const std::optional<std::string>& dir = {},
                                  ForMachine machine = ForMachine::kAny);

/// What a study file says that may not be meant, as `check` and `run` tell it, one line each.
void print_notes(const app::StudySpec& spec, Streams& streams);

using report::best_text;
using report::reason_of;
using report::status_word;
/// What is shown of it. Valid as long as the study.
report::Viewed view_of(const app::RecordedStudy& study);
/// "3 running, 7 completed"; "none" without any.
std::string counts_text(const app::RecordedStudy& study);
/// The time of the study, which goes on while it runs, whether anything is logged or not.
StudyTime now_of(const app::RecordedStudy& study);
/// From the current folder if it is in there, else the whole path.
std::string shown_path(const std::filesystem::path& path);

}  // namespace clavier::cli
