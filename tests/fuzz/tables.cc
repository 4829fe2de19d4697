#include <cstddef>
#include <cstdint>
#include <span>

#include "train/data/bytes.h"
#include "train/data/cifar_pickle.h"
#include "train/data/csv.h"
#include "train/data/facts.h"
#include "train/data/gzip.h"
#include "train/data/idx.h"
#include "train/data/image.h"
#include "train/data/npy.h"

// Any bytes as a data file: refused with a reason or read, never a crash. The first byte chooses
// the reader.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace clavier::train::data;
  constexpr std::uint64_t kMostUnpacked = 1 << 20;
  if (size == 0) return 0;
  const auto file = std::as_bytes(std::span(bytes + 1, size - 1));
  Split split;
  switch (bytes[0] % 7) {
    case 0: (void)parse_csv(as_text(file), {}, "fuzz"); break;
    case 1: (void)parse_npy(file, "fuzz"); break;
    case 2: (void)parse_idx(file, "fuzz"); break;
    case 3: (void)gunzip(file, "fuzz", kMostUnpacked); break;
    case 4: (void)append_cifar_pickle(file, RecordKind::kCifar10, "fuzz", split); break;
    case 5: (void)parse_facts(as_text(file), "fuzz"); break;
    case 6: (void)decode_image(file, "fuzz"); break;
  }
  return 0;
}
