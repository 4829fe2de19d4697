#pragma once

#include "cli/parser.h"

/// All commands with their words, in the order in which the help shows them.
namespace clavier::cli {

/// The parser fills it in.
struct AllOptions {
  RunOptions run;
  CheckOptions check;
  CoordCheckOptions coord_check;
  PlanOptions plan;
  SimulateOptions simulate;
  ListOptions list;
  StudyChoice status, verify;
  TrialsOptions trials;
  ShowOptions show;
  WhyOptions why;
  BestOptions best;
  ImportanceOptions importance;
  TestOptions test;
  PredictOptions predict;
  RerunOptions rerun;
  AskOptions ask;
  TellOptions tell;
  AddOptions add;
  ControlOptions pause, resume, stop;
  RetryOptions retry;
  RaiseOptions raise;
  ExportOptions exported;
  CleanOptions clean;
  DataOptions data;
};

void add_run_commands(Parser& parser, AllOptions& all);      ///< What runs, or would run.
void add_read_commands(Parser& parser, AllOptions& all);     ///< What is there and how it stands.
void add_control_commands(Parser& parser, AllOptions& all);  ///< What changes a study.
void add_file_commands(Parser& parser, AllOptions& all);     ///< What goes out, away or in.

}  // namespace clavier::cli
