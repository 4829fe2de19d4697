#include "app/folder_observers.h"

#include "app/policy_files.h"
#include "app/registry.h"
#include "report/trial_directories.h"

namespace clavier::app {

std::vector<std::unique_ptr<Observer>> folder_observers(
    const StudySpec& spec, const std::filesystem::path& folder, StepId live,
    std::function<void(const std::string&)> warn) {
  std::vector<std::unique_ptr<Observer>> all;
  if (folder.empty() || !spec.report.directories) return all;
  all.push_back(std::make_unique<report::TrialDirectories>(report::TrialDirectoriesOptions{
      .folder = folder, .study_name = spec.name, .warn = std::move(warn)}));
  if (traits_of(Family::kScheduler, spec.scheduler).population)
    all.push_back(std::make_unique<PolicyFiles>(folder, spec.name, live));
  return all;
}

}  // namespace clavier::app
