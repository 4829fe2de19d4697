#include "cluster/nvml.h"

#include <dlfcn.h>

#include <array>
#include <memory>

namespace clavier::cluster {
namespace {

// The part of NVML's binary interface that is used here; its header is not free software.
using Device = void*;
using Call = int();
using GetVersion = int(char* version, unsigned length);
using GetCount = int(unsigned* count);
using GetHandle = int(unsigned index, Device* device);
using GetText = int(Device device, char* text, unsigned length);

struct CloseLibrary {
  void operator()(void* library) const { ::dlclose(library); }
};

template <typename Function>
Function* find(void* library, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(library, name));
}

std::string text_of(GetText* get, Device device) {
  std::array<char, 96> text{};
  return get(device, text.data(), text.size() - 1) == 0 ? std::string(text.data()) : std::string();
}

}  // namespace

NvidiaFacts nvidia_facts(const std::string& library) {
  const std::unique_ptr<void, CloseLibrary> nvml(::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!nvml) return {};
  auto* const init = find<Call>(nvml.get(), "nvmlInit_v2");
  auto* const shutdown = find<Call>(nvml.get(), "nvmlShutdown");
  auto* const version = find<GetVersion>(nvml.get(), "nvmlSystemGetDriverVersion");
  auto* const count = find<GetCount>(nvml.get(), "nvmlDeviceGetCount_v2");
  auto* const handle = find<GetHandle>(nvml.get(), "nvmlDeviceGetHandleByIndex_v2");
  auto* const name = find<GetText>(nvml.get(), "nvmlDeviceGetName");
  auto* const uuid = find<GetText>(nvml.get(), "nvmlDeviceGetUUID");
  if (!init || !shutdown || !version || !count || !handle || !name || !uuid || init() != 0)
    return {};

  NvidiaFacts facts;
  std::array<char, 96> driver{};
  if (version(driver.data(), driver.size() - 1) == 0) facts.driver = driver.data();
  unsigned devices = 0;
  if (count(&devices) != 0) devices = 0;
  for (unsigned i = 0; i < devices; ++i) {
    Device device = nullptr;
    // One that fell off the bus keeps its place, so that the others keep their numbers.
    if (handle(i, &device) == 0)
      facts.gpus.push_back({text_of(name, device), text_of(uuid, device)});
    else
      facts.gpus.push_back({"unavailable", ""});
  }
  shutdown();
  return facts;
}

}  // namespace clavier::cluster
