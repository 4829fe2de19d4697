#include "app/file/recorded_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "app/file/study_file.h"
#include "study/foldable.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

/// The study file's folder as seen from the study's; empty if there is none.
fs::path folder_of(const std::string& origin, const fs::path& study) {
  if (origin.empty()) return {};
  std::error_code error;
  const fs::path folder = (fs::weakly_canonical(study, error) / origin).lexically_normal();
  return fs::is_directory(folder, error) ? folder : fs::path();
}

/// Files that the study file may name by relative paths.
std::vector<std::string> named_files(const StudySpec& spec) {
  if (spec.worker) return spec.worker->command;
  const auto trainer = train::read_trainer(spec.trainer.value_or(Json::Table{}));
  const auto data =
      trainer ? train::data_of(*trainer) : Result<train::data::DataSpec>(trainer.error());
  return data ? std::vector<std::string>{data->source} : std::vector<std::string>();
}

/// Then what trials say of the further objectives is among the metrics. The first step tells.
bool has_several(const store::StepLog& log) {
  bool several = false;
  (void)log.read(StepId{0}, store::Metrics::kSkip, [&](const Step& step) -> Status {
    const auto* opened = input_as<Opened>(step.turn);
    if (opened && opened->study.find("metrics") != std::string::npos)
      if (const auto spec = parse_logged_study(opened->study, "study.toml"))
        several = spec->objective.several();
    return conflict("enough");
  });
  return several;
}

}  // namespace

Result<RecordedStudy> read_recorded(const StudyFolder& folder, store::Metrics metrics,
                                    const StepVisitor& visit) {
  const auto log = TRY(store::StepLog::open_to_read(folder.database()));
  if (has_several(log)) metrics = store::Metrics::kParse;
  std::optional<RecordedStudy> study;
  const auto open = [&](const Opened& opened, StudyTime time) -> Status {
    auto spec = parse_logged_study(opened.study, folder.study_file().string());
    if (!spec)
      return corrupt(fmt::format("the study file in the log of {} is not understood:\n{}",
                                 folder.root.string(), spec.error().message));
    if (!study) study = RecordedStudy{folder, {}, State(spec->objective, spec->trial.retries)};
    study->spec = *std::move(spec);
    study->spec.working_directory = folder_of(opened.origin, folder.root);
    study->version = opened.version;
    study->run_utc_us = opened.utc_us;
    study->run_began = time;
    return {};
  };
  TRY(log.read(StepId{0}, metrics, [&](const Step& step) -> Status {
    if (const auto* opened = input_as<Opened>(step.turn)) TRY(open(*opened, step.turn.time));
    if (!study)
      return corrupt(fmt::format("the log of {} does not begin with a run", folder.root.string()));
    TRY(foldable(step, study->state));
    study->state.apply(step);
    if (visit) visit(step, study->state);
    return {};
  }));
  if (!study) return not_found(fmt::format("nothing was logged yet in {}", folder.root.string()));
  return *std::move(study);
}

fs::path working_directory(const RecordedStudy& study) {
  const auto files = named_files(study.spec);
  const auto has_any = [&](const fs::path& folder) {
    return std::ranges::any_of(files, [&](const std::string& file) {
      std::error_code ignored;
      return !file.empty() && fs::exists(folder / file, ignored);
    });
  };
  const fs::path& begun = study.spec.working_directory;
  std::error_code ignored;
  const fs::path here = fs::current_path(ignored);
  return begun.empty() || (!has_any(begun) && has_any(here)) ? here : begun;
}

}  // namespace clavier::app
