#include "cli/command_line.h"

namespace clavier::cli {
namespace {

void add_run(Parser& parser, RunOptions& options) {
  CLI::App& sub = parser.command(
      "run", "Run a study, or go on with it",
      "  clavier run study.toml\n"
      "  clavier run study.toml --set study.trials=50 --set scheduler.algorithm=asha\n"
      "  clavier run study.toml --smoke     two trials on a few samples, in seconds\n"
      "  clavier run study.toml --fresh     start over; what was there is kept under another "
      "name\n"
      "  clavier run study.toml --repeat 5  five seeds; mean and deviation\n"
      "  clavier run --space \"lr=loguniform(1e-5,1e-1)\" --space \"opt=choice(sgd,adam)\" \\\n"
      "      --trials 20 --min val_loss -- python train.py --lr {lr} --optimizer {opt}",
      options, run_run);
  parser.add_source(sub, options.source);
  parser.add_dir(sub, options.dir);
  parser.add_data_dir(sub, options.data_dir);
  sub.add_flag("--smoke", options.smoke, "2 trials, 2 epochs, few samples, a folder of its own");
  sub.add_flag("--fresh", options.fresh, "start over; what was there is kept as NAME.old-1, …");
  parser.add_repeat(sub, options.repeat);
}

void add_check(Parser& parser, CheckOptions& options) {
  CLI::App& sub =
      parser.command("check", "Validate a study file and show it with every default",
                     "  clavier check study.toml\n"
                     "  clavier check study.toml --samples 20 --set search.algorithm=sobol",
                     options, run_check);
  parser.add_source(sub, options.source);
  sub.add_option("--samples", options.samples, "configurations to show, up to 10000")
      ->type_name("N")
      ->check(whole(0, 10000));
}

void add_coord_check(Parser& parser, CoordCheckOptions& options) {
  CLI::App& sub = parser.command(
      "coord-check", "See whether hyperparameters transfer between widths of a model",
      "  clavier coord-check study.toml --set trainer.parametrization=mup\n"
      "  clavier coord-check study.toml --scales 16 8 4 2 1 --steps 10",
      options, run_coord_check);
  parser.add_source(sub, options.source);
  sub.add_option("--scales", options.scales, "what the model's widths are divided by")
      ->type_name("N")
      ->expected(2, 20)
      ->check(CLI::PositiveNumber);
  sub.add_option("--steps", options.steps, "batches trained")
      ->type_name("N")
      ->check(whole(1, 1000));
  sub.add_option("--seeds", options.seeds, "networks per width")
      ->type_name("N")
      ->check(whole(1, 100));
  sub.add_flag("--json", options.json, "every layer after every batch, as JSON");
  parser.add_data_dir(sub, options.data_dir);
}

void add_plan(Parser& parser, PlanOptions& options) {
  CLI::App& sub =
      parser.command("plan", "Predict how long a study takes, before anything runs",
                     "  clavier plan study.toml\n"
                     "  clavier plan study.toml --from digits    as that study measured\n"
                     "  clavier plan study.toml --probe --gantt plan.svg",
                     options, run_plan);
  parser.add_source(sub, options.source);
  parser.add_traces(sub, options.traces);
  auto* from = sub.add_option("--from", options.from, "durations as an earlier study measured them")
                   ->type_name("STUDY");
  sub.add_flag("--probe", options.probe, "measure them: an interval on each kind of slot")
      ->excludes(from);
  parser.add_dir(sub, options.dir);
  parser.add_data_dir(sub, options.data_dir);
}

void add_simulate(Parser& parser, SimulateOptions& options) {
  CLI::App& sub =
      parser.command("simulate", "Run a study in virtual time on a described cluster",
                     "  clavier simulate study.toml\n"
                     "  clavier simulate study.toml --set planner.algorithm=hrfs --gantt "
                     "hrfs.svg\n"
                     "  clavier simulate study.toml --repeat 20 --set simulate.noise=0.1\n"
                     "The file's [cluster] and [simulate] describe the cluster; the same "
                     "seed gives the same trace.",
                     options, run_simulate);
  parser.add_source(sub, options.source);
  parser.add_traces(sub, options.traces);
  sub.add_option("--seed", options.seed, "instead of the study's");
  sub.add_option("--repeat", options.repeat, "so many seeds, up to 1000, from the first on")
      ->type_name("N")
      ->check(whole(1, 1000));
  sub.add_flag("--keep", options.keep, "write a study's folder that other commands read");
  parser.add_dir(sub, options.dir);
}

void add_control(Parser& parser, const char* name, const char* description, const char* examples,
                 Control control, ControlOptions& options) {
  options.control = control;
  CLI::App& sub = parser.command(name, description, examples, options, run_control);
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
  parser.add_dir(sub, options.dir);
}

void add_rerun(Parser& parser, RerunOptions& options) {
  CLI::App& sub =
      parser.command("rerun", "Run a trial's configuration once more, as a study of its own",
                     "  clavier rerun 7 digits\n"
                     "  clavier rerun 7 digits --set trainer.epochs=50    longer\n"
                     "  clavier rerun 7 digits --repeat 5                 with other seeds",
                     options, run_rerun);
  parser.add_trial_and_study(sub, options.trial, options.study, Parser::TrialIs::kRequired);
  parser.add_set(sub, options.set);
  parser.add_repeat(sub, options.repeat);
  parser.add_data_dir(sub, options.data_dir);
}

void add_ask_tell(Parser& parser, AllOptions& all) {
  CLI::App& ask = parser.command(
      "ask", "Get a trial to evaluate yourself, at your own pace; `tell` says how it went",
      "  clavier ask study.toml           begins the study, if need be; it needs no [worker]\n"
      "  clavier ask digits --json        {\"trial\": 7, \"config\": {\"lr\": 0.01}}\n"
      "Any number of processes may ask and tell at once. Exit status 1: there is none.",
      all.ask, run_ask);
  parser.add_study(ask, all.ask.study);
  ask.add_flag("--json", all.ask.json, "as JSON");
  CLI::App& tell = parser.command(
      "tell", "Say how a trial that was asked for went",
      "  clavier tell digits 7 accuracy=0.93           it has ended\n"
      "  clavier tell digits 7 accuracy=0.91 --step 3  a report: answers continue or stop\n"
      "  clavier tell digits 7                         it has ended with what it reported\n"
      "  clavier tell digits 7 --failed \"out of memory\"\n"
      "  clavier tell digits 7 --lost \"machine down\"    somebody else shall have it",
      all.tell, run_tell);
  tell.add_option("STUDY", all.tell.study, "name, folder or study file")->required();
  tell.add_option("TRIAL", all.tell.trial, "its number")->required()->check(whole(0));
  tell.add_option("METRICS", all.tell.metrics, "NAME=VALUE each");
  tell.add_option("--step", all.tell.step, "the trial goes on; this is a report of that step")
      ->type_name("N")
      ->check(whole(0, kMostSteps));
  tell.add_option("--failed", all.tell.failed, "it could not be evaluated")->type_name("WHY");
  tell.add_option("--lost", all.tell.lost, "it was not evaluated")->type_name("WHY");
  parser.add_dir(tell, all.tell.dir);
}

void add_controls(Parser& parser, AllOptions& all) {
  CLI::App& add =
      parser.command("add", "Have a configuration tried; the searcher draws what is missing",
                     "  clavier add digits lr=0.01 optimizer=sgd", all.add, run_add);
  add.add_option("STUDY", all.add.study, "name, folder or study file")->required();
  add.add_option("PARAMETERS", all.add.values, "NAME=VALUE each")->required();
  parser.add_dir(add, all.add.dir);
  add_control(parser, "pause", "Pause a study, or one of its trials",
              "  clavier pause digits 7\n  clavier pause digits", Control::kPause, all.pause);
  add_control(parser, "resume", "Let a paused trial go on (a study: run it again)",
              "  clavier resume digits 7", Control::kResume, all.resume);
  add_control(parser, "stop", "End a study, or one of its trials",
              "  clavier stop digits 7\n  clavier stop digits", Control::kStop, all.stop);
  CLI::App& retry = parser.command(
      "retry", "Run trials again that failed or were stopped",
      "  clavier retry digits             all that failed, or were stopped as the study ended\n"
      "  clavier retry digits 3 7         these two\n"
      "  clavier retry digits --stopped   all that were stopped, by whomever\n"
      "They go on from their last checkpoints, with all their retries. A study that has ended\n"
      "goes on when it is run again.",
      all.retry, run_retry);
  retry.add_option("STUDY", all.retry.study, "name, folder or study file")->required();
  retry.add_option("TRIAL", all.retry.trials, "their numbers");
  retry.add_flag("--failed", all.retry.failed, "all that failed");
  retry.add_flag("--stopped", all.retry.stopped, "all that were stopped");
  parser.add_dir(retry, all.retry.dir);
  CLI::App& raise = parser.command("raise", "Raise the number of trials",
                                   "  clavier raise digits --trials 100", all.raise, run_raise);
  raise.add_option("STUDY", all.raise.study, "name, folder or study file")->required();
  raise.add_option("--trials", all.raise.trials, "the new number")
      ->type_name("N")
      ->required()
      ->check(whole(1, kMostTrials));
  parser.add_dir(raise, all.raise.dir);
}

}  // namespace

void add_run_commands(Parser& parser, AllOptions& all) {
  add_run(parser, all.run);
  add_check(parser, all.check);
  add_coord_check(parser, all.coord_check);
  add_plan(parser, all.plan);
  add_simulate(parser, all.simulate);
}

void add_control_commands(Parser& parser, AllOptions& all) {
  add_rerun(parser, all.rerun);
  add_ask_tell(parser, all);
  add_controls(parser, all);
}

}  // namespace clavier::cli
