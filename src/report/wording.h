#pragma once

#include <string>
#include <string_view>

#include "study/config.h"
#include "study/time.h"
#include "study/trial.h"

/// Values in the words of an output for people.
namespace clavier::report {

/// `8.4 s`, `2:05`, `1:02:03`.
std::string elapsed(StudyDuration duration);
/// At most five significant digits: `0.97123`, `1e-05`, `nan`.
std::string number(double value);
/// A parameter's value, reals as `number` writes them.
std::string short_value(const Value& value);
/// `lr=0.001 layers=2`.
std::string short_config(const Config& config);
/// What trainers say of their own work; shown only if it is asked for.
bool about_the_work(std::string_view metric);
/// The checkpoint to take for a trial's best, with its step; and where it is another's or there is
/// none, why. Empty if the trial has left none at all. `folder` is put before it.
std::string model_words(const Trial& trial, const std::string& folder);
/// A trial's status in a word, everywhere the same. One that no tuner runs any more is
/// "interrupted".
std::string_view status_word(TrialStatus status, bool study_runs);
/// The same; one that is told to leave is "stopping", "completing" or "pausing" until it has.
std::string_view status_word(const Trial& trial, bool study_runs);
/// A reason of the log, which must stay as it was decided, in good grammar.
std::string reason_text(std::string reason);
/// `1 trial`, `3 trials`.
std::string count(std::int64_t number, std::string_view noun);

}  // namespace clavier::report
