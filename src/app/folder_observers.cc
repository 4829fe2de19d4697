#include "app/folder_observers.h"

#include "app/policy_files.h"
#include "report/trial_directories.h"

namespace clavier::app {
namespace {

/// Trials of such a scheduler take over each other's weights.
bool is_population(const AlgorithmSpec& scheduler) {
  return scheduler.algorithm == "pbt" || scheduler.algorithm == "pb2" ||
         scheduler.algorithm == "pbt_replay";
}

}  // namespace

std::vector<std::unique_ptr<Observer>> folder_observers(
    const StudySpec& spec, const std::filesystem::path& folder, StepId live,
    std::function<void(const std::string&)> warn) {
  std::vector<std::unique_ptr<Observer>> all;
  if (folder.empty() || !spec.report.directories) return all;
  all.push_back(std::make_unique<report::TrialDirectories>(report::TrialDirectoriesOptions{
      .folder = folder, .study_name = spec.name, .warn = std::move(warn)}));
  if (is_population(spec.scheduler))
    all.push_back(std::make_unique<PolicyFiles>(folder, spec.name, live));
  return all;
}

}  // namespace clavier::app
