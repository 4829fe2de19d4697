#include "app/file/study_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "study/text.h"

namespace clavier::app {
namespace {

constexpr std::string_view kWhole = R"([study]
name   = "digits"
metric = "accuracy"
mode   = "max"
trials = 20
seed   = 7

[space]
l1         = { pow2 = [4, 256] }
lr         = { loguniform = [1e-4, 1e-1] }
batch_size = { choice = [2, 4, 8, 16] }
momentum   = { uniform = [0.0, 0.99], when = { optimizer = "sgd" } }
optimizer  = { choice = ["sgd", "adam"] }

[scheduler]
algorithm = "asha"
reduction = 2

[worker]
command = ["python3", "train.py"]

[trial]
cpus = 0.5
[trial.stop]
steps = 10
accuracy = 0.999
non_finite = true
[stop]
time = "1h 30min"
)";

/// A minimal study with `more` behind it.
std::string with(std::string_view more) {
  return "[study]\nmetric = \"loss\"\nmode = \"min\"\n[worker]\ncommand = [\"a\"]\n" +
         std::string(more);
}

std::string error_of(std::string_view text, std::span<const Override> overrides = {}) {
  const auto spec = parse_study(text, "s.toml", overrides);
  return spec ? "no error" : spec.error().message;
}

std::vector<std::string> names(const Space& space) {
  std::vector<std::string> out;
  for (const Parameter& parameter : space.parameters) out.push_back(parameter.name);
  return out;
}

TEST(StudyFile, ReadsEveryTable) {
  const auto spec = parse_study(kWhole, "somewhere/s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->name, "digits");
  EXPECT_EQ(spec->objective, (Objectives{"accuracy", Mode::kMax}));
  EXPECT_EQ(spec->trials, 20);
  EXPECT_EQ(spec->seed, 7u);
  EXPECT_EQ(spec->data_seed, 7u);
  EXPECT_EQ(spec->search.algorithm, "auto");
  EXPECT_EQ(spec->scheduler.algorithm, "asha");
  EXPECT_EQ(*spec->scheduler.options.find("reduction"), Value(2.0));
  EXPECT_EQ(spec->worker->command, (std::vector<std::string>{"python3", "train.py"}));
  EXPECT_EQ(spec->trial.resources.cpus, 0.5);
  EXPECT_EQ(spec->trial.stop.steps, 10);
  EXPECT_EQ(spec->trial.stop.metrics, (std::vector<Metric>{{"accuracy", 0.999}}));
  EXPECT_TRUE(spec->trial.stop.non_finite);
  EXPECT_EQ(spec->stop.time, std::chrono::minutes(90));
  EXPECT_EQ(spec->text, std::string(kWhole) + "[search]\nalgorithm = \"auto\"\n");
}

TEST(StudyFile, ParentsComeBeforeTheirChildrenElseTheOrderOfTheFileStays) {
  const auto spec = parse_study(kWhole, "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(names(spec->space),
            (std::vector<std::string>{"l1", "lr", "batch_size", "optimizer", "momentum"}));
  EXPECT_EQ(spec->space.parameters[4].when,
            (std::vector<Condition>{{"optimizer", {Value("sgd")}}}));
}

TEST(StudyFile, TheSchedulersMaxStepsDefaultsToTheTrialsSteps) {
  const auto asha = parse_study(kWhole, "s.toml");
  ASSERT_TRUE(asha.ok());
  EXPECT_EQ(*asha->scheduler.options.find("max_steps"), Value(10));
  const auto fifo = parse_study(with(""), "s.toml");
  ASSERT_TRUE(fifo.ok());
  EXPECT_EQ(*fifo->scheduler.options.find("max_steps"), Value(kForever));
}

TEST(StudyFile, WhereNothingIsSaidTheSearcherIsAutoAndTheTextSaysSo) {
  for (const std::string& search : {std::string(), std::string("[search]\npoints = [{ x = 1 }]\n"),
                                    std::string("[search]\n")}) {
    const auto spec = parse_study(with("[space]\nx = { int = [1, 9] }\n" + search), "s.toml");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    EXPECT_EQ(spec->search.algorithm, "auto");
    EXPECT_TRUE(spec->search_by_default);
    const auto logged = parse_logged_study(spec->text, "s.toml");
    ASSERT_TRUE(logged.ok()) << logged.error().message;
    EXPECT_EQ(logged->search.algorithm, "auto");
    EXPECT_EQ(logged->space, spec->space);
  }
  const auto said = parse_study(with("[search]\nalgorithm = \"auto\"\n"), "s.toml");
  ASSERT_TRUE(said.ok());
  EXPECT_FALSE(said->search_by_default);
}

TEST(StudyFile, ALogWithoutAWordAboutTheSearcherMeansRandom) {
  const auto spec = parse_logged_study(with("[space]\nx = { int = [1, 9] }\n"), "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->search.algorithm, "random");
  EXPECT_FALSE(spec->search_by_default);
}

TEST(StudyFile, TakesItsNameFromTheFile) {
  const auto spec = parse_study(with(""), "a/b/my-study.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->name, "my-study");
}

TEST(StudyFile, WithoutASpaceItIsOneTrainingRun) {
  const auto spec = parse_study(with(""), "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->trials, 1);
  EXPECT_TRUE(spec->space.parameters.empty());
}

TEST(StudyFile, AGridGivesTheNumberOfTrials) {
  const auto spec = parse_study(with("[space]\na = {grid = [1, 2, 3]}\nb = {grid = [true, false]}\n"
                                     "c = {uniform = [0, 1]}\n"),
                                "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->trials, 6);
}

TEST(StudyFile, AStopRuleMakesTheNumberOfTrialsUnlimited) {
  const auto spec =
      parse_study(with("[space]\nc = {uniform = [0, 1]}\n[stop]\ntime = 60\n"), "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->trials, kForever);
}

TEST(StudyFile, TheTrainersTableBecomesJsonInTheOrderOfTheFile) {
  const auto spec = parse_study(
      "[study]\nmetric=\"loss\"\nmode=\"min\"\n[trainer]\nmodel = \"net\"\ndata = \"digits\"\n"
      "layers = [1, 2.5]\n[trainer.optimizer]\nname = \"sgd\"\nnesterov = true\n",
      "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(to_text(*spec->trainer), R"({"model": "net", "data": "digits", "layers": [1, 2.5], )"
                                     R"("optimizer": {"name": "sgd", "nesterov": true}})");
  EXPECT_FALSE(spec->worker);
}

TEST(StudyFile, WhatCheckShowsReadsBackToTheSame) {
  const std::string extra = R"(
[search]
algorithm = "sobol"
constraints = ["l1 >= batch_size"]
points = [{ l1 = 64, optimizer = "adam" }]
[worker.environment]
"A b" = "x\ny"
THREADS = 2
[stop.plateau]
trials = 5
[checkpoint]
keep = 3
best_by = "loss"
[cluster]
workers = 3
[trial.stop.patience]
steps = 4
min_delta = 0.5
[[trial.stop.threshold]]
metric = "loss"
upper = 9
[[trial.stop.threshold]]
lower = 0.25
grace = 3
[trial.stop.wilcoxon]
)";
  for (const std::string& text :
       {std::string(kWhole) + extra, with(""),
        std::string("[study]\nmetric='x'\nmode='min'\n[trainer]\na = [{b = 1}]\n[trainer.\"c d\"]\n"
                    "e = {}\n[space]\no.lr = {normal = [0.0, 1.0]}\no.k = [1, [2, 'x']]\n")}) {
    const auto spec = parse_study(text, "s.toml");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    const std::string whole = to_toml(*spec);
    const auto again = parse_study(whole, "other.toml");
    ASSERT_TRUE(again.ok()) << again.error().message << "\n" << whole;
    EXPECT_EQ(to_toml(*again), whole);
    EXPECT_EQ(again->space, spec->space);
    EXPECT_EQ(again->search, spec->search);
    EXPECT_EQ(again->scheduler, spec->scheduler);
    EXPECT_EQ(again->worker, spec->worker);
    EXPECT_EQ(again->trainer, spec->trainer);
    EXPECT_EQ(again->trial.stop, spec->trial.stop);
    EXPECT_EQ(again->stop, spec->stop);
    EXPECT_EQ(again->trials, spec->trials);
  }
}

TEST(StudyFile, ReadsFromDiskAndRemembersTheFolder) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "study_file_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "mine.toml") << with("");
  const auto spec = read_study(folder / "mine.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->name, "mine");
  EXPECT_EQ(spec->working_directory, folder);
  EXPECT_EQ(read_study(folder / "none.toml").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_study(folder).error().message, folder.string() + " is a folder, not a study file");
  EXPECT_EQ(read_study("/proc/self/mem").error().message,
            "cannot read /proc/self/mem: Input/output error");
  EXPECT_EQ(read_study("/dev/zero").error().message,
            "cannot read /dev/zero: larger than 4194304 bytes");
}

struct WrongFile {
  std::string text;
  std::string message;
};

void PrintTo(const WrongFile& wrong, std::ostream* out) { *out << wrong.text; }

class WrongStudyFile : public testing::TestWithParam<WrongFile> {};

TEST_P(WrongStudyFile, IsRefusedWithItsPlace) {
  EXPECT_EQ(error_of(GetParam().text), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Tables, WrongStudyFile,
    testing::Values(
        WrongFile{"",
                  "s.toml:1:1: [study] needs metric: the name of what the trials report, for "
                  "example metric = \"val_loss\"\n"
                  "s.toml:1:1: [study] needs mode: \"min\" if less of the metric is better, "
                  "\"max\" if more is"},
        WrongFile{with("[studdy]\n"),
                  "s.toml:6:2: unknown table \"studdy\"; did you mean \"study\"?"},
        WrongFile{"trials = 5\n" + with(""),
                  "s.toml:1:1: \"trials\" belongs into [study]; did you mean study.trials?"},
        WrongFile{"trial = 5\n" + with(""),
                  "s.toml:1:1: trial must be a table [trial], not a whole number"},
        WrongFile{with("[trial]\ncpu = 2\n"),
                  "s.toml:7:1: unknown key \"cpu\" in [trial]; did you mean \"cpus\"?"},
        WrongFile{with("[cluster]\nxyz = 2\n"),
                  "s.toml:7:1: unknown key \"xyz\" in [cluster]; there are workers, discover, "
                  "max_per_gpu, pin, price_per_hour, seconds_per_step, move_seconds, slots"},
        WrongFile{with("[trial]\nstop = 3\n"), "s.toml:7:8: trial.stop must be a table, not 3"},
        WrongFile{with("[trial.stop]\nstep = 3\n"),
                  "s.toml:7:1: \"step\" in [trial.stop]: did you mean \"steps\"? (a metric needs a "
                  "name less alike)"},
        WrongFile{with("[trial.stop]\naccuracy = \"high\"\n"),
                  "s.toml:7:12: trial.stop.accuracy must be the metric's threshold, a number, not "
                  "\"high\""},
        WrongFile{with("[trial.stop]\npatience = 3\n"),
                  "s.toml:7:12: trial.stop.patience must be a table, not 3"},
        WrongFile{with("[trial.stop]\npatience = { grace = 3 }\n"),
                  "s.toml:7:1: trial.stop.patience needs steps: how many without a better value, "
                  "for example patience = { steps = 10 }"},
        WrongFile{with("[trial.stop]\nthreshold = { lower = 3 }\n"),
                  "s.toml:7:1: trial.stop.threshold is a list of tables: write "
                  "[[trial.stop.threshold]]"},
        WrongFile{with("[[trial.stop.threshold]]\nmetric = \"a\"\n"),
                  "s.toml:6:1: trial.stop.threshold needs lower or upper, for example threshold = "
                  "[{ metric = \"accuracy\", lower = 0.2, grace = 5 }]"},
        WrongFile{with("[[trial.stop.threshold]]\nlower = 2\nupper = 1\n"),
                  "s.toml:6:1: trial.stop.threshold: lower = 2 must be below upper = 1"},
        WrongFile{with("[trial.stop]\nwilcoxon = { p = 0.9 }\n"),
                  "s.toml:7:18: trial.stop.wilcoxon.p must be above 0 and at most 0.5, not 0.9"},
        WrongFile{with("[stop]\nplateau = { min_delta = 0.1 }\n"),
                  "s.toml:7:1: stop.plateau needs trials: how many without a better one"},
        WrongFile{with("[trainer]\n"),
                  "s.toml:4:2: a study has a [trainer] or a [worker], not both"},
        WrongFile{"[study]\nmetric='a'\nmode='min'\n[worker]\nwarm = false\n",
                  "s.toml:4:2: [worker] needs command, for example command = [\"python3\", "
                  "\"train.py\"]"}));

INSTANTIATE_TEST_SUITE_P(
    Values, WrongStudyFile,
    testing::Values(
        WrongFile{with("[trial]\ncpus = \"two\"\n"),
                  "s.toml:7:8: trial.cpus must be a number, not \"two\""},
        WrongFile{with("[trial]\ngpus = -1\n"),
                  "s.toml:7:8: trial.gpus must be from 0 to 100000, not -1"},
        WrongFile{with("[trial]\ncpus = nan\n"),
                  "s.toml:7:8: trial.cpus must be a number, not nan"},
        WrongFile{with("[trial]\nmax_failures = 1.5\n"),
                  "s.toml:7:16: trial.max_failures must be a whole number, not 1.5"},
        WrongFile{with("[trial]\ntime_limit = \"3 fortnights\"\n"),
                  "s.toml:7:14: trial.time_limit: \"3 fortnights\" is not a duration such as "
                  "\"30min\", \"1h 20m\" or \"45s\""},
        WrongFile{with("[trial]\ntime_limit = 0\n"),
                  "s.toml:7:14: trial.time_limit must be longer, not 0"},
        WrongFile{with("[trial]\nlog_limit = \"much\"\n"),
                  "s.toml:7:13: trial.log_limit: \"much\" is not a size such as \"64MB\" or "
                  "\"1.5GB\""},
        WrongFile{with("[stop]\ntime = [1]\n"),
                  "s.toml:7:8: stop.time must be a duration such as \"30min\", not a list"},
        WrongFile{with("[checkpoint]\nat_end = 1\n"),
                  "s.toml:7:10: checkpoint.at_end must be true or false, not 1"},
        WrongFile{"[study]\nmetric = 'a'\nmode = 'maximum'\n[worker]\ncommand=['a']\n",
                  "s.toml:3:8: study.mode must be \"min\" or \"max\", not \"maximum\""},
        WrongFile{"[study]\nname='a/b'\nmetric = 'a'\nmode = 'max'\n[worker]\ncommand=['a']\n",
                  "s.toml:2:6: the study's name becomes a folder: up to 100 letters, digits and "
                  "_ - . , + = without a leading dot, not \"a/b\""},
        WrongFile{"[study]\nmetric='a'\nmode='min'\n[worker]\ncommand='python3 train.py'\n",
                  "s.toml:5:9: worker.command must be a list of texts such as [\"python3\", "
                  "\"train.py\"], not \"python3 train.py\""},
        WrongFile{"[study]\nmetric='a'\nmode='min'\n[worker]\ncommand=['a', '{lrr}']\n[space]\n"
                  "lr=1\n",
                  "s.toml:5:15: {lrr} is no parameter; did you mean \"lr\"?"},
        WrongFile{"[study]\nmetric='a'\nmode='min'\n[trainer]\nx=[inf]\n",
                  "s.toml:5:4: trainer.x must be finite, not inf"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, WrongStudyFile,
    testing::Values(
        WrongFile{"a = 1\na = 2",
                  "s.toml:2:5: in this key-value pair: cannot redefine existing "
                  "integer 'a'"},
        WrongFile{"[study\n", "s.toml:1:7: in this table header: expected ']', saw '\\n'"},
        WrongFile{"[,",
                  "s.toml:1:2: in this key: expected bare key starting character or string "
                  "delimiter, saw ','"},
        WrongFile{"p\u00c3 = 1", "s.toml:1:2: in this key-value pair: expected '=', saw '\u00c3'"},
        WrongFile{"a" + std::string(70, '.'), "s.toml:1:62: nested too deep"},
        WrongFile{"a = " + std::string(80, '[') + std::string(80, ']'),
                  "s.toml:1:65: nested too deep"},
        WrongFile{std::string(5 << 20, '#'), "s.toml:1:1: the file is larger than 4 MB"}));

INSTANTIATE_TEST_SUITE_P(
    Algorithms, WrongStudyFile,
    testing::Values(
        WrongFile{with("[scheduler]\nalgorithm = \"ahsa\"\n"),
                  "s.toml:7:13: scheduler.algorithm: unknown \"ahsa\"; did you mean \"asha\"?"},
        WrongFile{with("[search]\nalgorithm = 3\n"),
                  "s.toml:7:13: search.algorithm must be text, not 3"},
        WrongFile{with("[scheduler]\nalgorithm = \"asha\"\ngrase = 2\n"),
                  "s.toml:8:1: [scheduler] unknown option \"grase\" of asha; did you mean "
                  "\"grace\"?"},
        WrongFile{with("[scheduler]\nalgorithm = \"asha\"\nreduction = 1\n"),
                  "s.toml:8:13: scheduler.reduction must be at least 1.01, not 1"},
        WrongFile{with("[scheduler]\nalgorithm = \"asha\"\nvariant = \"promotoin\"\n"),
                  "s.toml:8:11: scheduler.variant: unknown \"promotoin\" of asha; did you mean "
                  "\"promotion\"?"},
        WrongFile{with("[search]\nconstraints = \"a > b\"\n"),
                  "s.toml:7:15: search.constraints must be a list of texts such as "
                  "[\"l1 >= l2\"], not \"a > b\""},
        WrongFile{with("[search]\npoints = [1]\n"),
                  "s.toml:7:11: a point is a table such as { lr = 0.1 }, not 1"}));

INSTANTIATE_TEST_SUITE_P(
    WhatCannotBeMeant, WrongStudyFile,
    testing::Values(
        WrongFile{with("[scheduler]\nalgorithm = \"asha\"\ngrace = 50\nmax_steps = 20\n"),
                  "s.toml:8:1: no trial would ever be judged: scheduler.grace = 50, and trials end "
                  "at step 20"},
        WrongFile{with("[scheduler]\nalgorithm = \"asha\"\nvariant = \"ray\"\ngrace = 5\n"
                       "[trial.stop]\nsteps = 4\n"),
                  "s.toml:9:1: no trial would ever be judged: scheduler.grace = 5, and trials end "
                  "at step 4"},
        WrongFile{with("[search]\nalgorithm = \"grid\"\n[space]\nlr = { uniform = [0, 1] }\n"),
                  "s.toml:7:1: grid has nothing to cross: lr is drawn from a range; write { grid = "
                  "[...] }, or search by \"random\""},
        WrongFile{
            with("[worker.environment]\nLR = \"{lr}\"\n"),
            "s.toml:7:6: {lr} is no parameter; there are trial, dir, checkpoint, until, slots; "
            "{{lr}} is the text in braces"},
        WrongFile{with("[worker.environment]\n\"A=B\" = \"c\"\n"),
                  "s.toml:7:1: worker.environment: \"A=B\" cannot name a variable"},
        WrongFile{with("[space]\nx = { choice = [\"a\\u0000b\", \"c\"] }\n"),
                  "s.toml:7:17: a text with a NUL character, which no program can be given"},
        WrongFile{with("[trial.stop]\nsteps = 9223372036854775807\n"),
                  "s.toml:7:9: trial.stop.steps must be at most 1000000000000000, not "
                  "9223372036854775807"}));

/// The notes of a study file with these lines, without their file.
std::vector<std::string> notes_of(const std::string& lines) {
  const auto spec = parse_study(with(lines), "s.toml");
  return spec ? spec->notes : std::vector{spec.error().message};
}

TEST(StudyFile, ReadsTheRulesThatStopTrials) {
  const auto spec = parse_study(
      with("[trial.stop]\npatience = { steps = 4, grace = 2 }\nwilcoxon = { p = 0.2 }\n"
           "threshold = [{ upper = 9 }, { metric = \"accuracy\", lower = 0.25, grace = 3 }]\n"),
      "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  const TrialStop& rules = spec->trial.stop;
  EXPECT_EQ(rules.patience, (Patience{.steps = 4, .grace = 2}));
  EXPECT_EQ(rules.wilcoxon, (Wilcoxon{.p = 0.2}));
  EXPECT_EQ(rules.thresholds,
            (std::vector<Threshold>{{.metric = "loss", .upper = 9},
                                    {.metric = "accuracy", .lower = 0.25, .grace = 3}}));
  EXPECT_EQ(spec->notes, std::vector<std::string>{});
}

TEST(StudyFile, BohbHasHyperBandUnlessTheFileSaysOtherwise) {
  const std::string bohb = "[space]\nlr = { uniform = [0, 1] }\n[search]\nalgorithm = \"bohb\"\n";
  const auto found = [&](const std::string& more) {
    const auto spec = parse_study(with(bohb + more), "s.toml");
    if (!spec) return spec.error().message;
    const Value* steps = spec->scheduler.options.find("max_steps");
    return spec->scheduler.algorithm + " to " + std::to_string(*steps->as<std::int64_t>());
  };
  EXPECT_EQ(found("[trial.stop]\nsteps = 27\n"), "hyperband to 27");
  EXPECT_EQ(found("[scheduler]\nmax_steps = 9\n"), "hyperband to 9");
  EXPECT_EQ(found("[scheduler]\nalgorithm = \"asha\"\n"), "asha to 100");
  EXPECT_EQ(found(""),
            "s.toml:8:2: bohb needs to know how long a trial is: set [trial.stop] steps, "
            "or [scheduler] max_steps");
  EXPECT_EQ(found("[scheduler]\nalgorithm = \"fifo\"\n"),
            "s.toml:10:2: bohb learns at the rungs of a scheduler, and fifo has none: use "
            "hyperband, or asha");
  const auto trained =
      parse_study("[study]\nmetric='loss'\nmode='min'\n[trainer]\nepochs = 12\n" + bohb, "s.toml");
  ASSERT_TRUE(trained.ok()) << trained.error().message;
  EXPECT_EQ(trained->trial_length(), 12);
}

TEST(StudyFile, NotesWhatHasNoEffect) {
  const auto is = [](const std::string& lines, const std::string& note) {
    EXPECT_EQ(notes_of(lines), note.empty() ? std::vector<std::string>{} : std::vector{note})
        << lines;
  };
  const std::string lr = "[space]\nlr = { uniform = [0, 1] }\n";
  is(lr + "[scheduler]\nalgorithm = \"asha\"\ngrace = 20\nmax_steps = 20\n", "");
  is("[space]\nlr = [1e-4, 1e-1]\n",
     "s.toml:7:6: lr = [0.0001, 0.1] is a constant list of two numbers, the same in every trial; a "
     "range is { uniform = [0.0001, 0.1] }, and { constant = [0.0001, 0.1] } says that the list is "
     "meant");
  is("[space]\nlr = { constant = [1e-4, 1e-1] }\n", "");
  is("[space]\nlr = [[1, 2], [3]]\nb = [2, 1]\nc = [1, 2, 3]\n", "");
  is(lr + "[search]\npoints = [{ lr = 0.1 }, { lr = 0.2 }]\n",
     "s.toml:9:1: search.points are 2, and study.trials = 1: the last 1 are not tried");
  is(lr + "[scheduler]\nmax_steps = 5\n[trial.stop]\nsteps = 9\n",
     "s.toml:10:8: trial.stop.steps = 9 is never reached: scheduler.max_steps = 5");
  is(lr + "[trial.stop]\nsteps = 9\npatience = { steps = 9 }\n",
     "s.toml:10:1: trial.stop.patience stops nobody: it judges from step 10 on, and trials end at "
     "step 9");
  is(lr + "[cluster]\nmax_per_gpu = 2\n",
     "s.toml:9:1: cluster.max_per_gpu has no effect: trials use no GPU (trial.gpus = 0)");
}

TEST(StudyFile, NotesTrainerKeysThatAnotherKeySwitchesOff) {
  const auto notes = [](const std::string& trainer, const std::string& space = "") {
    const auto spec = parse_study(
        "[study]\nmetric='loss'\nmode='min'\n[trainer]\n" + trainer + "\n[space]\n" + space,
        "s.toml");
    return spec ? spec->notes : std::vector{spec.error().message};
  };
  EXPECT_EQ(notes("optimizer = 'adam'\nmomentum = 0.9"),
            std::vector<std::string>{
                "s.toml:6:1: trainer.momentum has no effect where trainer.optimizer is adam"});
  EXPECT_EQ(notes("", "gamma = { uniform = [0, 1] }"),
            std::vector<std::string>{
                "s.toml:7:1: space.gamma has no effect where trainer.schedule is constant"});
  EXPECT_EQ(notes("epochs = 5\n[scheduler]\nmax_steps = 9"),
            std::vector<std::string>{
                "s.toml:7:1: scheduler.max_steps = 9 is never reached: trainer.epochs = 5"});
  EXPECT_EQ(notes("momentum = 0.9\nschedule = 'step'\ngamma = 0.5").size(), 0U);
  EXPECT_EQ(notes("momentum = 0.9", "optimizer = { choice = ['sgd', 'adam'] }").size(), 0U);
}

TEST(StudyFile, NotesMoreTrialsThanConfigurations) {
  const auto with_trials = [](const std::string& space) {
    const auto spec =
        parse_study(with(space), "s.toml", std::vector<Override>{{"study.trials", "4"}});
    return spec ? spec->notes : std::vector{spec.error().message};
  };
  ASSERT_EQ(with_trials("").size(), 1U);
  EXPECT_NE(with_trials("").front().find("nothing to vary, one configuration"), std::string::npos);
  EXPECT_EQ(with_trials("[space]\na = { int = [1, 3] }\n").size(), 1U);
  EXPECT_EQ(with_trials("[space]\na = { int = [1, 4] }\n").size(), 0U);
  EXPECT_EQ(
      with_trials("[space]\na = { int = [1, 4] }\n[stop]\ntrials = 50\n"),
      std::vector<std::string>{"s.toml:9:1: stop.trials = 50 is never reached: study.trials = "
                               "4"});
}

TEST(StudyFile, WhatAnEarlierVersionLetPassIsReadFromALog) {
  for (const std::string lines :
       {"[scheduler]\nalgorithm = \"asha\"\ngrace = 50\nmax_steps = 20\n",
        "[space]\nx = \"uniform(0, 1)\"\n",
        "[space]\na = { choice = [1, 2] }\nb = { uniform = [0, 1], when = { a = 1 } }\n"
        "[search]\npoints = [{ a = 2, b = 0.5 }]\n"}) {
    EXPECT_FALSE(parse_study(with(lines), "s.toml").ok()) << lines;
    EXPECT_TRUE(parse_logged_study(with(lines), "s.toml").ok()) << lines;
  }
}

TEST(StudyFile, TellsAllProblemsInTheOrderOfTheFileUpToABound) {
  EXPECT_EQ(error_of(with("[trial]\ncpu = 2\ngpus = true\n")),
            "s.toml:7:1: unknown key \"cpu\" in [trial]; did you mean \"cpus\"?\n"
            "s.toml:8:8: trial.gpus must be a number, not true");
  std::string many = "[trial]\n";
  for (int i = 0; i < 25; ++i) many += "zzzzzzzz" + std::to_string(i) + " = 1\n";
  const std::string message = error_of(with(many));
  EXPECT_EQ(std::ranges::count(message, '\n'), 20);
  EXPECT_TRUE(message.ends_with("\nand 5 more"));
}

TEST(StudyFile, TellsWhichParametersACommandForgets) {
  const auto unused = [](std::string_view command, const std::string& trial = "") {
    const auto spec = parse_study(trial +
                                      "[study]\nmetric='a'\nmode='min'\n[space]\nlr=1\nwd=2\n"
                                      "half={expr='wd / 2'}\n[worker]\ncommand=" +
                                      std::string(command),
                                  "s.toml");
    return spec ? unused_parameters(*spec) : std::vector{spec.error().message};
  };
  EXPECT_EQ(unused("['a', '{lr}']"), std::vector<std::string>{"half"});
  EXPECT_EQ(unused("['a', '{lr}', '{half}']"), std::vector<std::string>{});
  EXPECT_EQ(unused("['a', '{lr}']", "[trial]\nslots='half'\n"), std::vector<std::string>{});
  EXPECT_EQ(unused("['a']"), std::vector<std::string>{}) << "it reads the environment";
  EXPECT_EQ(unused("['a', '{lr}']\nenvironment = { HALF = '{half}' }"), std::vector<std::string>{});
}

}  // namespace
}  // namespace clavier::app
