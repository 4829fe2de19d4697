// bench protocol: report lines of three metrics that one core cuts and reads per second
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "base/check.h"
#include "worker/line_buffer.h"
#include "worker/protocol.h"

using clavier::worker::FromWorker;

int main() {
  constexpr int kLines = 2'000'000;
  std::string stream;
  for (int i = 0; i < kLines; ++i)
    encode(
        clavier::worker::ReportLine{
            clavier::TrialId{i % 1000},
            clavier::LaunchId{i % 1000},
            i / 1000,
            0.25 + i * 1e-7,
            {{"loss", 0.31 + i * 1e-7}, {"accuracy", 0.9 - i * 1e-8}, {"learning_rate", 1e-3}},
            ""},
        stream);
  constexpr std::size_t kChunk = 64 << 10;
  std::size_t reports = 0;
  const auto begin = std::chrono::steady_clock::now();
  clavier::worker::LineBuffer lines;
  for (std::size_t at = 0; at < stream.size(); at += kChunk)
    lines.feed(
        std::string_view(stream).substr(at, kChunk),
        [&](std::string_view line) {
          const auto message = clavier::worker::decode_from_worker(line);
          CHECK(message.ok());
          reports += std::get<clavier::worker::ReportLine>(*message).metrics.size() == 3;
        },
        [](std::string_view) { CHECK(false); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  CHECK(reports == kLines);
  fmt::print("{{\"lines_per_second\": {:.0f}, \"bytes_per_line\": {:.0f}}}\n",
             kLines / took.count(), static_cast<double>(stream.size()) / kLines);
}
