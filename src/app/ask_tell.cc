#include <fmt/format.h>

#include <utility>

#include "app/run/asked_study.h"
#include "app/tuning.h"
#include "app/tuning_spec.h"

namespace clavier {

struct AskTell::Parts {
  app::AskedStudy study;
};

AskTell::AskTell(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AskTell::AskTell(AskTell&&) noexcept = default;
AskTell& AskTell::operator=(AskTell&&) noexcept = default;
AskTell::~AskTell() = default;

Result<AskTell> AskTell::create(const Tuning& tuning) {
  std::function<void(const std::string&)> warn;
  if (tuning.output) warn = [out = tuning.output](const std::string& line) { out(line + '\n'); };
  auto study = TRY(app::AskedStudy::open(TRY(app::spec_of(tuning)), app::AskedStudy::Trials::kOwn,
                                         tuning.directory, std::move(warn)));
  return AskTell(std::make_unique<Parts>(Parts{std::move(study)}));
}

Result<Asked> AskTell::ask() {
  const TrialId trial = TRY(parts_->study.ask());
  return Asked{trial, state().trial(trial).config};
}

Result<bool> AskTell::report(TrialId trial, const std::vector<Metric>& metrics, Steps step) {
  return parts_->study.report(trial, metrics, step);
}

Status AskTell::tell(TrialId trial, const std::vector<Metric>& metrics) {
  return parts_->study.tell(trial, metrics);
}

Status AskTell::tell_failed(TrialId trial, const std::string& error) {
  return parts_->study.give_up(trial, ExitKind::kFailed, error);
}

std::optional<TrialId> AskTell::best() const { return state().best(); }
const State& AskTell::state() const { return parts_->study.state(); }

}  // namespace clavier
