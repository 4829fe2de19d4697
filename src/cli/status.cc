#include <fmt/format.h>

#include <ostream>

#include "base/utc.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/failures.h"
#include "report/wording.h"

namespace clavier::cli {
namespace {

constexpr std::size_t kShownCauses = 3;
constexpr std::size_t kShownLogLines = 5;

void line(Streams& streams, std::string_view what, const std::string& text) {
  streams.out << fmt::format("{:<10} {}\n", what, text);
}

}  // namespace

int run_status(const StudyChoice& options, Streams& streams) {
  const auto study = open_study(options, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  const State& state = study->state;
  line(streams, "study", study->folder.name());
  line(streams, "status", std::string(condition(*study)));
  if (state.finished()) line(streams, "ended", report::reason_text(state.finished()->reason));
  line(streams, "time", report::elapsed(now_of(*study).time_since_epoch()));
  line(streams, "started", utc_text(state.first_utc_us() / 1'000'000));
  line(streams, "trials",
       state.trial_limit() == kForever || state.trial_limit() < std::ssize(state.trials())
           ? fmt::format("{} so far", state.trials().size())
           : fmt::format("{} of {}", state.trials().size(), state.trial_limit()));
  line(streams, "", counts_text(*study));
  line(streams, "reports", fmt::format("{}", state.reports()));
  line(streams, "best", best_text(state));
  if (state.best())
    line(streams, "", report::short_config(state.trial(*state.best()).best_config()));
  line(streams, "search", study->spec.search.algorithm);
  line(streams, "scheduler", study->spec.scheduler.algorithm);
  line(streams, "folder", shown_path(study->folder.root));
  const auto causes = report::digest(report::failures(state), kShownCauses, kShownLogLines);
  if (!causes.empty()) streams.out << "\nFailures by cause:\n";
  for (const std::string& text : causes) streams.out << text << '\n';
  return kSuccess;
}

}  // namespace clavier::cli
