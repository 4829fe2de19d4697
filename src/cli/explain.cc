#include <map>
#include <ostream>

#include "app/run/explain_wait.h"
#include "app/run/study_check.h"
#include "cli/commands.h"
#include "cli/studies.h"

namespace clavier::cli {
namespace {

Result<std::string> why(const WhyOptions& options) {
  std::map<LaunchId, std::string> waiting;
  const auto study =
      TRY(open_study(options.study, store::Metrics::kSkip, [&](const Step& step, const State&) {
        if (const auto* waits = input_as<Waiting>(step.turn))
          waiting[waits->launch] = waits->reason;
        if (const auto* reported = input_as<Reported>(step.turn))
          for (const Report& report : reported->reports) waiting.erase(report.launch);
      }));
  const TrialId trial = TRY(find_trial(study.state, options.trial));
  const auto no_room = waiting.find(study.state.trial(trial).launch);
  return app::explain_wait(study, trial, study.runs(),
                           no_room == waiting.end() ? "" : no_room->second);
}

}  // namespace

int run_why(const WhyOptions& options, Streams& streams) {
  const auto text = why(options);
  if (!text) return fail(streams, text.error());
  streams.out << *text;
  return kSuccess;
}

int run_verify(const StudyChoice& options, Streams& streams) {
  const auto folder = folder_of(options);
  if (!folder) return fail(streams, folder.error());
  const auto verified = app::verify_study(folder->root);
  if (!verified) return fail(streams, verified.error());
  streams.out << *verified << '\n';
  return kSuccess;
}

}  // namespace clavier::cli
