#include "cli/command_line.h"

namespace clavier::cli {
namespace {

void add_list(Parser& parser, ListOptions& options) {
  CLI::App& sub = parser.command("list", "All studies",
                                 "  clavier list\n  clavier list --dir results", options, run_list);
  parser.add_dir(sub, options.dir);
}

void add_status(Parser& parser, StudyChoice& options) {
  CLI::App& sub =
      parser.command("status", "Where a study stands, also while it runs",
                     "  clavier status\n  clavier status digits\n  clavier status results/digits",
                     options, run_status);
  parser.add_study(sub, options);
}

void add_trials(Parser& parser, TrialsOptions& options) {
  CLI::App& sub =
      parser.command("trials", "The trials of a study as a table",
                     "  clavier trials digits --top 10\n"
                     "  clavier trials --sort=-step --columns trial,lr,accuracy,reason\n"
                     "  clavier trials --csv > trials.csv",
                     options, run_trials);
  parser.add_study(sub, options.study);
  sub.add_option("--sort", options.sort, "by a column; --sort=-NAME: greatest first")
      ->type_name("COLUMN");
  sub.add_option("--top", options.top, "only so many, the best first unless sorted")
      ->type_name("N")
      ->check(whole(0));
  sub.add_option("--columns", options.columns,
                 "names with commas: trial, status, step, time, "
                 "best, reason, …, parameters, metrics")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("NAMES");
  auto* json = sub.add_flag_function(
      "--json", [&options](std::int64_t) { options.format = Format::kJson; }, "as JSON");
  sub.add_flag_function(
         "--csv", [&options](std::int64_t) { options.format = Format::kCsv; }, "as CSV")
      ->excludes(json);
}

void add_show(Parser& parser, ShowOptions& options) {
  CLI::App& sub =
      parser.command("show", "One trial: configuration, reports, decisions, logs",
                     "  clavier show 7\n  clavier show 7 digits --log-lines 50", options, run_show);
  parser.add_trial_and_study(sub, options.trial, options.study, Parser::TrialIs::kRequired);
  sub.add_option("--log-lines", options.log_lines, "of the end of stdout and stderr, each")
      ->type_name("N")
      ->check(whole(0));
}

void add_why(Parser& parser, WhyOptions& options) {
  CLI::App& sub = parser.command("why", "What a trial waits for",
                                 "  clavier why 7\n  clavier why 7 digits", options, run_why);
  parser.add_trial_and_study(sub, options.trial, options.study, Parser::TrialIs::kRequired);
}

void add_best(Parser& parser, BestOptions& options) {
  CLI::App& sub = parser.command("best", "The best trial",
                                 "  clavier best digits\n"
                                 "  clavier best --command       how to run it again\n"
                                 "  clavier best --metric loss --mode min --scope last --json",
                                 options, run_best);
  parser.add_study(sub, options.study);
  sub.add_option("--metric", options.metric, "another than the study's");
  sub.add_option_function<std::string>(
         "--mode",
         [&options](const std::string& mode) {
           options.mode = mode == "min" ? Mode::kMin : Mode::kMax;
         },
         "min or max")
      ->check(CLI::IsMember({"min", "max"}));
  sub.add_option_function<std::string>(
         "--scope",
         [&options](const std::string& scope) {
           options.scope = scope == "last" ? Scope::kLast : Scope::kBest;
         },
         "compare trials by their best or their last value")
      ->check(CLI::IsMember({"best", "last"}));
  sub.add_flag("--command", options.command, "print the command line that runs it again");
  sub.add_flag("--json", options.json, "as JSON");
}

void add_importance(Parser& parser, ImportanceOptions& options) {
  CLI::App& sub = parser.command(
      "importance", "Which parameters matter",
      "  clavier importance digits\n"
      "  clavier importance digits --quantile 0.25   among the best quarter of the trials\n"
      "  clavier importance digits --method fanova --json\n"
      "Shares, and between what they lie in nine of ten resamples of the trials.",
      options, run_importance);
  parser.add_study(sub, options.study);
  sub.add_option("--method", options.method,
                 "ped-anova: what the best tenth have in common; "
                 "fanova: what explains the variance")
      ->check(CLI::IsMember({"ped-anova", "fanova"}));
  sub.add_option("--quantile", options.quantile, "only the best part of the trials, up to 1")
      ->type_name("PART")
      ->check(CLI::Range(0.01, 1.0));
  sub.add_flag("--json", options.json, "as JSON");
}

void add_test(Parser& parser, TestOptions& options) {
  CLI::App& sub = parser.command("test", "Held-out metric of a trial's checkpoint",
                                 "  clavier test           the best trial of the latest study\n"
                                 "  clavier test digits    the best trial of this one\n"
                                 "  clavier test 7 digits",
                                 options, run_test);
  parser.add_trial_and_study(sub, options.trial, options.study, Parser::TrialIs::kOptional);
  parser.add_data_dir(sub, options.data_dir);
}

void add_predict(Parser& parser, PredictOptions& options) {
  CLI::App& sub = parser.command(
      "predict", "What a trial's model says of new data, as CSV",
      "  clavier predict new.csv                        the best trial of the latest study\n"
      "  clavier predict 7 new.csv --study wine --out labels.csv\n"
      "  clavier predict photos --checkpoint clavier-results/pets/7_pets/checkpoint_000010_0",
      options, run_predict);
  const auto read = [&options](const std::vector<std::string>& words) {
    options.data = words.back();
    std::int64_t number = 0;
    if (words.size() == 2 && !CLI::detail::lexical_cast(words[0], number))
      throw CLI::ValidationError(fmt::format("{} is no trial's number", words[0]));
    if (words.size() == 2) options.trial = number;
    return true;
  };
  CLI::Option* words = sub.add_option_function<std::vector<std::string>>(
      "DATA", read, "a file or folder; before it a trial's number, else the best");
  words->expected(1, 2)->type_name("")->required();
  sub.add_option("--study", options.study.study, "name, folder or study file; else the latest");
  parser.add_dir(sub, options.study.dir);
  sub.add_option("--checkpoint", options.checkpoint, "of any study, instead of a trial")
      ->type_name("FOLDER");
  sub.add_flag("--probabilities", options.probabilities, "of all classes, a column each");
  sub.add_option("--out", options.out, "write there")->type_name("FILE");
  parser.add_data_dir(sub, options.data_dir);
}

void add_export(Parser& parser, ExportOptions& options) {
  CLI::App& sub = parser.command("export", "Trials or all reports as a file for other programs",
                                 "  clavier export digits > trials.csv\n"
                                 "  clavier export digits --reports --format json > reports.json",
                                 options, run_export);
  parser.add_study(sub, options.study);
  sub.add_option_function<std::string>(
         "--format",
         [&options](const std::string& format) {
           options.format = format == "json" ? Format::kJson : Format::kCsv;
         },
         "csv or json")
      ->check(CLI::IsMember({"csv", "json"}));
  auto* reports = sub.add_flag_function(
      "--reports", [&options](std::int64_t) { options.content = ExportContent::kReports; },
      "every report of every trial");
  sub.add_option("--columns", options.columns, "of trials, names with commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(reports);
}

void add_clean(Parser& parser, CleanOptions& options) {
  CLI::App& sub = parser.command(
      "clean", "Delete studies; lists them with their sizes and asks first",
      "  clavier clean            all of them\n  clavier clean digits --yes", options, run_clean);
  sub.add_option("STUDY", options.studies, "names or folders; else all");
  sub.add_flag("--yes", options.yes, "do not ask");
  parser.add_dir(sub, options.dir);
}

void add_verify(Parser& parser, StudyChoice& options) {
  CLI::App& sub = parser.command("verify", "Recompute every decision from the log",
                                 "  clavier verify digits", options, run_verify);
  parser.add_study(sub, options);
}

void add_data(Parser& parser, DataOptions& options) {
  CLI::App& sub =
      parser.command("data", "Known data sets, or what your own are taken for",
                     "  clavier data\n  clavier data cifar10\n"
                     "  clavier data cifar10 --from cifar-10-binary.tar.gz    without a network\n"
                     "  clavier data wine.csv --labels quality --task regression\n"
                     "  clavier data photos --image-size 32",
                     options, run_data);
  sub.add_option("NAME", options.name, "a known data set, or a path");
  const auto path = [](auto& target) {
    return [&target](const std::string& text) { target = std::filesystem::path(text); };
  };
  sub.add_option_function<std::string>("--from", path(options.from), "a local copy of the archive");
  sub.add_option_function<std::string>("--export", path(options.export_to),
                                       "write the splits as .npy files");
  sub.add_option_function<std::string>("--data-dir", path(options.data_dir),
                                       "else $CLAVIER_DATA, else ~/.cache/clavier");
  sub.add_option("--seed", options.seed, "data_seed of the splits");
  sub.add_option("--validation", options.validation, "part of the training data")
      ->check(CLI::Range(0.0, 0.9));
  // Own data: the keys of `data` in a study file.
  sub.add_option("--labels", options.labels, "the column of a CSV file, or the file of the labels");
  sub.add_option("--task", options.task, "classification or regression")
      ->check(CLI::IsMember({"auto", "classification", "regression"}));
  sub.add_option("--header", options.header, "true or false: the first line of a CSV file is one");
  sub.add_option("--ignore", options.ignore, "a column to leave out, again and again")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
  sub.add_option("--categories", options.categories, "a column of numbers that are names")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
  sub.add_option("--missing", options.missing, "fill, drop or refuse rows that lack a value")
      ->check(CLI::IsMember({"fill", "drop", "refuse"}));
  sub.add_option("--image-size", options.image_size, "height and width of images")
      ->check(CLI::Range(1, 4096));
  sub.add_flag("--skip-damaged", options.skip_damaged, "leave damaged images out");
}

}  // namespace

void add_read_commands(Parser& parser, AllOptions& all) {
  add_list(parser, all.list);
  add_status(parser, all.status);
  add_trials(parser, all.trials);
  add_show(parser, all.show);
  add_why(parser, all.why);
  add_best(parser, all.best);
  add_importance(parser, all.importance);
  add_test(parser, all.test);
  add_predict(parser, all.predict);
}

void add_file_commands(Parser& parser, AllOptions& all) {
  add_export(parser, all.exported);
  add_clean(parser, all.clean);
  add_verify(parser, all.verify);
  add_data(parser, all.data);
}

}  // namespace clavier::cli
