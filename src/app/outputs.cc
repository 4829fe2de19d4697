#include "app/outputs.h"

#include <string_view>

#include "app/policy_files.h"
#include "app/registry.h"
#include "report/trial_directories.h"

namespace clavier::app {
namespace {

struct Output {
  std::string_view name;
  bool (*wanted)(const StudySpec& spec);
  std::unique_ptr<Observer> (*make)(const OutputContext& context);
};

constexpr Output kOutputs[] = {
    {.name = "directories",
     .wanted = [](const StudySpec& spec) { return spec.report.directories; },
     .make = [](const OutputContext& context) -> std::unique_ptr<Observer> {
       return std::make_unique<report::TrialDirectories>(report::TrialDirectoriesOptions{
           .folder = context.folder, .study_name = context.spec.name, .warn = context.warn});
     }},
    {.name = "policies",
     .wanted =
         [](const StudySpec& spec) {
           return spec.report.directories &&
                  traits_of(Family::kScheduler, spec.scheduler).population;
         },
     .make = [](const OutputContext& context) -> std::unique_ptr<Observer> {
       return std::make_unique<PolicyFiles>(context.folder, context.spec.name, context.live);
     }},
};

}  // namespace

std::vector<std::unique_ptr<Observer>> make_outputs(const OutputContext& context) {
  std::vector<std::unique_ptr<Observer>> made;
  if (context.folder.empty()) return made;
  for (const Output& output : kOutputs)
    if (output.wanted(context.spec)) made.push_back(output.make(context));
  return made;
}

}  // namespace clavier::app
