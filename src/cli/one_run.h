#pragma once

#include <filesystem>

#include "app/run_study.h"
#include "app/study_spec.h"
#include "cli/streams.h"

namespace clavier::cli {

struct OneRun {
  app::StudySpec spec;
  std::filesystem::path home;  ///< Of all studies.
  std::filesystem::path data_directory;
};

/// Runs one study to its end with a console, until Ctrl-C. The study's folder is made if missing.
Result<app::RunReport> run_with_console(const OneRun& run, Streams& streams);

/// The exit status that this outcome deserves; says on `err` what went wrong.
int exit_status(const app::RunReport& report, Streams& streams);
inline constexpr int kInterrupted = 130;

}  // namespace clavier::cli
