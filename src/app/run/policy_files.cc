#include "app/run/policy_files.h"

#include <fmt/format.h>

#include "study/directory_name.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

constexpr const char* kGlobal = "pbt_global.txt";
constexpr StudyDuration kLag = std::chrono::seconds(1);

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

Status PolicyFiles::write_global(const Folder& folder) {
  const auto& lines = lineages_.lines();
  const bool whole = written_ == 0;
  std::string text;
  for (; written_ < lines.size(); ++written_) text += lines[written_] + "\n";
  return whole ? folder.replace(kGlobal, text) : folder.append(kGlobal, text);
}

Status PolicyFiles::write() {
  if (changed_.empty()) return {};
  const Folder folder = TRY(Folder::open(folder_));
  TRY(write_global(folder));
  for (const TrialId trial : changed_)
    TRY(folder.replace(fmt::format("pbt_policy_{}.txt", trial_name(study_name_, trial)),
                       lineages_.policy(trial)));
  changed_.clear();
  return {};
}

}  // namespace clavier::app
