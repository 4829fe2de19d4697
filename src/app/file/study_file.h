#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "app/file/study_file_source.h"
#include "app/file/warm_start.h"
#include "app/registry/study_spec.h"
#include "base/result.h"

/// Study files in TOML: `docs/study-file.md`.
namespace clavier::app {

/// Reads and validates a study file with its `--set` overrides; every default is filled in.
/// The error holds one line per problem: `study.toml:12:1: unknown key …; did you mean …?`.
/// kNotFound and kIo if there is no such file or it cannot be read. `home`: the folder of studies
/// that it may name (`from` of pbt_replay, `warm_start`).
Result<StudySpec> read_study(const std::filesystem::path& file,
                             std::span<const Override> overrides = {},
                             const std::filesystem::path& home = {}, Copies copies = Copies::kUsed);
/// The same from text; `file_name` stands in messages and gives the study its default name, which
/// is then part of `spec.text` like an override.
/// `working_directory` stays empty.
Result<StudySpec> parse_study(std::string_view text, std::string_view file_name,
                              std::span<const Override> overrides = {});
/// The same for the text that a log holds: what only cannot be meant, and an earlier version let
/// pass, passes.
Result<StudySpec> parse_logged_study(std::string_view text, std::string_view file_name,
                                     std::span<const Override> overrides = {});

/// A whole study file with every default filled in and explained; absent keys are comments.
/// `parse_study` reads it back to an equal study.
std::string to_toml(const StudySpec& spec);

/// `clavier run --space … --min val_loss -- python train.py --lr {lr}`.
struct CommandLineStudy {
  std::vector<std::string> space;  ///< "lr=loguniform(1e-5,1e-1)", "optimizer=choice(sgd,adam)".
  Objective objective = {};
  std::optional<std::int64_t> trials = {};
  std::vector<std::string> command;
};
/// The study file that such a command line stands for; it is `spec.text`.
Result<StudySpec> from_command_line(const CommandLineStudy& study,
                                    std::span<const Override> overrides = {});

/// Parameters that the command line of the worker does not hold although it holds others, and no
/// other parameter depends on: nobody would notice their values. Empty for a command without any.
std::vector<std::string> unused_parameters(const StudySpec& spec);

}  // namespace clavier::app
