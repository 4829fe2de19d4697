#include "app/policy_files.h"

#include <fmt/format.h>

#include <fstream>

#include "study/directory_name.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

constexpr StudyDuration kLag = std::chrono::seconds(1);

Status written(const fs::path& file, std::string_view text, std::ios::openmode mode) {
  std::ofstream out(file, std::ios::binary | mode);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  return out ? ok_status() : Status(io_error(fmt::format("cannot write {}", file.string())));
}

/// As a whole: nobody sees half of it.
Status replace(const fs::path& file, std::string_view text) {
  fs::path fresh = file;
  fresh += ".new";
  TRY(written(fresh, text, std::ios::trunc));
  std::error_code error;
  fs::rename(fresh, file, error);
  if (error) return io_error(fmt::format("cannot write {}: {}", file.string(), error.message()));
  return {};
}

}  // namespace

PolicyFiles::PolicyFiles(fs::path folder, std::string study_name, StepId live)
    : folder_(std::move(folder)), study_name_(std::move(study_name)), live_(live) {}

Result<StepId> PolicyFiles::resume() {
  lineages_ = {};
  changed_.clear();
  written_ = 0;
  return StepId{0};
}

Status PolicyFiles::on_step(const Step& step, const State& state) {
  lineages_.see(step, state);
  for (const Decision& decision : step.turn.decisions)
    if (std::holds_alternative<Exploit>(decision.action)) changed_.insert(subject(decision.action));
  if (step.turn.id < live_ || changed_.empty() || step.turn.time - wrote_at_ < kLag) return {};
  wrote_at_ = step.turn.time;
  return write();
}

Status PolicyFiles::on_idle(StudyTime now, const State&) {
  wrote_at_ = now;
  return write();
}

Status PolicyFiles::finish(const State&) { return write(); }

Status PolicyFiles::write_global() {
  const auto& lines = lineages_.lines();
  const bool whole = written_ == 0;
  std::string text;
  for (; written_ < lines.size(); ++written_) text += lines[written_] + "\n";
  const fs::path file = folder_ / "pbt_global.txt";
  return whole ? replace(file, text) : written(file, text, std::ios::app);
}

Status PolicyFiles::write() {
  if (changed_.empty()) return {};
  TRY(write_global());
  for (const TrialId trial : changed_)
    TRY(replace(folder_ / fmt::format("pbt_policy_{}.txt", trial_name(study_name_, trial)),
                lineages_.policy(trial)));
  changed_.clear();
  return {};
}

}  // namespace clavier::app
