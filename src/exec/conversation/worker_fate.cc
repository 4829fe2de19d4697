#include "exec/conversation/worker_fate.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace clavier::exec {
namespace {

constexpr std::string_view kOutOfMemory = "out of memory";

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

bool sent_from_outside(int signal) {
  return signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
}

WorkerFate judge_own_end(const WorkerEnd& end) {
  const GuardReport& report = *end.report;
  if (report.out_of_memory)
    return {ExitKind::kFailed, "out of memory: the kernel killed the worker"};
  if (report.end.ok()) {
    if (!end.takes_several) return {};
    return {ExitKind::kFailed, "the worker left without saying how its trial ended"};
  }
  if (sent_from_outside(report.end.signal))
    return {ExitKind::kLost,
            fmt::format("the worker was killed from outside by {}", describe(report.end))};
  std::string error = end.last_error_line.empty()
                          ? fmt::format("the worker ended with {}", describe(report.end))
                          : fmt::format("{} ({})", end.last_error_line, describe(report.end));
  return {ExitKind::kFailed, error_with_cause(std::move(error), end.error_tail)};
}

}  // namespace

bool mentions_out_of_memory(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords{kOutOfMemory,
                                                   "outofmemory",
                                                   "memoryerror",
                                                   "bad_alloc",
                                                   "cannot allocate memory",
                                                   "can't allocate memory",
                                                   "memory exhausted",
                                                   "status_alloc_failed"};
  const std::string small = lower(text);
  return std::ranges::any_of(
      kWords, [&](std::string_view word) { return small.find(word) != std::string::npos; });
}

std::string error_with_cause(std::string error, std::string_view log_tail) {
  if (lower(error).starts_with(kOutOfMemory)) return error;
  if (!mentions_out_of_memory(error) && !mentions_out_of_memory(log_tail)) return error;
  return fmt::format("{}: {}", kOutOfMemory, error);
}

std::optional<WorkerFate> overruled(Wish wish, const std::string& complaint) {
  switch (wish) {
    case Wish::kRefuse: return WorkerFate{ExitKind::kRefused, complaint};
    case Wish::kVoid: return WorkerFate{ExitKind::kLost, complaint};
    case Wish::kTimeLimit:
    case Wish::kFail: return WorkerFate{ExitKind::kFailed, complaint};
    case Wish::kNone:
    case Wish::kStop:
    case Wish::kPause: break;
  }
  return {};
}

WorkerFate judge(const WorkerEnd& end) {
  if (end.report && end.report->kind == GuardReport::Kind::kNotStarted)
    return {ExitKind::kRefused, end.report->error};
  if (auto fate = overruled(end.wish, end.complaint)) return *std::move(fate);
  if (end.wish == Wish::kStop) return {ExitKind::kStopped};
  // Killed because it could or would not: it goes on from its last checkpoint.
  if (end.wish == Wish::kPause && (end.terminated || (end.report && end.report->end.ok())))
    return {ExitKind::kPaused};
  if (end.wish == Wish::kNone && end.terminated)
    return {ExitKind::kLost, "the worker was ended because of another trial of its launch"};
  if (end.report && end.report->kind == GuardReport::Kind::kNoRoom)
    return {ExitKind::kLost, end.report->error};
  if (!end.report) return {ExitKind::kLost, "the worker's guard was killed"};
  if (end.never_read)
    return {ExitKind::kLost,
            fmt::format("the worker left after its last trial with {}", describe(end.report->end))};
  return judge_own_end(end);
}

}  // namespace clavier::exec
