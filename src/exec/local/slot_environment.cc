#include "exec/local/slot_environment.h"

#include <fmt/format.h>

#include <algorithm>

namespace clavier::exec {

std::map<std::string, std::string> slot_environment(const Slot& slot) {
  const int threads = slot.cpu_ids.empty() ? static_cast<int>(slot.resources.cpus)
                                           : static_cast<int>(slot.cpu_ids.size());
  const std::string count = std::to_string(std::max(threads, 1));
  return {{"OMP_NUM_THREADS", count},
          {"MKL_NUM_THREADS", count},
          {"OPENBLAS_NUM_THREADS", count},
          {"NUMEXPR_NUM_THREADS", count},
          // Threads that spin at barriers would take the cores of the neighbouring slots.
          {"OMP_WAIT_POLICY", "PASSIVE"},
          // NVML's numbering, from which slots are made, instead of CUDA's "fastest first".
          {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"},
          {"CUDA_VISIBLE_DEVICES", fmt::format("{}", fmt::join(slot.gpu_ids, ","))},
          {"PYTHONUNBUFFERED", "1"}};
}

std::vector<std::string> merge_environment(
    const std::vector<std::string>& base,
    const std::vector<std::map<std::string, std::string>>& layers) {
  std::map<std::string, std::string> merged;
  for (const std::string& entry : base) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || entry.starts_with("CLAVIER_")) continue;
    merged[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const auto& layer : layers)
    for (const auto& [name, value] : layer) merged[name] = value;
  std::vector<std::string> result;
  result.reserve(merged.size());
  for (const auto& [name, value] : merged) result.push_back(name + "=" + value);
  return result;
}

}  // namespace clavier::exec
