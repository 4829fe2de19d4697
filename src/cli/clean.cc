#include <fmt/format.h>

#include <istream>
#include <ostream>

#include "app/run/start_over.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"

namespace clavier::cli {
namespace {

std::string size_text(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value < 1e6) return fmt::format("{:.1f} kB", value / 1e3);
  return value < 1e9 ? fmt::format("{:.1f} MB", value / 1e6)
                     : fmt::format("{:.2f} GB", value / 1e9);
}

Result<std::vector<app::StudyFolder>> chosen(const CleanOptions& options) {
  if (options.studies.empty()) return app::list_studies(home_of(options.dir));
  std::vector<app::StudyFolder> folders;
  for (const std::string& study : options.studies)
    folders.push_back(TRY(folder_of({.study = study, .dir = options.dir})));
  return folders;
}

bool agreed(const CleanOptions& options, std::size_t count, Streams& streams) {
  if (options.yes) return true;
  streams.out << fmt::format("Delete {} with all logs and checkpoints? [y/N] ",
                             count == 1 ? "it" : fmt::format("all {}", count));
  streams.out.flush();
  std::string answer;
  return std::getline(streams.in, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

}  // namespace

int run_clean(const CleanOptions& options, Streams& streams) {
  const auto folders = chosen(options);
  if (!folders) return fail(streams, folders.error());
  if (folders->empty()) {
    streams.out << "no studies in " << home_of(options.dir).string() << '\n';
    return kSuccess;
  }
  report::Table table({{.title = "study"},
                       {.title = "size", .align = report::Align::kRight},
                       {.title = "folder", .rank = 1}});
  for (const app::StudyFolder& folder : *folders) {
    if (const Status may = app::may_go(folder); !may) return fail(streams, may.error());
    table.add({folder.name(), size_text(app::size_bytes(folder)), folder.root.string()});
  }
  print(streams, table);
  if (!agreed(options, folders->size(), streams)) {
    streams.out << "nothing was deleted\n";
    return kFailure;
  }
  for (const app::StudyFolder& folder : *folders) {
    const Status deleted = app::delete_study(folder);
    if (!deleted) return fail(streams, deleted.error());
  }
  streams.out << report::count(static_cast<std::int64_t>(folders->size()), "folder")
              << " deleted\n";
  return kSuccess;
}

}  // namespace clavier::cli
