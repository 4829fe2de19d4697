#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "worker/line_buffer.h"
#include "worker/protocol.h"

// Any bytes as a worker's stream, a tuner's stream and standard output: nothing crashes, and what
// is understood is written and read back equal.

using namespace clavier::worker;  // NOLINT: the fuzzer's entry must be global.

namespace {

void check_line(std::string_view line) {
  if (const auto message = decode_from_worker(line)) {
    std::string again;
    encode(*message, again);
    again.pop_back();
    const auto read = decode_from_worker(again);
    CHECK(read.ok() && *read == *message);
  }
  if (const auto message = decode_to_worker(line); message && *message) {
    std::string again;
    encode(**message, again);
    CHECK(decode_to_worker(again.substr(0, again.size() - 1)).ok());
  }
  if (const auto report = scan_plain(line)) CHECK(check_metrics(report->metrics).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto drop = [](std::string_view) {};
  LineBuffer whole(1024);
  whole.feed(bytes, check_line, drop);
  whole.finish(check_line);
  return 0;
}
