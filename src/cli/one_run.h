#pragma once

#include <filesystem>

#include "app/registry/study_spec.h"
#include "app/run/run_study.h"
#include "app/run/start_over.h"
#include "cli/streams.h"

namespace clavier::cli {

struct OneRun {
  app::StudySpec spec;
  std::filesystem::path home;  ///< Of all studies.
  std::filesystem::path data_directory;
  app::Earlier earlier = app::Earlier::kGoesOn;
};

/// Runs one study to its end with a console, until Ctrl-C. The study's folder is made if missing.
Result<app::RunReport> run_with_console(const OneRun& run, Streams& streams);

/// The exit status that this outcome of the study deserves; says on `err` what went wrong, and how
/// to go on.
int exit_status(const std::string& study, const app::RunReport& report, Streams& streams);
inline constexpr int kInterrupted = 130;

}  // namespace clavier::cli
