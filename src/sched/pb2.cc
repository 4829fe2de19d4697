#include "sched/pb2.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "sched/reports.h"
#include "study/domain.h"

namespace clavier::sched {
namespace {

bool is_continuous(const Domain& domain) {
  const auto* real = std::get_if<Real>(&domain);
  return real && real->quantum == 0 && real->low < real->high;
}

/// The exchange alone: who takes over keeps the donor's configuration.
PbtOptions without_exploring(const Space& space, PbtOptions options) {
  options.explore = {.parameters = continuous_parameters(space, options),
                     .resample_probability = 0,
                     .factors = {1}};
  return options;
}

std::vector<std::size_t> places_of(const Space& space, const PbtOptions& options) {
  return mutable_parameters(space, {.parameters = continuous_parameters(space, options)});
}

}  // namespace

std::vector<std::string> continuous_parameters(const Space& space, const PbtOptions& options) {
  std::vector<std::string> names;
  for (const std::size_t place : mutable_parameters(space, options.explore))
    if (is_continuous(space.parameters[place].domain))
      names.push_back(space.parameters[place].name);
  return names;
}

Status check_pb2(const Space& space, const PbtOptions& options) {
  TRY(check(space, options));
  if (continuous_parameters(space, options).empty())
    return invalid(
        "PB2 has nothing to choose: none of the parameters that may change is a real number "
        "between bounds (uniform, loguniform, reverse_loguniform)");
  return {};
}

Pb2::Pb2(Objective objective, Space space, PbtOptions options, std::uint64_t seed)
    : objective_(objective),
      space_(space),
      seed_(seed),
      places_(places_of(space, options)),
      options_(without_exploring(space, std::move(options))),
      pbt_(std::move(objective), std::move(space), options_, seed) {
  CHECK(!places_.empty());
}

std::vector<Runnable> Pb2::next(const State& state, std::size_t appetite) const {
  return pbt_.next(state, appetite);
}

bool Pb2::finished(const State& state) const { return pbt_.finished(state); }

double Pb2::reward(double value) const { return objective_.mode == Mode::kMax ? value : -value; }

std::vector<double> Pb2::scaled(const Config& config) const {
  std::vector<double> x;
  for (const std::size_t place : places_) {
    const Parameter& parameter = space_.parameters[place];
    const Value* value = config.find(parameter.name);
    // What is inactive does not matter, but must be somewhere.
    x.push_back(value ? unit_of(parameter.domain, *value).value_or(0.5) : 0.5);
  }
  return x;
}

Pb2::Mark& Pb2::mark(Memory& memory, TrialId trial, Mark mark) const {
  const auto at = static_cast<std::size_t>(trial.value);
  if (memory.marks.size() <= at) memory.marks.resize(at + 1);
  return memory.marks[at].emplace(std::move(mark));
}

/// A planner decides between boundaries, too.
bool Pb2::at_or_past_boundary(const Report& report) const {
  const auto at = static_cast<std::size_t>(report.trial.value);
  const Steps before =
      at < memory_.marks.size() && memory_.marks[at] ? memory_.marks[at]->at.time : 0;
  return report.step >= options_.max_steps ||
         report.step / options_.interval != before / options_.interval;
}

void Pb2::learn(Memory& memory, std::vector<const Report*> reports, const Turn& turn,
                const State& state) const {
  std::ranges::sort(reports, {}, [](const Report* report) { return report->trial; });
  for (const Report* report : reports) {
    const Trial& trial = state.trial(report->trial);
    const bool exploits = std::ranges::any_of(turn.decisions, [&](const Decision& decision) {
      return std::holds_alternative<Exploit>(decision.action) &&
             subject(decision.action) == trial.id;
    });
    const Config& config = exploits ? trial.takeovers.back().before : trial.config;
    Mark now{{report->step, reward(*report->value)}, scaled(config)};
    const auto at = static_cast<std::size_t>(trial.id.value);
    if (at < memory.marks.size() && memory.marks[at]) {
      const Mark& last = *memory.marks[at];
      const Steps steps = now.at.time - last.at.time;
      if (steps > 0 && last.x == now.x)
        memory.gains.push_back({now.at.time, last.at.reward, now.x,
                                (now.at.reward - last.at.reward) / static_cast<double>(steps)});
    }
    mark(memory, trial.id, std::move(now));
  }
  if (memory.gains.size() > model::kMostGains)
    memory.gains.erase(memory.gains.begin(), memory.gains.end() - model::kMostGains);
}

void Pb2::take_over(Memory& memory, const Exploit& exploit) const {
  mark(memory, exploit.trial,
       {{exploit.donor.step, reward(exploit.donor_value)}, scaled(exploit.config), true});
}

std::string Pb2::choose(const Memory& memory, Exploit& exploit, const State& state) const {
  const Config donor = exploit.config;
  Rng rng = Rng::keyed(seed_, exploit.trial.value, state.trial(exploit.trial).step, 2);
  model::Box box{std::vector<double>(places_.size(), 0), std::vector<double>(places_.size(), 1)};
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (!donor.find(space_.parameters[places_[i]].name)) box.low[i] = box.high[i] = 0.5;
  std::vector<std::vector<double>> tried;
  const bool learned = memory.gains.size() >= model::kLeastGains;
  if (learned) {
    std::vector<std::vector<double>> pending;
    for (std::size_t i = 0; i < memory.marks.size(); ++i)
      if (const auto& other = memory.marks[i];
          other && other->pending && static_cast<std::int64_t>(i) != exploit.trial.value)
        pending.push_back(other->x);
    tried = model::worth_trying(memory.gains, {exploit.donor.step, reward(exploit.donor_value)},
                                pending, box, rng);
  } else {
    tried.resize(20, std::vector<double>(places_.size()));
    for (auto& x : tried) std::ranges::generate(x, [&] { return rng.uniform(); });
  }
  for (const std::vector<double>& x : tried) {
    Config config = donor;
    std::string changes;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const Parameter& parameter = space_.parameters[places_[i]];
      const Value* before = donor.find(parameter.name);
      if (!before) continue;
      config.set(parameter.name,
                 *value_at(parameter.domain, std::min(x[i], std::nextafter(1.0, 0.0))));
      changes += fmt::format("{}{} {:.4g} → {:.4g}", changes.empty() ? "" : ", ", parameter.name,
                             before->number().value_or(0),
                             config.find(parameter.name)->number().value_or(0));
    }
    auto whole = settled(space_, config, rng);
    if (!whole) continue;
    exploit.config = *std::move(whole);
    return changes + (learned ? fmt::format(" (of {} gains)", memory.gains.size())
                              : std::string(" (drawn: too few gains to learn from)"));
  }
  return "unchanged: nothing that is worth trying is allowed";
}

