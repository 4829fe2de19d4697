#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <functional>
#include <iostream>

#include "app/study_file_source.h"
#include "app/tuning.h"
#include "app/version.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/data.h"
#include "cli/door.h"
#include "cli/studies.h"
#include "cli/terminal.h"
#include "cli/usage.h"

/// The only file that knows the parser: it fills in the options of `commands.h`.
namespace clavier::cli {
namespace {

constexpr const char* kHow = R"~(
First steps:
  clavier check study.toml            what the file means, every default, sampled configurations
  clavier run study.toml              tune; the same command again resumes
  clavier run --space "lr=loguniform(1e-5,1e-1)" --min val_loss -- python train.py --lr {lr}
  clavier trials --top 5              the best trials of the study written to last
  clavier best --command              how to run the best configuration again

Studies live in --dir, $CLAVIER_HOME, else ./clavier-results. "clavier COMMAND --help" has examples.)~";

constexpr const char* kStatuses = R"~(
Exit status: 0 done, also if some trials failed; 1 an error (a wrong study file, too), or no trial
succeeded; 2 a wrong command line; 130 paused by Ctrl-C or a signal: the same command goes on.)~";

constexpr std::int64_t kMostTrials = 1'000'000'000'000'000;

/// Usage lines as people write them: `TRIAL [STUDY]`.
class Formatter : public CLI::Formatter {
  std::string make_option_usage(const CLI::Option* option) const override {
    std::string words = option->get_name(true);
    if (option->get_expected_max() == 2) words += " " + option->get_type_name();
    if (option->get_expected_max() > 2) words += " ...";
    return option->get_required() ? words : "[" + words + "]";
  }
};

CLI::Validator whole(std::int64_t low, std::int64_t high = kForever) {
  return {[=](std::string& text) { return no_whole(text, low, high); }, ""};
}

/// The command that was chosen, ready to run.
using Chosen = std::function<int(Streams&)>;

/// What no parser sees: words that are wrong whatever is on the disk.
Status words_of(const auto&) { return {}; }
Status words_of(const RunOptions& options) { return check_words(options.source); }
Status words_of(const CheckOptions& options) { return check_words(options.source); }
Status words_of(const PlanOptions& options) { return check_words(options.source); }
Status words_of(const SimulateOptions& options) { return check_words(options.source); }
Status words_of(const AddOptions& options) { return check_words(options); }
Status words_of(const DataOptions& options) { return check_words(options); }
Status words_of(const RerunOptions& options) {
  for (const std::string& text : options.set) TRY(app::parse_override(text));
  return {};
}

