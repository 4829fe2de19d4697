#include <cstddef>
#include <cstdint>
#include <span>

#include "train/data/safetensors.h"

// Any bytes as a checkpoint file: refused with a reason or read, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto file = std::as_bytes(std::span(bytes, size));
  (void)clavier::train::data::parse_safetensors(file, "fuzz");
  return 0;
}
