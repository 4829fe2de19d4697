#include "sched/asha_promotion.h"

#include <fmt/format.h>

#include <algorithm>

#include "sched/reports.h"

/// `observe` keeps an order: whoever has moved past its rung leaves the waiting sets, then this
/// turn's arrivals are recorded, and only then do the decisions put in who pauses. `decide` came
/// before all that: it sees the records without this turn's arrivals and compares these with each
/// other, so that nobody is counted twice and trials that report in one turn are judged alike.
/// A launch is part of a fill, which no scheduler is told of. A promoted trial therefore stays in
/// its waiting set until its first report or exit; meanwhile `is_free` passes over it.
namespace clavier::sched {
namespace {

bool is_free(const Trial& trial) { return trial.status == TrialStatus::kPaused && !trial.held; }

}  // namespace

AshaPromotion::AshaPromotion(Objective objective, AshaOptions options, std::uint64_t seed)
    : options_(options),
      records_(std::move(objective), options, seed),
      waiting_(static_cast<std::size_t>(records_.rungs().brackets()),
               std::vector<Waiting>(records_.rungs().size())) {}

Resume AshaPromotion::resume(TrialId id, const State& state) const {
  const Trial& trial = state.trial(id);
  return {id, records_.rungs().next(trial.bracket, trial.step)};
}

void AshaPromotion::promote_from(std::size_t rung, const State& state, std::size_t appetite,
                                 std::vector<Runnable>& runnables) const {
  for (int bracket = 0; bracket < records_.rungs().brackets(); ++bracket) {
    const Ranking& ranking = records_.ranking(bracket, rung);
    const std::size_t go_on = survivors(ranking.size(), options_.reduction);
    for (const Ranking::Entry& entry : waiting_[static_cast<std::size_t>(bracket)][rung]) {
      ++visits_;
      if (runnables.size() >= appetite || ranking.index(entry) >= go_on) break;
      if (is_free(state.trial(entry.trial))) runnables.push_back(resume(entry.trial, state));
    }
  }
}

std::vector<Runnable> AshaPromotion::promotions(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables;
  for (const TrialId id : strays_)
    if (runnables.size() < appetite && is_free(state.trial(id)))
      runnables.push_back(resume(id, state));
  for (std::size_t rung = records_.rungs().size(); rung-- > 0;)
    promote_from(rung, state, appetite, runnables);
  if (runnables.empty() && appetite > 0)
    if (const auto trial = last_hope(state)) runnables.push_back(resume(*trial, state));
  return runnables;
}

std::optional<TrialId> AshaPromotion::last_hope(const State& state) const {
  const bool more =
      !state.exhausted() && static_cast<std::int64_t>(state.trials().size()) < state.trial_limit();
  if (more || state.count(TrialStatus::kRunning) > 0 || state.count(TrialStatus::kPending) > 0 ||
      state.count(TrialStatus::kCompleted) > 0)
    return std::nullopt;
  for (std::size_t rung = records_.rungs().size(); rung-- > 0;) {
    std::optional<Ranking::Entry> best;
    for (const auto& bracket : waiting_) {
      const auto found = std::ranges::find_if(bracket[rung], [&](const Ranking::Entry& entry) {
        ++visits_;
        return is_free(state.trial(entry.trial));
      });
      if (found != bracket[rung].end() && (!best || Ranking::precedes(*found, *best)))
        best = *found;
    }
    if (best) return best->trial;
  }
  return std::nullopt;
}

std::vector<Runnable> AshaPromotion::next(const State& state, std::size_t appetite) const {
  std::vector<Runnable> runnables = promotions(state, appetite);
  records_.fill_up(runnables, state, appetite);
  return runnables;
}

Decision AshaPromotion::judge(const Arrival& arrival, const std::vector<Arrival>& together,
                              Steps step) const {
  const Standing place =
      standing(arrival, together, records_.ranking(arrival.bracket, arrival.rung));
  const std::size_t go_on = survivors(place.entries, options_.reduction);
  std::string reason =
      fmt::format("rung {}: {} of {} are ahead, the best {} go on",
                  records_.rungs().milestone(arrival.rung), place.ahead, place.entries, go_on);
  if (place.ahead >= go_on) return {Pause{arrival.trial}, std::move(reason)};
  return {Continue{arrival.trial, records_.rungs().next(arrival.bracket, step)}, std::move(reason)};
}

std::vector<Decision> AshaPromotion::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions = records_.decide(
      turn, state, [&](const Arrival& arrival, const std::vector<Arrival>& together, Steps step) {
        return judge(arrival, together, step);
      });
  // A user brings a trial back that waited at a rung: that rung is behind it.
  for (const TrialId id : brought_back(turn, state))
    if (const Trial& trial = state.trial(id); trial.step >= trial.until)
      decisions.push_back({Continue{id, resume(id, state).until}});
  return decisions;
}

AshaPromotion::Waiting* AshaPromotion::waiting_with(TrialId trial) {
  const auto place = records_.place(trial);
  if (!place) return nullptr;
  Waiting& waiting = waiting_[static_cast<std::size_t>(place->bracket)][place->rung];
  return waiting.contains({place->key, trial}) ? &waiting : nullptr;
}

void AshaPromotion::leave(TrialId trial) {
  strays_.erase(trial);
  if (Waiting* waiting = waiting_with(trial)) waiting->erase({records_.place(trial)->key, trial});
}

void AshaPromotion::observe(const Turn& turn, const State& state) {
  const auto gone_on = [&](const Trial& trial, Steps step) {
    const auto place = records_.place(trial.id);
    return !place || std::max(step, trial.until) > records_.rungs().milestone(place->rung);
  };
  const std::vector<Arrival> arrivals = records_.arrivals(turn, state);
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (gone_on(trial, report.step)) leave(trial.id);
  });
  if (const Exited* exited = exit_in(turn, state)) {
    const Trial& trial = state.trial(exited->trial);
    if (ended(trial.status) || (!is_free(trial) && gone_on(trial, trial.step))) leave(trial.id);
  }
  records_.observe(arrivals, turn, state);
  for (const Decision& decision : turn.decisions) {
    const TrialId trial = subject(decision.action);
    const auto* pause = std::get_if<Pause>(&decision.action);
    if (!pause) {
      if (!std::holds_alternative<Continue>(decision.action)) leave(trial);
      continue;
    }
    const auto arrival = std::ranges::find(arrivals, trial, &Arrival::trial);
    if (arrival != arrivals.end())
      waiting_[static_cast<std::size_t>(arrival->bracket)][arrival->rung].insert(
          {arrival->key, trial});
    else if (!pause->held && !waiting_with(trial))
      strays_.insert(trial);
  }
}

bool AshaPromotion::finished(const State& state) const { return promotions(state, 1).empty(); }

}  // namespace clavier::sched