/// Builds the parser; options live as long as it.
class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> trailing) : trailing_(std::move(trailing)) {
    app_.set_version_flag("--version", fmt::format("clavier {} ({})", app::kVersion, app::kCommit));
    app_.footer(std::string(kHow) + "\n" + kStatuses);
    app_.formatter(std::make_shared<Formatter>());
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(34);
    add_run();
    add_check();
    add_plan();
    add_simulate();
    add_list();
    add_status();
    add_trials();
    add_show();
    add_why();
    add_best();
    add_test();
    add_predict();
    add_rerun();
    add_controls();
    add_export();
    add_clean();
    add_verify();
    add_data();
  }

  CLI::App& app() { return app_; }
  const Chosen& chosen() const { return chosen_; }
  /// What else is wrong with the words of that command.
  Status words() const { return words_(); }
  /// The command that was parsed; null before.
  const CLI::App* parsed() const {
    const auto all = app_.get_subcommands();
    return all.empty() ? nullptr : all.front();
  }
  /// The words that it does not take; nothing if there are none.
  std::optional<Unexpected> unexpected() const {
    const CLI::App& sub = *parsed();
    Unexpected found{.command = sub.get_name(), .words = sub.remaining(), .options = {}};
    if (found.words.empty()) return {};
    for (const CLI::Option* option : sub.get_options({}))
      for (const std::string& name : option->get_lnames()) found.options.push_back("--" + name);
    const auto* space = sub.get_option_no_throw("--space");
    found.lacks_dashes = space && space->count() > 0 && trailing_.empty();
    if (found.lacks_dashes) {  // The program's name was taken for the study file's.
      const auto first = sub.get_option("STUDY.toml")->results();
      found.words.insert(found.words.begin(), first.begin(), first.end());
    }
    return found;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const CLI::App* sub : app_.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(sub->get_name());
    return names;
  }

 private:
  template <typename Options, typename Run>
  CLI::App& command(const char* name, const char* description, const char* examples,
                    Options& options, Run run) {
    CLI::App& sub = *app_.add_subcommand(name, description);
    sub.allow_extras();  // `unexpected` tells of them in order and with the nearest name.
    sub.footer(fmt::format("Examples:\n{}", examples));
    sub.callback([this, &options, run] {
      words_ = [&options] { return words_of(options); };
      chosen_ = [&options, run](Streams& streams) { return run(options, streams); };
    });
    return sub;
  }

  static void add_dir(CLI::App& sub, std::optional<std::string>& dir) {
    sub.add_option("--dir", dir, "the folder of all studies")->type_name("FOLDER");
  }
  static void add_study(CLI::App& sub, StudyChoice& choice) {
    sub.add_option("STUDY", choice.study, "name, folder or study file; else the latest");
    add_dir(sub, choice.dir);
  }
  enum class TrialIs { kRequired, kOptional };
  /// The number of a trial and a study, in either order.
  template <typename Number>
  static void add_trial_and_study(CLI::App& sub, Number& trial, StudyChoice& choice, TrialIs need) {
    const auto read = [&trial, &choice, need](const std::vector<std::string>& words) {
      bool has_trial = false;
      for (const std::string& word : words) {
        std::int64_t number = 0;
        if (!has_trial && CLI::detail::lexical_cast(word, number)) {
          trial = number;
          has_trial = true;
        } else if (choice.study) {
          throw CLI::ValidationError(
              fmt::format("{} and {}: one trial's number and one study", words[0], words[1]));
        } else {
          choice.study = word;
        }
      }
      if (need == TrialIs::kRequired && !has_trial)
        throw CLI::ValidationError("which trial? Its number is missing");
      return true;
    };
    CLI::Option* words = sub.add_option_function<std::vector<std::string>>(
        "TRIAL", read,
        fmt::format("its number{}; the study by name, folder or file, else the latest",
                    need == TrialIs::kOptional ? ", else the best" : ""));
    words->expected(1, 2)->type_name("[STUDY]")->required(need == TrialIs::kRequired);
    add_dir(sub, choice.dir);
  }
  static void add_data_dir(CLI::App& sub, std::optional<std::string>& dir) {
    sub.add_option("--data-dir", dir, "data sets; else $CLAVIER_DATA, else ~/.cache/clavier")
        ->type_name("FOLDER");
  }

  static void add_set(CLI::App& sub, std::vector<std::string>& set) {
    sub.add_option("--set", set, "change a key of the file, again and again")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
  }
  static void add_repeat(CLI::App& sub, int& repeat) {
    sub.add_option("--repeat", repeat, "so many seeds, up to 1000, a folder each")
        ->type_name("N")
        ->check(whole(1, 1000));
  }

  void add_source(CLI::App& sub, StudySource& source) {
    sub.add_option("STUDY.toml", source.file, "the study file");
    add_set(sub, source.set);
    sub.add_option("--space", source.space, "a parameter, instead of a file")
        ->type_name("NAME=DISTRIBUTION")
        ->allow_extra_args(false);
    sub.add_option("--min", source.minimize, "the metric to minimise, instead of a file")
        ->type_name("METRIC");
    sub.add_option("--max", source.maximize, "the metric to maximise, instead of a file")
        ->type_name("METRIC");
    sub.add_option("--trials", source.trials, "how many configurations")
        ->type_name("N")
        ->check(whole(1, kMostTrials));
    source.command = trailing_;
  }

  void add_run() {
    CLI::App& sub = command(
        "run", "Run a study, or go on with it",
        "  clavier run study.toml\n"
        "  clavier run study.toml --set study.trials=50 --set scheduler.algorithm=asha\n"
        "  clavier run study.toml --smoke     two trials on a few samples, in seconds\n"
        "  clavier run study.toml --fresh     start over; what was there is kept under another "
        "name\n"
        "  clavier run study.toml --repeat 5  five seeds; mean and deviation\n"
        "  clavier run --space \"lr=loguniform(1e-5,1e-1)\" --space \"opt=choice(sgd,adam)\" \\\n"
        "      --trials 20 --min val_loss -- python train.py --lr {lr} --optimizer {opt}",
        run_, run_run);
    add_source(sub, run_.source);
    add_dir(sub, run_.dir);
    add_data_dir(sub, run_.data_dir);
    sub.add_flag("--smoke", run_.smoke, "2 trials, 2 epochs, few samples, a folder of its own");
    sub.add_flag("--fresh", run_.fresh, "start over; what was there is kept as NAME.old-1, …");
    add_repeat(sub, run_.repeat);
  }

  void add_check() {
    CLI::App& sub = command("check", "Validate a study file and show it with every default",
                            "  clavier check study.toml\n"
                            "  clavier check study.toml --samples 20 --set search.algorithm=sobol",
                            check_, run_check);
    add_source(sub, check_.source);
    sub.add_option("--samples", check_.samples, "configurations to show, up to 10000")
        ->type_name("N")
        ->check(whole(0, 10000));
  }

  static void add_traces(CLI::App& sub, TraceOptions& traces) {
    sub.add_option("--trace", traces.trace, "write who ran where and when as CSV")
        ->type_name("FILE.csv");
    sub.add_option("--gantt", traces.gantt, "draw it")->type_name("FILE.svg");
  }

  void add_plan() {
    CLI::App& sub = command("plan", "Predict how long a study takes, before anything runs",
                            "  clavier plan study.toml\n"
                            "  clavier plan study.toml --from digits    as that study measured\n"
                            "  clavier plan study.toml --probe --gantt plan.svg",
                            plan_, run_plan);
    add_source(sub, plan_.source);
    add_traces(sub, plan_.traces);
    auto* from = sub.add_option("--from", plan_.from, "durations as an earlier study measured them")
                     ->type_name("STUDY");
    sub.add_flag("--probe", plan_.probe, "measure them: an interval on each kind of slot")
        ->excludes(from);
    add_dir(sub, plan_.dir);
    add_data_dir(sub, plan_.data_dir);
  }

  void add_simulate() {
    CLI::App& sub = command("simulate", "Run a study in virtual time on a described cluster",
                            "  clavier simulate study.toml\n"
                            "  clavier simulate study.toml --set planner.algorithm=hrfs --gantt "
                            "hrfs.svg\n"
                            "  clavier simulate study.toml --repeat 20 --set simulate.noise=0.1\n"
                            "The file's [cluster] and [simulate] describe the cluster; the same "
                            "seed gives the same trace.",
                            simulate_, run_simulate);
    add_source(sub, simulate_.source);
    add_traces(sub, simulate_.traces);
    sub.add_option("--seed", simulate_.seed, "instead of the study's");
    sub.add_option("--repeat", simulate_.repeat, "so many seeds, up to 1000, from the first on")
        ->type_name("N")
        ->check(whole(1, 1000));
    sub.add_flag("--keep", simulate_.keep, "write a study's folder that other commands read");
    add_dir(sub, simulate_.dir);
  }

  void add_list() {
    CLI::App& sub = command("list", "All studies", "  clavier list\n  clavier list --dir results",
                            list_, run_list);
    add_dir(sub, list_.dir);
  }

  void add_status() {
    CLI::App& sub =
        command("status", "Where a study stands, also while it runs",
                "  clavier status\n  clavier status digits\n  clavier status results/digits",
                status_, run_status);
    add_study(sub, status_);
  }

  void add_trials() {
    CLI::App& sub = command("trials", "The trials of a study as a table",
                            "  clavier trials digits --top 10\n"
                            "  clavier trials --sort=-step --columns trial,lr,accuracy,reason\n"
                            "  clavier trials --csv > trials.csv",
                            trials_, run_trials);
    add_study(sub, trials_.study);
    sub.add_option("--sort", trials_.sort, "by a column; --sort=-NAME: greatest first")
        ->type_name("COLUMN");
    sub.add_option("--top", trials_.top, "only so many, the best first unless sorted")
        ->type_name("N")
        ->check(whole(0));
    sub.add_option("--columns", trials_.columns,
                   "names with commas: trial, status, step, time, "
                   "best, reason, …, parameters, metrics")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("NAMES");
    auto* json = sub.add_flag_function(
        "--json", [this](std::int64_t) { trials_.format = Format::kJson; }, "as JSON");
    sub.add_flag_function(
           "--csv", [this](std::int64_t) { trials_.format = Format::kCsv; }, "as CSV")
        ->excludes(json);
  }

  void add_show() {
    CLI::App& sub =
        command("show", "One trial: configuration, reports, decisions, logs",
                "  clavier show 7\n  clavier show 7 digits --log-lines 50", show_, run_show);
    add_trial_and_study(sub, show_.trial, show_.study, TrialIs::kRequired);
    sub.add_option("--log-lines", show_.log_lines, "of the end of stdout and stderr, each")
        ->type_name("N")
        ->check(whole(0));
  }

  void add_why() {
    CLI::App& sub = command("why", "What a trial waits for",
                            "  clavier why 7\n  clavier why 7 digits", why_, run_why);
    add_trial_and_study(sub, why_.trial, why_.study, TrialIs::kRequired);
  }

  void add_best() {
    CLI::App& sub = command("best", "The best trial",
                            "  clavier best digits\n"
                            "  clavier best --command       how to run it again\n"
                            "  clavier best --metric loss --mode min --scope last --json",
                            best_, run_best);
    add_study(sub, best_.study);
    sub.add_option("--metric", best_.metric, "another than the study's");
    sub.add_option_function<std::string>(
           "--mode",
           [this](const std::string& mode) {
             best_.mode = mode == "min" ? Mode::kMin : Mode::kMax;
           },
           "min or max")
        ->check(CLI::IsMember({"min", "max"}));
    sub.add_option_function<std::string>(
           "--scope",
           [this](const std::string& scope) {
             best_.scope = scope == "last" ? Scope::kLast : Scope::kBest;
           },
           "compare trials by their best or their last value")
        ->check(CLI::IsMember({"best", "last"}));
    sub.add_flag("--command", best_.command, "print the command line that runs it again");
    sub.add_flag("--json", best_.json, "as JSON");
  }

  void add_test() {
    CLI::App& sub = command("test", "Held-out metric of a trial's checkpoint",
                            "  clavier test           the best trial of the latest study\n"
                            "  clavier test digits    the best trial of this one\n"
                            "  clavier test 7 digits",
                            test_, run_test);
    add_trial_and_study(sub, test_.trial, test_.study, TrialIs::kOptional);
    add_data_dir(sub, test_.data_dir);
  }

  void add_predict() {
    CLI::App& sub = command(
        "predict", "What a trial's model says of new data, as CSV",
        "  clavier predict new.csv                        the best trial of the latest study\n"
        "  clavier predict 7 new.csv --study wine --out labels.csv\n"
        "  clavier predict photos --checkpoint clavier-results/pets/7_pets/checkpoint_000010_0",
        predict_, run_predict);
    const auto read = [this](const std::vector<std::string>& words) {
      predict_.data = words.back();
      std::int64_t number = 0;
      if (words.size() == 2 && !CLI::detail::lexical_cast(words[0], number))
        throw CLI::ValidationError(fmt::format("{} is no trial's number", words[0]));
      if (words.size() == 2) predict_.trial = number;
      return true;
    };
    CLI::Option* words = sub.add_option_function<std::vector<std::string>>(
        "DATA", read, "a file or folder; before it a trial's number, else the best");
    words->expected(1, 2)->type_name("")->required();
    sub.add_option("--study", predict_.study.study, "name, folder or study file; else the latest");
    add_dir(sub, predict_.study.dir);
    sub.add_option("--checkpoint", predict_.checkpoint, "of any study, instead of a trial")
        ->type_name("FOLDER");
    sub.add_flag("--probabilities", predict_.probabilities, "of all classes, a column each");
    sub.add_option("--out", predict_.out, "write there")->type_name("FILE");
    add_data_dir(sub, predict_.data_dir);
  }

  void add_rerun() {
    CLI::App& sub = command("rerun", "Run a trial's configuration once more, as a study of its own",
                            "  clavier rerun 7 digits\n"
                            "  clavier rerun 7 digits --set trainer.epochs=50    longer\n"
                            "  clavier rerun 7 digits --repeat 5                 with other seeds",
                            rerun_, run_rerun);
    add_trial_and_study(sub, rerun_.trial, rerun_.study, TrialIs::kRequired);
    add_set(sub, rerun_.set);
    add_repeat(sub, rerun_.repeat);
    add_data_dir(sub, rerun_.data_dir);
  }

  void add_controls() {
    CLI::App& add = command("add", "Have a configuration tried; the searcher draws what is missing",
                            "  clavier add digits lr=0.01 optimizer=sgd", add_, run_add);
    add.add_option("STUDY", add_.study, "name, folder or study file")->required();
    add.add_option("PARAMETERS", add_.values, "NAME=VALUE each")->required();
    add_dir(add, add_.dir);
    add_control("pause", "Pause a study, or one of its trials",
                "  clavier pause digits 7\n  clavier pause digits", Control::kPause, pause_);
    add_control("resume", "Let a paused trial go on (a study: run it again)",
                "  clavier resume digits 7", Control::kResume, resume_);
    add_control("stop", "End a study, or one of its trials",
                "  clavier stop digits 7\n  clavier stop digits", Control::kStop, stop_);
    CLI::App& retry = command(
        "retry", "Run trials again that failed or were stopped",
        "  clavier retry digits             all that failed, or were stopped as the study ended\n"
        "  clavier retry digits 3 7         these two\n"
        "  clavier retry digits --stopped   all that were stopped, by whomever\n"
        "They go on from their last checkpoints, with all their retries. A study that has ended\n"
        "goes on when it is run again.",
        retry_, run_retry);
    retry.add_option("STUDY", retry_.study, "name, folder or study file")->required();
    retry.add_option("TRIAL", retry_.trials, "their numbers");
    retry.add_flag("--failed", retry_.failed, "all that failed");
    retry.add_flag("--stopped", retry_.stopped, "all that were stopped");
    add_dir(retry, retry_.dir);
    CLI::App& raise = command("raise", "Raise the number of trials",
                              "  clavier raise digits --trials 100", raise_, run_raise);
    raise.add_option("STUDY", raise_.study, "name, folder or study file")->required();
    raise.add_option("--trials", raise_.trials, "the new number")
        ->type_name("N")
        ->required()
        ->check(whole(1, kMostTrials));
    add_dir(raise, raise_.dir);
  }

  void add_control(const char* name, const char* description, const char* examples, Control control,
                   ControlOptions& options) {
    options.control = control;
    CLI::App& sub = command(name, description, examples, options, run_control);
    // One word is a study, so that nothing is done to the latest by a slip.
    const auto read = [&options](const std::vector<std::string>& words) {
      options.study = words.front();
      if (words.size() == 1) return true;
      std::int64_t number = 0;
      if (!CLI::detail::lexical_cast(words[1], number)) {
        if (!CLI::detail::lexical_cast(words[0], number))
          throw CLI::ValidationError(
              fmt::format("{} and {}: one study and one trial's number", words[0], words[1]));
        options.study = words[1];
      }
      options.trial = number;
      return true;
    };
    sub.add_option_function<std::vector<std::string>>(
           "STUDY", read, "name, folder or study file; the trial by its number, in either order")
        ->expected(1, 2)
        ->type_name("[TRIAL]")
        ->required();
    add_dir(sub, options.dir);
  }

  void add_export() {
    CLI::App& sub = command("export", "Trials or all reports as a file for other programs",
                            "  clavier export digits > trials.csv\n"
                            "  clavier export digits --reports --format json > reports.json",
                            export_, run_export);
    add_study(sub, export_.study);
    sub.add_option_function<std::string>(
           "--format",
           [this](const std::string& format) {
             export_.format = format == "json" ? Format::kJson : Format::kCsv;
           },
           "csv or json")
        ->check(CLI::IsMember({"csv", "json"}));
    auto* reports = sub.add_flag_function(
        "--reports", [this](std::int64_t) { export_.content = ExportContent::kReports; },
        "every report of every trial");
    sub.add_option("--columns", export_.columns, "of trials, names with commas")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->excludes(reports);
  }

  void add_clean() {
    CLI::App& sub = command("clean", "Delete studies; lists them with their sizes and asks first",
                            "  clavier clean            all of them\n  clavier clean digits --yes",
                            clean_, run_clean);
    sub.add_option("STUDY", clean_.studies, "names or folders; else all");
    sub.add_flag("--yes", clean_.yes, "do not ask");
    add_dir(sub, clean_.dir);
  }

  void add_verify() {
    CLI::App& sub = command("verify", "Recompute every decision from the log",
                            "  clavier verify digits", verify_, run_verify);
    add_study(sub, verify_);
  }

  void add_data() {
    CLI::App& sub =
        command("data", "Known data sets, or what your own are taken for",
                "  clavier data\n  clavier data cifar10\n"
                "  clavier data cifar10 --from cifar-10-binary.tar.gz    without a network\n"
                "  clavier data wine.csv --labels quality --task regression\n"
                "  clavier data photos --image-size 32",
                data_, run_data);
    sub.add_option("NAME", data_.name, "a known data set, or a path");
    const auto path = [](auto& target) {
      return [&target](const std::string& text) { target = std::filesystem::path(text); };
    };
    sub.add_option_function<std::string>("--from", path(data_.from), "a local copy of the archive");
    sub.add_option_function<std::string>("--export", path(data_.export_to),
                                         "write the splits as .npy files");
    sub.add_option_function<std::string>("--data-dir", path(data_.data_dir),
                                         "else $CLAVIER_DATA, else ~/.cache/clavier");
    sub.add_option("--seed", data_.seed, "data_seed of the splits");
    sub.add_option("--validation", data_.validation, "part of the training data")
        ->check(CLI::Range(0.0, 0.9));
    // Own data: the keys of `data` in a study file.
    sub.add_option("--labels", data_.labels, "the column of a CSV file, or the file of the labels");
    sub.add_option("--task", data_.task, "classification or regression")
        ->check(CLI::IsMember({"auto", "classification", "regression"}));
    sub.add_option("--header", data_.header, "true or false: the first line of a CSV file is one");
    sub.add_option("--ignore", data_.ignore, "a column to leave out, again and again")
        ->type_name("COLUMN")
        ->allow_extra_args(false);
    sub.add_option("--categories", data_.categories, "a column of numbers that are names")
        ->type_name("COLUMN")
        ->allow_extra_args(false);
    sub.add_option("--missing", data_.missing, "fill, drop or refuse rows that lack a value")
        ->check(CLI::IsMember({"fill", "drop", "refuse"}));
    sub.add_option("--image-size", data_.image_size, "height and width of images")
        ->check(CLI::Range(1, 4096));
    sub.add_flag("--skip-damaged", data_.skip_damaged, "leave damaged images out");
  }

  std::vector<std::string> trailing_;
  CLI::App app_{"Clavier tunes the hyperparameters of deep learning on whatever machines you have.",
                "clavier"};
  Chosen chosen_;
  std::function<Status()> words_;
  RunOptions run_;
  CheckOptions check_;
  PlanOptions plan_;
  SimulateOptions simulate_;
  WhyOptions why_;
  ListOptions list_;
  StudyChoice status_, verify_;
  TrialsOptions trials_;
  ShowOptions show_;
  BestOptions best_;
  TestOptions test_;
  PredictOptions predict_;
  RerunOptions rerun_;
  AddOptions add_;
  ControlOptions pause_, resume_, stop_;
  RetryOptions retry_;
  RaiseOptions raise_;
  ExportOptions export_;
  CleanOptions clean_;
  DataOptions data_;
};

