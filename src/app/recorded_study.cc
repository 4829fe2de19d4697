#include "app/recorded_study.h"

#include <fmt/format.h>

#include <optional>

#include "app/study_file.h"
#include "study/foldable.h"

namespace clavier::app {

Result<RecordedStudy> read_recorded(const StudyFolder& folder, store::Metrics metrics,
                                    const StepVisitor& visit) {
  const auto log = TRY(store::StepLog::open_to_read(folder.database()));
  std::optional<RecordedStudy> study;
  const auto open = [&](const Opened& opened, StudyTime time) -> Status {
    auto spec = parse_study(opened.study, folder.study_file().string());
    if (!spec)
      return corrupt(fmt::format("the study file in the log of {} is not understood:\n{}",
                                 folder.root.string(), spec.error().message));
    if (!study) study = RecordedStudy{folder, {}, State(spec->objective, spec->trial.retries)};
    study->spec = *std::move(spec);
    study->version = opened.version;
    study->run_utc_us = opened.utc_us;
    study->run_began = time;
    return {};
  };
  TRY(log.read(StepId{0}, metrics, [&](const Step& step) -> Status {
    if (const auto* opened = std::get_if<Opened>(&step.turn.input))
      TRY(open(*opened, step.turn.time));
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

}  // namespace clavier::app
