#pragma once

#include <string>
#include <vector>

namespace clavier::cluster {

struct GpuFacts {
  std::string name;
  std::string uuid;
};
struct NvidiaFacts {
  std::string driver;
  std::vector<GpuFacts> gpus;  ///< By NVML index, which is the order on the PCI bus.
};

/// What NVIDIA's management library says, loaded just for this call; nothing of everything where
/// there is no driver. `library` is a file or a name for the loader.
NvidiaFacts nvidia_facts(const std::string& library = "libnvidia-ml.so.1");

}  // namespace clavier::cluster