std::string_view without_dashes(std::string_view word) {
  while (word.starts_with('-')) word.remove_prefix(1);
  return word;
}

bool takes_command(const std::string& name) {
  return name == "run" || name == "check" || name == "plan" || name == "simulate";
}

int usage(Streams& streams, const std::string& message, const CLI::App* command = nullptr) {
  streams.err << fmt::format("clavier: {}\nclavier {}--help shows what there is\n", message,
                             command ? command->get_name() + " " : "");
  return kUsage;
}

/// Words before `--` are ours, those behind it the user's command.
int parse_and_run(std::vector<std::string> words, Streams& streams) {
  std::vector<std::string> trailing;
  if (const auto dashes = std::ranges::find(words, "--"); dashes != words.end()) {
    trailing.assign(dashes + 1, words.end());
    words.erase(dashes, words.end());
  }
  CommandLine line(trailing);
  if (words.empty()) {
    streams.err << line.app().help();
    return kUsage;
  }
  const auto names = line.names();
  const bool asks = words[0] == "-h" || words[0] == "--help" || words[0] == "--version";
  if (!asks && std::ranges::find(names, words[0]) == names.end())
    return usage(streams, fmt::format("no command \"{}\"{}", words[0],
                                      suggestion(without_dashes(words[0]), names)));
  if (!trailing.empty() && !takes_command(words[0]))
    return usage(streams, fmt::format("{} takes no command behind --", words[0]));
  std::ranges::reverse(words);  // As the parser wants them.
  try {
    line.app().parse(words);
  } catch (const CLI::Success& asked) {
    return line.app().exit(asked, streams.out, streams.err);
  } catch (const CLI::ParseError& error) {
    return usage(streams, error.what(), line.parsed());
  }
  if (const auto unexpected = line.unexpected())
    return usage(streams, in_words(*unexpected), line.parsed());
  if (const Status words = line.words(); !words)
    return usage(streams, words.error().message, line.parsed());
  return line.chosen()(streams);
}

int run_main(int argc, char** argv) {
  prepare_standard_streams();
  const auto size = terminal_size();
  Door out(std::cout), err(std::cerr);
  Streams streams{.out = std::cout,
                  .err = std::cerr,
                  .in = std::cin,
                  .width = size ? size->columns : 0,
                  .colour = terminal_colour(),
                  .behind = &out.behind()};
  const int status = parse_and_run({argv + 1, argv + argc}, streams);
  const int failed = out.flush();
  // A reader that has seen enough (`| head`) changes nothing of what was done.
  if (failed == 0 || failed == EPIPE) return status;
  std::cerr << "clavier: cannot write the output: " << std::strerror(failed) << '\n';
  return status == kSuccess ? kFailure : status;
}

}  // namespace
}  // namespace clavier::cli

int main(int argc, char** argv) {
  clavier::init(argc, argv);
  return clavier::cli::run_main(argc, argv);
}
