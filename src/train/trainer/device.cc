#include "train/trainer/device.h"

#include <malloc.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <fmt/format.h>

namespace clavier::train {
namespace {

constexpr int kMostThreads = 1024;

int number_in(std::string_view text, int otherwise) {
  int number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int gpus() { return at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0; }

}  // namespace

Result<c10::Device> choose_device(std::string_view name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const int count = gpus();
  if (name == "auto") return count > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  const std::size_t colon = name.find(':');
  const int index = colon == std::string_view::npos ? 0 : number_in(name.substr(colon + 1), -1);
  if (index < 0 || index >= count)
    return unavailable(
        fmt::format("trainer.device is {}, but this LibTorch sees {} GPUs: use \"auto\" or \"cpu\"",
                    name, count));
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void use_few_threads() {
  const char* wanted = std::getenv("OMP_NUM_THREADS");
  const int count = wanted ? number_in(wanted, 1) : 1;
  at::set_num_threads(count >= 1 && count <= kMostThreads ? count : 1);
}

void keep_freed_memory() {
#ifdef M_MMAP_MAX
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, -1);  // Never.
  ::mallopt(M_TOP_PAD, 1 << 26);
#endif
}

}  // namespace clavier::train
