#include "sched/hyperband.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "sched/reports.h"

/// A rung is judged twice: `decide` does it on a copy of the bracket, to say what follows, and
/// `observe` again, to remember it, for a log that is replayed is only observed. Both first record
/// who comes to a rung and then judge until somebody is waited for: a trial that ran ahead may have
/// come to the next rung already. That no more trials come shows in a fill, of which no scheduler
/// is told: until the next turn `next` judges on a copy, too, so that a short bracket goes on.
namespace clavier::sched {
namespace {

constexpr double kRounding = 1e-9;  ///< Of powers of the reduction, relative.

std::size_t rounded_up(double trials) {
  return static_cast<std::size_t>(std::ceil(trials * (1 - kRounding)));
}

/// The highest rung at or below the step; none: it comes to the first one.
std::optional<std::size_t> reached(const BracketShape& shape, Steps step) {
  const auto above = std::ranges::upper_bound(shape.rungs, step);
  if (above == shape.rungs.begin()) return std::nullopt;
  return static_cast<std::size_t>(above - shape.rungs.begin()) - 1;
}

bool more_come(const State& state) {
  const auto made = static_cast<std::int64_t>(state.trials().size());
  return !state.requested().empty() || (!state.exhausted() && made < state.trial_limit());
}

/// It may still come to its rung.
bool is_in(const Trial& trial) {
  return !ended(trial.status) && !ends(trial.decided) && !trial.held &&
         trial.decided != Decided::kHold;
}

/// The turn's decisions end the trial, or the user takes it away.
bool taken_out(const Turn& turn, TrialId trial) {
  return std::ranges::any_of(turn.decisions, [&](const Decision& each) {
    const auto* pause = std::get_if<Pause>(&each.action);
    return subject(each.action) == trial &&
           (std::holds_alternative<Stop>(each.action) ||
            std::holds_alternative<Complete>(each.action) || (pause && pause->held));
  });
}

std::string ahead(Steps rung, std::size_t ahead, std::size_t all, std::size_t best) {
  return fmt::format("rung {}: {} of {} are ahead, the best {} go on", rung, ahead, all, best);
}

}  // namespace

std::size_t BracketShape::goes_on(std::size_t made, std::size_t rung) const {
  if (made >= trials.front()) return trials[rung];
  const double part = static_cast<double>(made) / static_cast<double>(trials.front());
  const double scaled = static_cast<double>(trials[rung]) * part * (1 + kRounding);
  return std::max<std::size_t>(1, static_cast<std::size_t>(scaled));
}

std::vector<BracketShape> hyperband_brackets(const AshaOptions& options) {
  CHECK(options.grace >= 1 && options.grace <= options.max_steps && options.reduction > 1);
  std::vector<Steps> steps;  // The highest first.
  for (double at = static_cast<double>(options.max_steps);; at /= options.reduction) {
    const Steps step = std::llround(at);
    if (step < options.grace) break;
    if (steps.empty() || step < steps.back()) steps.push_back(step);
  }
  const auto all = static_cast<double>(steps.size());
  std::vector<BracketShape> shapes;
  for (std::size_t halvings = steps.size(); halvings-- > 0;) {
    const auto power = [&](std::size_t n) {
      return std::pow(options.reduction, static_cast<double>(n));
    };
    const std::size_t trials =
        rounded_up(all / static_cast<double>(halvings + 1) * power(halvings));
    BracketShape shape;
    for (std::size_t i = 0; i <= halvings; ++i) {
      shape.rungs.push_back(steps[halvings - i]);
      const double left = static_cast<double>(trials) / power(i) * (1 + kRounding);
      shape.trials.push_back(std::max<std::size_t>(1, static_cast<std::size_t>(left)));
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

std::vector<BracketShape> ray_hyperband_brackets(const AshaOptions& options) {
  CHECK(options.max_steps >= 1 && options.reduction > 1);
  const auto longest = static_cast<double>(options.max_steps);
  const double all = std::nearbyint(std::log(longest) / std::log(options.reduction)) + 1;
  std::vector<BracketShape> shapes;
  for (double s = 0; s < all; ++s) {
    const double first = std::floor(longest * std::pow(options.reduction, -s) * (1 + kRounding));
    if (first < 1) continue;
    std::size_t trials = rounded_up(all / (s + 1) * std::pow(options.reduction, s));
    BracketShape shape{{static_cast<Steps>(first)}, {trials}};
    for (double i = 0; i < s; ++i) {
      trials = rounded_up(static_cast<double>(trials) / options.reduction);
      const auto before = static_cast<double>(shape.rungs.back());
      const auto step = static_cast<Steps>(std::min(before * options.reduction, longest - before));
      if (step <= shape.rungs.back()) continue;
      shape.rungs.push_back(step);
      shape.trials.push_back(trials);
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

HyperBand::HyperBand(Objective objective, std::vector<BracketShape> shapes)
    : objective_(std::move(objective)), shapes_(std::move(shapes)) {
  CHECK(!shapes_.empty());
  for (const BracketShape& shape : shapes_)
    CHECK(!shape.rungs.empty() && shape.rungs.size() == shape.trials.size());
}

Steps HyperBand::next_rung(const Trial& trial, Steps step) const {
  const auto& rungs = shape(static_cast<std::size_t>(trial.bracket)).rungs;
  const auto above = std::ranges::upper_bound(rungs, step);
  return above == rungs.end() ? rungs.back() : *above;
}

void HyperBand::follow(const State& state) const {
  for (; followed_ < state.trials().size(); ++followed_) {
    const Trial& trial = state.trials()[followed_];
    const auto number = static_cast<std::size_t>(trial.bracket);
    while (brackets_.size() <= number)
      brackets_.push_back({.rankings = std::vector<Ranking>(shape(brackets_.size()).rungs.size())});
    ++brackets_[number].made;
    brackets_[number].expected.push_back(trial.id);
  }
}

bool HyperBand::takes_more(std::size_t number, const State& state) const {
  const Bracket& bracket = brackets_[number];
  return number + 1 == brackets_.size() && bracket.rung == 0 &&
         bracket.made < shape(number).trials.front() && more_come(state);
}

/// Each trial comes to the highest rung that it has reached and that is to be judged.
std::vector<Arrival> HyperBand::arrivals(const Turn& turn, const State& state) const {
  std::vector<Arrival> arrivals;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    const auto number = static_cast<std::size_t>(trial.bracket);
    const auto rung = reached(shape(number), report.step);
    const std::size_t last = shape(number).rungs.size() - 1;
    if (!report.value || !rung || last == 0) return;
    const std::size_t highest = std::min(*rung, last - 1);
    const auto passed = brackets_[number].passed.find(trial.id);
    if (passed == brackets_[number].passed.end() || passed->second <= highest)
      arrivals.push_back({trial.id, trial.bracket, highest, objective_.rank_key(*report.value)});
  });
  return arrivals;
}

void HyperBand::record(Bracket& bracket, const Arrival& arrival) {
  std::size_t& passed = bracket.passed[arrival.trial];
  for (; passed <= arrival.rung; ++passed)
    bracket.rankings[passed].insert({arrival.key, arrival.trial});
  if (passed > bracket.rung) std::erase(bracket.expected, arrival.trial);
}

/// Nobody is waited for at the bracket's rung, given who comes to it just now.
bool HyperBand::complete(std::size_t number, const State& state, const Lives& lives,
                         const std::vector<Arrival>& coming) const {
  const Bracket& bracket = brackets_[number];
  if (bracket.rung + 1 == shape(number).rungs.size() || takes_more(number, state)) return false;
  return std::ranges::none_of(bracket.expected, [&](TrialId id) {
    ++visits_;
    const auto arrival = std::ranges::find(coming, id, &Arrival::trial);
    return (arrival == coming.end() || arrival->rung < bracket.rung) && lives(id);
  });
}

void HyperBand::judge(Bracket& bracket, const BracketShape& shape, const Lives& lives) {
  for (; bracket.rung + 1 < shape.rungs.size() && std::ranges::none_of(bracket.expected, lives);
       ++bracket.rung) {
    const Ranking& ranking = bracket.rankings[bracket.rung];
    std::vector<TrialId> there;
    for (std::size_t i = 0; i < ranking.size(); ++i)
      if (const TrialId id = ranking.at(i).trial; lives(id) && !bracket.out.contains(id))
        there.push_back(id);
    const std::size_t best = shape.goes_on(bracket.made, bracket.rung + 1);
    bracket.expected.clear();
    for (std::size_t i = 0; i < there.size(); ++i)
      if (i >= best)
        bracket.out[there[i]] = ahead(shape.rungs[bracket.rung], i, there.size(), best);
      else if (bracket.passed[there[i]] <= bracket.rung + 1)
        bracket.expected.push_back(there[i]);
    std::ranges::sort(bracket.expected);
  }
}

std::map<std::size_t, HyperBand::Bracket> HyperBand::judged(
    const State& state, const Lives& lives, const std::vector<Arrival>& coming) const {
  std::map<std::size_t, Bracket> all;
  for (std::size_t number = first_open_; number < brackets_.size(); ++number) {
    if (!complete(number, state, lives, coming)) continue;
    Bracket& now = all.emplace(number, brackets_[number]).first->second;
    for (const Arrival& arrival : coming)
      if (static_cast<std::size_t>(arrival.bracket) == number) record(now, arrival);
    judge(now, shape(number), lives);
  }
  return all;
}

/// What becomes of a trial that reports; nothing: it runs on. `now`: its bracket once this turn's
/// judgements are made.
std::optional<Decision> HyperBand::answer(const Report& report, const Trial& trial,
                                          const std::vector<Arrival>& coming,
                                          const Bracket& now) const {
  const auto number = static_cast<std::size_t>(trial.bracket);
  const auto& rungs = shape(number).rungs;
  if (report.step >= rungs.back())
    return Decision{Complete{trial.id}, fmt::format("reached step {}", rungs.back())};
  const Bracket& before = brackets_[number];
  const auto arrival = std::ranges::find(coming, trial.id, &Arrival::trial);
  const bool arrives = arrival != coming.end();
  if (!arrives && report.step < trial.until) return std::nullopt;
  if (const auto out = now.out.find(trial.id); out != now.out.end())
    return Decision{Stop{trial.id}, out->second};
  const auto known = before.passed.find(trial.id);
  std::size_t passed = known == before.passed.end() ? 0 : known->second;
  if (arrives) passed = arrival->rung + 1;
  if (const auto rung = reached(shape(number), report.step); rung && *rung >= passed)
    return Decision{Continue{trial.id, report.step + 1}};  // It lacks the objective.
  if (passed > now.rung)
    return Decision{Pause{trial.id}, fmt::format("rung {}: waits for the others of bracket {}",
                                                 rungs[passed - 1], number)};
  const Decision go_on{Continue{trial.id, next_rung(trial, report.step)}};
  if (!arrives || arrival->rung >= before.rung) return go_on;
  // It is late.
  const Standing place = standing(*arrival, coming, before.rankings[arrival->rung]);
  const std::size_t best = shape(number).goes_on(before.made, arrival->rung + 1);
  if (place.ahead < best) return go_on;
  return Decision{Stop{trial.id}, ahead(rungs[arrival->rung], place.ahead, place.entries, best)};
}

std::vector<Decision> HyperBand::decide(const Turn& turn, const State& state) const {
  follow(state);
  const std::vector<Arrival> coming = arrivals(turn, state);
  const Lives lives = [&](TrialId id) { return is_in(state.trial(id)) && !taken_out(turn, id); };
  const auto all = judged(state, lives, coming);
  const auto now = [&](std::size_t number) -> const Bracket& {
    const auto found = all.find(number);
    return found == all.end() ? brackets_[number] : found->second;
  };
  std::map<TrialId, Decision> decisions;
  for (std::size_t number = first_open_; number < brackets_.size(); ++number)
    for (const auto& [id, reason] : now(number).out)
      if (lives(id)) decisions[id] = {Stop{id}, reason};
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    auto decision = answer(report, trial, coming, now(static_cast<std::size_t>(trial.bracket)));
    if (decision) decisions[trial.id] = *std::move(decision);
  });
  // A user brings a trial back that waited at a rung: that rung is behind it.
  for (const TrialId id : brought_back(turn, state)) {
    const Trial& trial = state.trial(id);
    const Steps until = next_rung(trial, trial.step);
    if (trial.step >= trial.until && until > trial.step)
      decisions.try_emplace(id, Decision{Continue{id, until}});
  }
  std::vector<Decision> list;
  for (auto& [id, decision] : decisions) list.push_back(std::move(decision));
  return list;
}

void HyperBand::observe(const Turn& turn, const State& state) {
  follow(state);
  for (const Arrival& arrival : arrivals(turn, state))
    record(brackets_[static_cast<std::size_t>(arrival.bracket)], arrival);
  const Lives lives = [&](TrialId id) { return is_in(state.trial(id)); };
  for (auto& [number, now] : judged(state, lives, {})) brackets_[number] = std::move(now);
  for (std::size_t number = first_open_; number < brackets_.size(); ++number)
    std::erase_if(brackets_[number].out, [&](const auto& each) { return !lives(each.first); });
  while (first_open_ < brackets_.size() && brackets_[first_open_].out.empty() &&
         brackets_[first_open_].rung + 1 == shape(first_open_).rungs.size() &&
         !takes_more(first_open_, state))
    ++first_open_;
}

std::vector<Runnable> HyperBand::resumes(const State& state, std::size_t appetite) const {
  follow(state);
  const auto all = judged(state, [&](TrialId id) { return is_in(state.trial(id)); }, {});
  std::vector<Runnable> runnables;
  for (const TrialId id : state.with_status(TrialStatus::kPaused)) {
    if (runnables.size() == appetite) break;
    ++visits_;
    const Trial& trial = state.trial(id);
    const auto number = static_cast<std::size_t>(trial.bracket);
    const auto found = all.find(number);
    const Bracket& bracket = found == all.end() ? brackets_[number] : found->second;
    const auto passed = bracket.passed.find(id);
    const bool waits = passed != bracket.passed.end() && passed->second > bracket.rung;
    if (!trial.held && !waits && !bracket.out.contains(id))
      runnables.push_back(Resume{id, next_rung(trial, trial.step)});
  }
  return runnables;
}

std::vector<Runnable> HyperBand::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables = resumes(state, appetite);
  std::size_t number = brackets_.empty() ? 0 : brackets_.size() - 1;
  std::size_t made = brackets_.empty() ? 0 : brackets_.back().made;
  if (!brackets_.empty() && brackets_.back().rung > 0) made = shape(number).trials.front();
  for (; runnables.size() < appetite; ++made) {
    if (made >= shape(number).trials.front()) ++number, made = 0;
    runnables.push_back(
        New{.until = shape(number).rungs.front(), .bracket = static_cast<int>(number)});
  }
  return runnables;
}

bool HyperBand::finished(const State& state) const { return resumes(state, 1).empty(); }

std::int64_t HyperBand::visits() const {
  std::int64_t sum = visits_;
  for (const Bracket& bracket : brackets_)
    for (const Ranking& ranking : bracket.rankings) sum += ranking.visits();
  return sum;
}

}  // namespace clavier::sched
