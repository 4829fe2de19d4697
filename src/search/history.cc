#include "search/history.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/match.h"
#include "base/rng.h"
#include "search/priors.h"

namespace clavier::search {
namespace {

std::uint64_t hash_of(const Value& value) {
  const auto number = [](double x) {
    return mix(1, std::bit_cast<std::uint64_t>(x == 0 ? 0.0 : x));  // −0 is 0
  };
  return match(
      value.data, [](std::monostate) { return mix(0, 0); },
      [](bool truth) { return mix(2, truth ? 1 : 0); },
      [&](std::int64_t whole) { return number(static_cast<double>(whole)); },
      [&](double real) { return number(real); },
      [](const std::string& text) { return mix(3, stable_hash(text)); },
      [](const Value::List& list) {
        std::uint64_t hash = mix(4, list.size());
        for (const Value& each : list) hash = mix(hash, hash_of(each));
        return hash;
      });
}

std::uint64_t hash_of(const Config::Entry& entry) {
  return mix(stable_hash(entry.name), hash_of(entry.value));
}

std::int64_t below(const std::vector<TrialId>& ids, TrialId before) {
  return std::ranges::lower_bound(ids, before) - ids.begin();
}

}  // namespace

std::uint64_t hash_of(const Config& config) {
  std::uint64_t hash = config.entries().size();
  for (const Config::Entry& entry : config.entries()) hash += hash_of(entry);  // in any order
  return hash;
}

History::History(const Space& space)
    : points_(space.points.size() + (has_prior_point(space) ? 1 : 0)) {
  for (const Parameter& parameter : space.parameters)
    if (std::holds_alternative<Grid>(parameter.domain)) grid_names_.push_back(parameter.name);
}

History::Entry History::entry_of(TrialId trial, const Config& config, Purpose purpose) const {
  Entry entry{.trial = trial, .hash = hash_of(config), .purpose = purpose};
  entry.cell = cell_of(config);
  entry.is_new = !first_with_.contains(entry.hash);
  return entry;
}

void History::add(const Entry& entry) {
  if (entry.is_new) first_with_.emplace(entry.hash, entry.trial), new_at_.push_back(entry.trial);
  if (entry.purpose == Purpose::kPoint) point_at_.push_back(entry.trial);
  if (!grid_names_.empty()) in_cell_[entry.cell].push_back(entry.trial);
}

void History::take_back(const Entry& entry) {
  if (entry.is_new) first_with_.erase(entry.hash), new_at_.pop_back();
  if (entry.purpose == Purpose::kPoint) point_at_.pop_back();
  if (!grid_names_.empty()) in_cell_[entry.cell].pop_back();
}

void History::take_back_from(TrialId trial) {
  for (; !open_.empty() && open_.back().trial >= trial; open_.pop_back()) take_back(open_.back());
}

void History::follow(const Turn& turn, const State& state) {
  follow(state);
  if (input_as<AddTrial>(turn)) ++requests_;
}

void History::follow(const State& state) {
  const auto& trials = state.trials();
  for (; followed_ < static_cast<std::int64_t>(trials.size()); ++followed_) {
    const Trial& trial = trials[static_cast<std::size_t>(followed_)];
    // An exploit may have changed it already.
    const Config& config = trial.takeovers.empty() ? trial.config : trial.takeovers.front().before;
    const bool is_copy = trial.origin && trial.takeovers.empty();
    Purpose purpose = Purpose::kDraw;
    if (!is_copy && requests_ > 0) {  // the state strikes out one, too
      purpose = Purpose::kRequest;
      --requests_;
    } else if (!is_copy && points_served(trial.id) < points_) {
      purpose = Purpose::kPoint;
    }
    if (!open_.empty() && open_.front().trial == trial.id && open_.front().purpose == purpose &&
        open_.front().hash == hash_of(config)) {
      open_.pop_front();  // came true
      continue;
    }
    take_back_from(TrialId{0});
    Entry entry = entry_of(trial.id, config, purpose);
    if (is_copy) {  // no suggestion, but another trial's configuration
      if (entry.is_new) first_with_.emplace(entry.hash, trial.id), new_at_.push_back(trial.id);
      continue;
    }
    add(entry);
  }
}

void History::suggested(TrialId trial, const Config& config, Purpose purpose) {
  if (trial.value < followed_) return;
  take_back_from(trial);
  open_.push_back(entry_of(trial, config, purpose));
  add(open_.back());
}

bool History::taken(const Config& config, TrialId before) const {
  const auto first = first_with_.find(hash_of(config));
  return first != first_with_.end() && first->second < before;
}

std::int64_t History::distinct(TrialId before) const { return below(new_at_, before); }

std::size_t History::points_served(TrialId before) const {
  return static_cast<std::size_t>(below(point_at_, before));
}

const Config* History::open_request(const State& state, TrialId before) const {
  const auto answered =
      static_cast<std::size_t>(std::ranges::count_if(open_, [&](const Entry& each) {
        return each.trial < before && each.purpose == Purpose::kRequest;
      }));
  const auto& requested = state.requested();
  return answered < requested.size() ? &requested[answered] : nullptr;
}

std::uint64_t History::cell_of(const Config& config) const {
  std::uint64_t hash = 0;
  for (const std::string& name : grid_names_)
    if (const Value* const value = config.find(name))
      hash += mix(stable_hash(name), hash_of(*value));
  return hash;
}

std::int64_t History::trials_in_cell(std::uint64_t cell, TrialId before) const {
  const auto ids = in_cell_.find(cell);
  return ids == in_cell_.end() ? 0 : below(ids->second, before);
}

}  // namespace clavier::search
