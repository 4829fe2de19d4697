#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "app/registry/registry.h"
#include "app/run/importance.h"
#include "base/utc.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/failures.h"
#include "report/front.h"
#include "report/wording.h"

namespace clavier::cli {
namespace {

constexpr std::size_t kShownCauses = 3;
constexpr std::size_t kShownLogLines = 5;

void line(Streams& streams, std::string_view what, const std::string& text) {
  streams.out << fmt::format("{:<10} {}\n", what, text);
}

/// The parameters that matter most; empty where nobody can tell, or it would take long.
std::string importances(const app::RecordedStudy& study) {
  constexpr std::size_t kMostTrials = 20'000, kShown = 3;
  if (study.state.trials().size() > kMostTrials) return {};
  const auto found = app::importance(study.state, study.spec.space,
                                     app::ImportanceMethod::kPedAnova, {.resamples = 0});
  std::string text;
  for (std::size_t i = 0; found && i < found->shares.size() && i < kShown; ++i)
    text += fmt::format("{}{} {:.2f}", i == 0 ? "" : ", ", found->shares[i].parameter,
                        found->shares[i].share.value);
  return text;
}

}  // namespace

int run_list(const ListOptions& options, Streams& streams) {
  const auto home = home_of(options.dir);
  auto folders = app::list_studies(home);
  for (auto& lost : app::list_studies(home, &app::StudyFolder::lost_log))
    folders.push_back(std::move(lost));
  std::ranges::sort(folders, {}, &app::StudyFolder::root);
  if (folders.empty()) {
    streams.out << "no studies in " << home.string() << '\n';
    return kSuccess;
  }
  report::Table table({{.title = "study", .least = 8},
                       {.title = "status", .least = 8},
                       {.title = "trials", .rank = 1},
                       {.title = "best", .rank = 2},
                       {.title = "last run", .rank = 3}});
  int result = kSuccess;
  for (const app::StudyFolder& folder : folders) {
    const auto study = app::read_recorded(folder, store::Metrics::kSkip);
    if (!study && study.error().code == ErrorCode::kNotFound && !folder.begun()) {
      table.add({folder.name(), folder.is_running() ? "running" : "begun", "none", "none yet", ""});
      continue;
    }
    if (!study) {
      table.add({folder.name(), "unreadable", "", "", ""}, report::Style::kBad);
      result = fail(streams, study.error());
      continue;
    }
    table.add(
        {folder.name(), std::string(report::condition(study->state, study->folder.is_running())),
         counts_text(*study), best_text(study->state), utc_text(study->run_utc_us / 1'000'000)});
  }
  print(streams, table);
  return result;
}

int run_status(const StudyChoice& options, Streams& streams) {
  const auto study = open_study(options, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  const State& state = study->state;
  line(streams, "study", study->folder.name());
  line(streams, "status", std::string(report::condition(study->state, study->folder.is_running())));
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
  if (state.objective().several())
    line(streams, "", "hypervolume " + report::hypervolume_text(state));
  if (const std::string shares = importances(*study); !shares.empty())
    line(streams, "importance", shares);
  line(streams, "search", app::explain_search(study->spec, state));
  line(streams, "scheduler", study->spec.scheduler.algorithm);
  line(streams, "folder", shown_path(study->folder.root));
  const auto causes = report::digest(report::failures(state), kShownCauses, kShownLogLines);
  if (!causes.empty()) streams.out << "\nFailures by cause:\n";
  for (const std::string& text : causes) streams.out << text << '\n';
  return kSuccess;
}

}  // namespace clavier::cli
