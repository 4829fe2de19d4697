#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "base/utc.h"
#include "cli/commands.h"
#include "cli/studies.h"

namespace clavier::cli {

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
    table.add({folder.name(), std::string(condition(*study)), counts_text(*study),
               best_text(study->state), utc_text(study->run_utc_us / 1'000'000)});
  }
  print(streams, table);
  return result;
}

}  // namespace clavier::cli
