#pragma once

#include <string_view>

#include "app/tuning.h"

namespace clavier::app {

/// In a program's arguments: be a worker, for the Trainable named next.
inline constexpr std::string_view kWorkerFlag = "--clavier-worker";

/// The study specification that a C++ program's description stands for, validated. For a study on
/// disk its `text` is a study file that every reading command understands: the worker is this
/// program (`trainable` is the registered name, empty for trials inside the program), and what
/// functions compute is a constant.
Result<StudySpec> spec_of(const Tuning& tuning, std::string_view trainable = {});
/// Fails for the study of a C++ program: nothing but that program can start one of its trials.
Status check_trials_start_alone(const StudySpec& recorded);

}  // namespace clavier::app
