#include "report/wording.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "study/text.h"

namespace clavier::report {

std::string elapsed(StudyDuration duration) {
  if (duration < std::chrono::seconds(59)) return fmt::format("{:.1f} s", seconds(duration));
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string number(double value) { return fmt::format("{:.4g}", value); }

std::string short_value(const Value& value) {
  const double* real = value.as<double>();
  return real ? number(*real) : text::plain(value);
}

std::string short_config(const Config& config) {
  std::string out;
  for (const Config::Entry& entry : config.entries())
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", entry.name, short_value(entry.value));
  return out;
}

bool about_the_work(std::string_view metric) {
  return metric == "checkpoint_bytes" || metric.starts_with("time_");
}

std::string model_words(const Trial& trial, const std::string& folder) {
  const Model model = trial.best_model();
  if (!model.checkpoint)
    return trial.best && trial.best->config
               ? fmt::format("none: step {} was not kept, and other weights were taken over since",
                             trial.best->step)
               : std::string();
  std::string words =
      folder.empty() ? model.checkpoint->path : folder + "/" + model.checkpoint->path;
  words += fmt::format(" (step {}", model.checkpoint->step);
  if (trial.best && !model.of_best_step)
    words += fmt::format("; step {}, the best, was not kept", trial.best->step);
  return words + ")";
}

std::string_view status_word(TrialStatus status, bool study_runs) {
  return status == TrialStatus::kRunning && !study_runs ? "interrupted" : name(status);
}

std::string_view status_word(const Trial& trial, bool study_runs) {
  if (trial.live() && study_runs) switch (trial.decided) {
      case Decided::kStop: return "stopping";
      case Decided::kComplete: return "completing";
      case Decided::kPause:
      case Decided::kHold:
      case Decided::kRequeue: return "pausing";
      case Decided::kNone: break;
    }
  return status_word(trial.status, study_runs);
}

std::string reason_text(std::string reason) {
  static constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
      {"all 1 trials have run", "its trial has run"},
      {"1 trials have ended", "1 trial has ended"},
      {"over the last 1 trials", "over the last trial"},
      {"?. ", "? "},
  };
  for (const auto& [logged, said] : kSaid)
    if (const auto at = reason.find(logged);
        at != std::string::npos &&
        (at == 0 || !std::isdigit(static_cast<unsigned char>(reason[at - 1]))))
      reason.replace(at, logged.size(), said);
  return reason;
}

std::string count(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace clavier::report
