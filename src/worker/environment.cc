#include "worker/environment.h"

#include <fmt/format.h>

#include "study/text.h"

namespace clavier::worker {

Result<std::vector<std::pair<std::string, std::string>>> environment(const StartLine& start) {
  std::string config = text::to_json(start.config);
  if (config.size() > kMaxConfigBytes)
    return invalid(
        fmt::format("the configuration takes {} bytes as text; at most {} fit into a "
                    "worker's environment",
                    config.size(), kMaxConfigBytes));
  std::vector<std::pair<std::string, std::string>> variables = {
      {"CLAVIER_CONFIG", std::move(config)},
      {"CLAVIER_TRIAL", fmt::format("{}", start.trial.value)},
      {"CLAVIER_LAUNCH", fmt::format("{}", start.launch.value)},
      {"CLAVIER_DIR", start.directory},
      {"CLAVIER_STEP", fmt::format("{}", start.step)},
      {"CLAVIER_SLOTS", fmt::format("{}", start.slots)},
  };
  if (!start.checkpoint.empty()) variables.emplace_back("CLAVIER_CHECKPOINT", start.checkpoint);
  if (start.until != kForever)
    variables.emplace_back("CLAVIER_UNTIL", fmt::format("{}", start.until));
  return variables;
}

}  // namespace clavier::worker
