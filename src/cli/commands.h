#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/streams.h"
#include "study/ids.h"
#include "study/objective.h"

/// Every command is one function of its parsed options; the result is the exit status. `main.cc`
/// alone knows how the options are written.
namespace clavier::cli {

/// Which study: by name, folder or study file; none: the one written to last.
struct StudyChoice {
  std::optional<std::string> study = {};
  std::optional<std::string> dir = {};  ///< `--dir`: the folder of all studies.
};

/// What to run: a study file, or a command with its space.
struct StudySource {
  std::optional<std::string> file = {};
  std::vector<std::string> set = {};  ///< "KEY=VALUE".
  std::vector<std::string> space = {};
  std::optional<std::string> minimize = {};  ///< The metric.
  std::optional<std::string> maximize = {};
  std::optional<std::int64_t> trials = {};
  std::vector<std::string> command = {};
  bool anew = false;  ///< What an earlier run of the study has copied is not used.
};

struct CheckOptions {
  StudySource source = {};
  int samples = 5;
};
int run_check(const CheckOptions& options, Streams& streams);

struct CoordCheckOptions {
  StudySource source = {};
  std::vector<double> scales = {8, 4, 2, 1};
  std::int64_t steps = 5;
  std::int64_t seeds = 3;
  bool json = false;
  std::optional<std::string> data_dir = {};
};
int run_coord_check(const CoordCheckOptions& options, Streams& streams);

struct ListOptions {
  std::optional<std::string> dir = {};
};
int run_list(const ListOptions& options, Streams& streams);

int run_status(const StudyChoice& options, Streams& streams);

enum class Format { kTable, kJson, kCsv };

struct TrialsOptions {
  StudyChoice study = {};
  std::optional<std::string> sort = {};  ///< A column; "-column": greatest first.
  std::optional<std::size_t> top = {};
  std::vector<std::string> columns = {};
  Format format = Format::kTable;
};
int run_trials(const TrialsOptions& options, Streams& streams);

struct ShowOptions {
  std::int64_t trial = 0;
  StudyChoice study = {};
  std::size_t log_lines = 10;
};
int run_show(const ShowOptions& options, Streams& streams);

struct ImportanceOptions {
  StudyChoice study = {};
  std::string method = "ped-anova";
  double quantile = 1;
  bool json = false;
};
int run_importance(const ImportanceOptions& options, Streams& streams);

enum class Scope { kLast, kBest };

struct BestOptions {
  StudyChoice study = {};
  std::optional<std::string> metric = {};
  std::optional<Mode> mode = {};
  Scope scope = Scope::kBest;  ///< Compare trials by their best or by their last value.
  bool command = false;
  bool json = false;
};
int run_best(const BestOptions& options, Streams& streams);

enum class ExportContent { kTrials, kReports };

struct ExportOptions {
  StudyChoice study = {};
  Format format = Format::kCsv;
  ExportContent content = ExportContent::kTrials;
  std::vector<std::string> columns = {};
};
int run_export(const ExportOptions& options, Streams& streams);

struct CleanOptions {
  std::vector<std::string> studies = {};  ///< None: all that are there.
  std::optional<std::string> dir = {};
  bool yes = false;
};
int run_clean(const CleanOptions& options, Streams& streams);

int run_verify(const StudyChoice& options, Streams& streams);

struct AskOptions {
  StudyChoice study = {};
  bool json = false;
};
int run_ask(const AskOptions& options, Streams& streams);

struct TellOptions {
  std::string study = {};
  std::int64_t trial = 0;
  std::vector<std::string> metrics = {};              ///< "name=value".
  std::optional<Steps> step = {};                     ///< Of a report; none: the trial has ended.
  std::optional<std::string> failed = {}, lost = {};  ///< Why it could not be evaluated.
  std::optional<std::string> dir = {};
};
/// What is wrong with the words themselves.
Status check_words(const TellOptions& options);
int run_tell(const TellOptions& options, Streams& streams);

struct AddOptions {
  std::string study;
  std::optional<std::string> dir = {};
  std::vector<std::string> values = {};  ///< "name=value".
};
/// What is wrong with the words themselves.
Status check_words(const AddOptions& options);
int run_add(const AddOptions& options, Streams& streams);

enum class Control { kPause, kResume, kStop };

struct ControlOptions {
  Control control = Control::kPause;
  std::string study;
  std::optional<std::int64_t> trial = {};
  std::optional<std::string> dir = {};
};
int run_control(const ControlOptions& options, Streams& streams);

struct RetryOptions {
  std::string study;
  std::vector<std::int64_t> trials = {};
  bool failed = false;   ///< All that failed or ended without the study's metric,
  bool stopped = false;  ///< all that were stopped; neither: those that say nothing of themselves.
  std::optional<std::string> dir = {};
};
int run_retry(const RetryOptions& options, Streams& streams);

struct RaiseOptions {
  std::string study;
  std::int64_t trials = 0;
  std::optional<std::string> dir = {};
};
int run_raise(const RaiseOptions& options, Streams& streams);

struct RunOptions {
  StudySource source = {};
  std::optional<std::string> dir = {};
  std::optional<std::string> data_dir = {};
  bool smoke = false;
  bool fresh = false;  ///< Start over; what was there is kept under another name.
  int repeat = 1;
};
int run_run(const RunOptions& options, Streams& streams);

/// Files to write; none if not set.
struct TraceOptions {
  std::optional<std::string> trace = {};  ///< CSV, a row per stay of a trial in a slot.
  std::optional<std::string> gantt = {};  ///< SVG.
};

struct SimulateOptions {
  StudySource source = {};
  std::optional<std::string> dir = {};
  TraceOptions traces = {};  ///< Of the first seed.
  std::optional<std::uint64_t> seed = {};
  int repeat = 1;
  bool keep = false;  ///< Write a study's folder, as a run does.
};
int run_simulate(const SimulateOptions& options, Streams& streams);

struct PlanOptions {
  StudySource source = {};
  std::optional<std::string> dir = {};
  std::optional<std::string> data_dir = {};
  TraceOptions traces = {};
  std::optional<std::string> from = {};  ///< Durations of this earlier study.
  bool probe = false;  ///< Durations measured by running one interval per slot kind.
};
int run_plan(const PlanOptions& options, Streams& streams);

struct WhyOptions {
  std::int64_t trial = 0;
  StudyChoice study = {};
};
int run_why(const WhyOptions& options, Streams& streams);

struct RerunOptions {
  std::int64_t trial = 0;
  StudyChoice study = {};
  std::vector<std::string> set = {};  ///< "KEY=VALUE".
  std::optional<std::string> data_dir = {};
  int repeat = 1;
};
int run_rerun(const RerunOptions& options, Streams& streams);

struct TestOptions {
  std::optional<std::int64_t> trial = {};  ///< None: the best.
  StudyChoice study = {};
  std::optional<std::string> data_dir = {};
};
int run_test(const TestOptions& options, Streams& streams);

struct PredictOptions {
  std::string data = {};
  std::optional<std::int64_t> trial = {};      ///< None: the best.
  std::optional<std::string> checkpoint = {};  ///< A directory, instead of a trial.
  StudyChoice study = {};
  std::optional<std::string> out = {};  ///< A file, instead of the terminal.
  std::optional<std::string> data_dir = {};
  bool probabilities = false;  ///< Of all classes.
};
int run_predict(const PredictOptions& options, Streams& streams);

}  // namespace clavier::cli
