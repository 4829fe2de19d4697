#include "report/failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "report/width.h"
#include "report/wording.h"
#include "study/cause.h"

namespace clavier::report {
namespace {

constexpr std::size_t kNamedTrials = 5;

std::string named(const std::vector<TrialId>& trials) {
  std::string out = trials.size() == 1 ? "trial" : "trials";
  for (std::size_t i = 0; i < std::min(trials.size(), kNamedTrials); ++i)
    out += fmt::format("{} {}", i == 0 ? "" : ",", trials[i].value);
  if (trials.size() > kNamedTrials) out += ", …";
  return out;
}

/// The last lines that are not blank.
std::vector<std::string> last_lines(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < most) {
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) break;
    text = text.substr(0, end + 1);
    const std::size_t start = text.find_last_of('\n');
    const std::size_t from = start == std::string_view::npos ? 0 : start + 1;
    lines.push_back(clean(text.substr(from)));
    text = text.substr(0, from);
  }
  std::ranges::reverse(lines);
  return lines;
}

}  // namespace

std::vector<Failure> failures(const State& state) {
  std::map<std::string, Failure> by_cause;
  for (const TrialId id : state.with_status(TrialStatus::kFailed)) {
    const Trial& trial = state.trial(id);
    Failure& failure = by_cause[cause_of(trial.reason, trial.log_tail)];
    if (failure.trials.empty()) failure.error = trial.reason;
    if (failure.log_tail.empty()) failure.log_tail = trial.log_tail;
    failure.trials.push_back(id);
  }
  std::vector<Failure> failures;
  for (auto& [cause, failure] : by_cause) failures.push_back(std::move(failure));
  std::ranges::sort(failures, [](const Failure& a, const Failure& b) {
    if (a.trials.size() != b.trials.size()) return a.trials.size() > b.trials.size();
    return a.trials.front() < b.trials.front();
  });
  return failures;
}

std::vector<std::string> digest(const std::vector<Failure>& failures, std::size_t causes,
                                std::size_t log_lines) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < failures.size(); ++i) {
    if (i == causes) {
      lines.push_back(fmt::format(
          "  and {}", count(static_cast<std::int64_t>(failures.size() - causes), "further cause")));
      break;
    }
    const Failure& failure = failures[i];
    lines.push_back(fmt::format("  {}: {}", named(failure.trials),
                                failure.error.empty() ? "no reason given" : clean(failure.error)));
    for (const std::string& line : last_lines(failure.log_tail, log_lines))
      lines.push_back("    | " + line);
  }
  return lines;
}

}  // namespace clavier::report