std::vector<Decision> Pb2::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions = pbt_.decide(turn, state);
  std::vector<Decision*> exploits;
  for (Decision& decision : decisions)
    if (std::holds_alternative<Exploit>(decision.action)) exploits.push_back(&decision);
  if (exploits.empty()) return decisions;
  std::ranges::sort(exploits, {}, [](const Decision* each) { return subject(each->action); });
  Memory memory = memory_;
  std::vector<const Report*> reports;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    const bool boundary = report.step >= std::min(trial.until, options_.max_steps);
    if (boundary && report.value && std::isfinite(*report.value)) reports.push_back(&report);
  });
  learn(memory, std::move(reports), turn, state);
  for (Decision* decision : exploits) {
    auto& exploit = std::get<Exploit>(decision->action);
    decision->reason += choose(memory, exploit, state);
    take_over(memory, exploit);  // The next one of this turn knows.
  }
  return decisions;
}

void Pb2::observe(const Turn& turn, const State& state) {
  pbt_.observe(turn, state);
  std::vector<const Report*> reports;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    const bool boundary = decided(turn, trial.id) && at_or_past_boundary(report);
    if (boundary && report.value && std::isfinite(*report.value)) reports.push_back(&report);
  });
  learn(memory_, std::move(reports), turn, state);
  for (const Decision& decision : turn.decisions)
    if (const auto* exploit = std::get_if<Exploit>(&decision.action)) take_over(memory_, *exploit);
}

}  // namespace clavier::sched
