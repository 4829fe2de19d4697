#include "app/run/leftovers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "exec/local/manifest.h"
#include "exec/local/worker_tree.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

bool is_number(std::string_view text, std::size_t least_digits) {
  return text.size() >= least_digits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// `checkpoint_STEP_LAUNCH` or, for a repeated step, `checkpoint_STEP_LAUNCH_2`.
bool named_by_us(std::string_view name) {
  constexpr std::string_view kPrefix = "checkpoint_", kPart = ".part";
  if (name.starts_with('.')) {
    if (!name.ends_with(kPart)) return false;
    name = name.substr(1, name.size() - 1 - kPart.size());
  }
  if (!name.starts_with(kPrefix)) return false;
  name.remove_prefix(kPrefix.size());
  const std::size_t step_end = name.find('_');
  if (step_end == name.npos || !is_number(name.substr(0, step_end), 6)) return false;
  name.remove_prefix(step_end + 1);
  const std::size_t launch_end = std::min(name.find('_'), name.size());
  return is_number(name.substr(0, launch_end), 1) &&
         (launch_end == name.size() || is_number(name.substr(launch_end + 1), 1));
}

}  // namespace

int remove_leftovers(const fs::path& study, const State& state) {
  std::set<std::string> kept;
  for (const Trial& trial : state.trials())
    for (const Checkpoint& checkpoint : trial.checkpoints) kept.insert(checkpoint.path);
  const auto folder = Folder::open(study);
  if (!folder.ok()) return 0;
  int removed = 0;
  for (const Trial& trial : state.trials()) {
    const auto directory = folder->below(trial.directory);
    if (!directory.ok()) continue;
    std::vector<std::string> leftovers;
    std::error_code error;
    for (fs::directory_iterator at(directory->held(), error), end; !error && at != end;
         at.increment(error)) {
      const std::string name = at->path().filename().string();
      std::error_code ignored;
      if (!named_by_us(name) || !fs::is_directory(at->symlink_status(ignored))) continue;
      if (!kept.contains(trial.directory + "/" + name))
        leftovers.push_back(name);
      else  // A manifest that was being written.
        (void)directory->remove(fs::path(name) / exec::kManifestPart);
    }
    for (const std::string& name : leftovers) removed += directory->remove(name).ok() ? 1 : 0;
  }
  return removed;
}

void kill_leftovers(const fs::path& study, const std::function<void(const std::string&)>& warn) {
  if (const int left = exec::kill_marked(exec::study_mark(study)); left > 0)
    warn(fmt::format(
        "processes that an earlier run of this study has started cannot be killed and may still "
        "write into its folder: {}; do they wait for a disk or a device?",
        left));
}

}  // namespace clavier::app
