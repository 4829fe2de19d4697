#include <ostream>

#include "app/explain_wait.h"
#include "cli/commands.h"
#include "cli/studies.h"

namespace clavier::cli {
namespace {

Result<std::string> why(const WhyOptions& options) {
  const auto study = TRY(open_study(options.study, store::Metrics::kSkip));
  const TrialId trial = TRY(find_trial(study.state, options.trial));
  return app::explain_wait(study, trial, study.folder.is_running());
}

}  // namespace

int run_why(const WhyOptions& options, Streams& streams) {
  const auto text = why(options);
  if (!text) return fail(streams, text.error());
  streams.out << *text;
  return kSuccess;
}

}  // namespace clavier::cli
