#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "study/action.h"
#include "study/command.h"
#include "study/ids.h"
#include "study/signal.h"
#include "study/time.h"

namespace clavier {

/// A run of the study begins. Whatever ran before without a surviving worker is lost, and
/// its trials are runnable again from their last checkpoints.
struct Opened {
  std::int64_t utc_us = 0;   ///< Wall clock, microseconds since 1970, for humans only.
  std::string version = {};  ///< Of Clavier.
  std::string commit = {};
  std::uint64_t seed = 0;
  std::int64_t trials = 0;  ///< The study's limit as of this run; kForever if none.
  std::string study = {};   ///< The study file's text, defaults not filled in.
  /// The folder of the study file, where relative paths and programs are looked for, from that of
  /// the study; empty if there was none.
  std::string origin = {};
  bool rebuilt = false;  ///< The executor rebuilt its work from the log; nothing is lost.
  bool asked = false;    ///< Its trials are asked for, and told of, by their evaluators.
  friend bool operator==(const Opened&, const Opened&) = default;
};

using Input = std::variant<Opened, Signal, UserCommand>;

template <typename T, typename Variant>
inline constexpr bool kIsAmong = false;
template <typename T, typename... Kinds>
inline constexpr bool kIsAmong<T, std::variant<Kinds...>> = (std::is_same_v<T, Kinds> || ...);

/// The input as a T: as one of its kinds, or as a signal or a command of this kind. Null if it is
/// another.
template <typename T>
const T* input_as(const Input& input) {
  if constexpr (kIsAmong<T, Input>) {
    return std::get_if<T>(&input);
  } else if constexpr (kIsAmong<T, Signal>) {
    const auto* signal = std::get_if<Signal>(&input);
    return signal ? std::get_if<T>(signal) : nullptr;
  } else {
    const auto* command = std::get_if<UserCommand>(&input);
    return command ? std::get_if<T>(command) : nullptr;
  }
}
template <typename T>
T* input_as(Input& input) {
  return const_cast<T*>(input_as<T>(std::as_const(input)));
}

/// A configuration becomes a trial.
struct NewTrial {
  TrialId id;
  Config config = {};
  double width = 1;  ///< Fidelity: model width relative to the target.
  int bracket = 0;
  std::optional<TrialId> origin = {};  ///< The trial it was promoted or cloned from.
  std::string directory = {};          ///< Name of its folder in the study's folder.
  Steps until = kForever;              ///< Of one that may have to wait for its first launch.
  friend bool operator==(const NewTrial&, const NewTrial&) = default;
};

struct Member {
  TrialId trial;
  int attempt = 1;                      ///< Counts the trial's launches, from 1.
  std::optional<Checkpoint> from = {};  ///< Where it resumes; none: from scratch.
  Steps until = kForever;
  Steps stretch = kForever;  ///< As in `Continue`.
  friend bool operator==(const Member&, const Member&) = default;
};

struct Share {
  SlotId slot;
  double part = 1;
  friend bool operator==(const Share&, const Share&) = default;
};

/// Many trials on many slots: 1 × 1 is an ordinary trial.
/// INVARIANT: members.size() == 1 || shares.size() == 1.
struct Launch {
  LaunchId id = {};
  std::vector<Member> members = {};
  std::vector<Share> shares = {};
  friend bool operator==(const Launch&, const Launch&) = default;
};

enum class FinishKind {
  kDone,      ///< Nothing is left to run.
  kStopRule,  ///< One of the rules of `[stop]` holds.
  kUser,      ///< The user ended it.
  kFailure,   ///< Failures ended it.
};

/// Why the study is over.
struct Finished {
  FinishKind kind = FinishKind::kDone;
  std::string reason;
  std::optional<TrialId> best = {};
  friend bool operator==(const Finished&, const Finished&) = default;
};

/// The first half of a step: an input and what was decided because of it.
struct Turn {
  StepId id;
  StudyTime time{};
  Input input;
  std::vector<Decision> decisions = {};
  /// Reports that came after a decision about their trial: logged, not shown to policies.
  bool late = false;
  friend bool operator==(const Turn&, const Turn&) = default;
};

template <typename T>
const T* input_as(const Turn& turn) {
  return input_as<T>(turn.input);
}

/// The second half: what was started with the capacity there was.
struct Fill {
  std::vector<NewTrial> created = {};
  std::vector<Launch> launches = {};
  std::vector<Checkpoint> discards = {};  ///< To be deleted after the commit.
  bool exhausted = false;                 ///< The searcher has no configuration left.
  std::optional<Finished> finished = {};
  bool asked = false;  ///< Policies were asked here; `verify` asks them again at this step.
  friend bool operator==(const Fill&, const Fill&) = default;
};

/// One input and everything decided because of it: one record of the log, committed as a whole
/// before anything is started or sent.
struct Step {
  Turn turn;
  Fill fill;
  friend bool operator==(const Step&, const Step&) = default;
};

}  // namespace clavier
