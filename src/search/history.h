#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "study/space.h"
#include "study/state.h"

namespace clavier::search {

/// The same for `same_config` configurations; never changes between versions or machines.
std::uint64_t hash_of(const Config& config);

/// What a trial is made for: a user's request, a point of the space, or nothing given.
enum class Purpose { kRequest, kPoint, kDraw };

/// What the trials before a given one have used up: configurations, cells of the grid, requests and
/// points to evaluate first. A trial that is made for a request or a point uses it up whatever
/// becomes of it, so neither can come back for ever. Every question is asked *before* some trial
/// and answered from lower ids only, so the answer does not depend on how far the study is
/// otherwise.
///
/// An index over `State::trials`, read once each, when first seen; and over the suggestions of a
/// fill under way, whose trials the state does not have yet.
/// Configurations are told apart by 64-bit hashes. Single-threaded.
class History {
 public:
  explicit History(const Space& space);

  /// Takes in the trials that are new. Cheap when there are none.
  void follow(const State& state);
  /// The same, and a request that the turn may bring.
  void follow(const Turn& turn, const State& state);
  /// `config` was suggested for `trial`, which the state does not have yet. Replaces what was
  /// suggested for this trial and later ones.
  void suggested(TrialId trial, const Config& config, Purpose purpose);

  bool taken(const Config& config, TrialId before) const;
  /// Different configurations.
  std::int64_t distinct(TrialId before) const;
  /// How many of the space's points were served, and of those that its priors make.
  std::size_t points_served(TrialId before) const;
  /// The first request that no suggestion of this fill was made for; null if none.
  const Config* open_request(const State& state, TrialId before) const;

  /// The grid's part of a configuration as a key.
  std::uint64_t cell_of(const Config& config) const;
  std::int64_t trials_in_cell(std::uint64_t cell, TrialId before) const;

 private:
  struct Entry {
    TrialId trial;
    std::uint64_t hash = 0;
    std::uint64_t cell = 0;
    bool is_new = false;
    Purpose purpose = Purpose::kDraw;
  };

  Entry entry_of(TrialId trial, const Config& config, Purpose purpose) const;
  void add(const Entry& entry);
  void take_back(const Entry& entry);
  void take_back_from(TrialId trial);

  std::size_t points_ = 0;  ///< Of the space, and that of its priors.
  std::vector<std::string> grid_names_;
  std::int64_t followed_ = 0;  ///< Trials below this id are known from the state.
  std::int64_t requests_ = 0;  ///< That none of them was made for.
  std::deque<Entry> open_;     ///< Indexed, but only suggested so far; in order of id.

  std::unordered_map<std::uint64_t, TrialId> first_with_;  ///< By configuration.
  std::vector<TrialId> new_at_;                            ///< Trials with a new configuration.
  std::vector<TrialId> point_at_;                          ///< The trial that took each point.
  std::unordered_map<std::uint64_t, std::vector<TrialId>> in_cell_;
};

}  // namespace clavier::search
