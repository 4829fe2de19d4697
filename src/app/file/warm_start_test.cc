#include "app/file/warm_start.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "app/file/foreign_trials.h"
#include "app/file/study_file.h"
#include "app/run/asked_study.h"
#include "app/run/study_check.h"
#include "store/sqlite.h"
#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

namespace fs = std::filesystem;

const Objective kLoss{"loss", Mode::kMin};

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

/// What Optuna 5 writes: a study with one trial that has completed, one that was pruned, one that
/// failed, one that runs, and one that was added whole.
const std::string kJournal =
    R"({"op_code":0,"worker_id":"w","study_name":"first","directions":[1]}
{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":5,"worker_id":"w","trial_id":0,"param_name":"lr","param_value_internal":0.01,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 1e-05, \"high\": 0.1, \"log\": true}}"}
{"op_code":5,"worker_id":"w","trial_id":0,"param_name":"layers","param_value_internal":3.0,"distribution":"{\"name\": \"IntDistribution\", \"attributes\": {\"log\": false, \"step\": 1, \"low\": 1, \"high\": 4}}"}
{"op_code":5,"worker_id":"w","trial_id":0,"param_name":"opt","param_value_internal":1,"distribution":"{\"name\": \"CategoricalDistribution\", \"attributes\": {\"choices\": [\"sgd\", \"adam\"]}}"}
{"op_code":6,"worker_id":"w","trial_id":0,"state":1,"values":[0.25],"datetime_complete":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":5,"worker_id":"w","trial_id":1,"param_name":"lr","param_value_internal":0.5,"distribution":"{\"name\": \"FloatDistribution\", \"attributes\": {\"step\": null, \"low\": 1e-05, \"high\": 0.1, \"log\": true}}"}
{"op_code":7,"worker_id":"w","trial_id":1,"step":2,"intermediate_value":0.75}
{"op_code":7,"worker_id":"w","trial_id":1,"step":3,"intermediate_value":NaN}
{"op_code":6,"worker_id":"w","trial_id":1,"state":2,"values":[0.75],"datetime_complete":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":6,"worker_id":"w","trial_id":2,"state":3,"values":null,"datetime_complete":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":"2026-01-01T00:00:00.000000+00:00"}
{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":null,"state":1,"value":0.5,"values":null,"distributions":{"layers":"{\"name\": \"IntDistribution\", \"attributes\": {\"log\": false, \"step\": 1, \"low\": 1, \"high\": 4}}"},"params":{"layers":2.0},"user_attrs":{},"system_attrs":{},"intermediate_values":{}}
)";

TEST(OptunaJournal, GivesWhatIsKnownOfItsTrials) {
  const ScratchDirectory home;
  // The last line is being written.
  write(home / "j.log", kJournal + R"({"op_code":4,"wor)");
  const auto all = optuna_journal(home / "j.log", "", kLoss);
  ASSERT_TRUE(all.ok()) << all.error().message;
  ASSERT_EQ(all->size(), 4U);
  EXPECT_EQ(*all->at(0).config.find("lr"), Value(0.01));
  EXPECT_EQ(*all->at(0).config.find("layers"), Value(3));
  EXPECT_EQ(*all->at(0).config.find("opt"), Value("adam"));
  EXPECT_EQ(all->at(0).value, 0.25);
  EXPECT_EQ(all->at(0).stopped_at, 0);
  EXPECT_EQ(all->at(1).value, 0.75);
  EXPECT_EQ(all->at(1).stopped_at, 3);
  EXPECT_FALSE(all->at(2).value);
  EXPECT_EQ(all->at(3).value, 0.5);
  EXPECT_EQ(*all->at(3).config.find("layers"), Value(2));
}

TEST(OptunaJournal, OfAnotherDirectionOrMetricOrSeveralStudiesIsRefusedWithWhatThereIs) {
  const ScratchDirectory home;
  const fs::path file = home / "j.log";
  const auto error = [&](const std::string& text, const std::string& study = "") {
    write(file, text);
    const auto all = optuna_journal(file, study, kLoss);
    return all.ok() ? std::string() : all.error().message.substr(file.string().size());
  };
  EXPECT_EQ(error(R"({"op_code":0,"study_name":"a","directions":[2]})"
                  "\n"),
            ": the study \"a\" maximizes its value, and this one does not");
  const std::string second = "{\"op_code\":0,\"study_name\":\"second\",\"directions\":[1]}\n";
  EXPECT_NE(error(kJournal + second).find("holds several studies, first, second: write"),
            std::string::npos);
  EXPECT_EQ(error(kJournal + second, "second"), "");
  EXPECT_NE(error(kJournal, "frist").find("did you mean \"first\""), std::string::npos);
  EXPECT_NE(
      error(kJournal + R"({"op_code":3,"study_id":0,"system_attr":{"study:metric_names":["lost"]}})"
                       "\n")
          .find("did you mean \"lost\""),
      std::string::npos);
  EXPECT_NE(error("lr,loss\n").find("neither a study"), std::string::npos);
  EXPECT_NE(error(kJournal + "{broken}\n").find(", line 16: "), std::string::npos);
}

TEST(OptunaDatabase, GivesTheSame) {
  const ScratchDirectory home;
  const fs::path file = home / "o.db";
  {
    auto database = store::Database::open(file, store::Database::Access::kWrite);
    ASSERT_TRUE(database.ok());
    const Status made = database->run(R"(
CREATE TABLE studies(study_id INTEGER PRIMARY KEY, study_name VARCHAR(512));
CREATE TABLE study_directions(study_direction_id INTEGER PRIMARY KEY, direction VARCHAR(8), study_id INTEGER, objective INTEGER);
CREATE TABLE study_system_attributes(study_system_attribute_id INTEGER PRIMARY KEY, study_id INTEGER, "key" VARCHAR(512), value_json TEXT);
CREATE TABLE trials(trial_id INTEGER PRIMARY KEY, number INTEGER, study_id INTEGER, state VARCHAR(8), datetime_start DATETIME, datetime_complete DATETIME);
CREATE TABLE trial_params(param_id INTEGER PRIMARY KEY, trial_id INTEGER, param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT);
CREATE TABLE trial_values(trial_value_id INTEGER PRIMARY KEY, trial_id INTEGER, objective INTEGER, value FLOAT, value_type VARCHAR(7));
CREATE TABLE trial_intermediate_values(trial_intermediate_value_id INTEGER PRIMARY KEY, trial_id INTEGER, step INTEGER, intermediate_value FLOAT, intermediate_value_type VARCHAR(7));
INSERT INTO studies VALUES(1, 's');
INSERT INTO study_directions VALUES(1, 'MAXIMIZE', 1, 0), (2, 'MINIMIZE', 1, 1);
INSERT INTO study_system_attributes VALUES(1, 1, 'study:metric_names', '["accuracy", "loss"]');
INSERT INTO trials VALUES(1, 0, 1, 'COMPLETE', NULL, NULL), (2, 1, 1, 'PRUNED', NULL, NULL), (3, 2, 1, 'FAIL', NULL, NULL), (4, 3, 1, 'RUNNING', NULL, NULL);
INSERT INTO trial_params VALUES(1, 1, 'opt', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam"]}}'), (2, 2, 'lr', 0.5, '{"name": "FloatDistribution", "attributes": {}}');
INSERT INTO trial_values VALUES(1, 1, 0, 0.9, 'FINITE'), (2, 1, 1, 0.25, 'FINITE');
INSERT INTO trial_intermediate_values VALUES(1, 2, 4, 0.75, 'FINITE'), (2, 2, 5, NULL, 'NAN');
)");
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  const auto all = optuna_database(file, "", kLoss);
  ASSERT_TRUE(all.ok()) << all.error().message;
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(*all->at(0).config.find("opt"), Value("sgd"));
  EXPECT_EQ(all->at(0).value, 0.25);
  EXPECT_EQ(all->at(1).value, 0.75);
  EXPECT_EQ(all->at(1).stopped_at, 5);
  EXPECT_FALSE(all->at(2).value);
  EXPECT_EQ(optuna_database(file, "", {"accuracy", Mode::kMax})->front().value, 0.9);
}

/// Three trials of Ray Tune, of which one came less far and one failed.
void write_experiment(const fs::path& folder) {
  const auto lines = [](std::initializer_list<double> losses) {
    std::string text;
    int step = 0;
    for (const double loss : losses)
      text += "{\"val\": {\"loss\": " + std::to_string(loss) +
              "}, \"training_iteration\": " + std::to_string(++step) + "}\n";
    return text;
  };
  write(folder / "t_0" / "params.json", R"({"optimizer": {"lr": 0.01}, "layers": 2})");
  write(folder / "t_0" / "result.json", lines({0.5, 0.25, 0.375}));
  write(folder / "t_1" / "params.json", R"({"optimizer": {"lr": 0.02}, "layers": 3})");
  write(folder / "t_1" / "result.json", lines({0.75}) + "{\"val\": {\"lo");
  write(folder / "t_2" / "params.json", R"({"optimizer": {"lr": 0.03}, "layers": 4})");
  write(folder / "t_2" / "error.txt", "out of memory");
}

TEST(RayExperiment, GivesTheBestOfEachTrialAndWhereThoseStoppedThatCameLessFar) {
  const ScratchDirectory home;
  write_experiment(home / "exp");
  const auto all = ray_experiment(home / "exp", {"val/loss", Mode::kMin});
  ASSERT_TRUE(all.ok()) << all.error().message;
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(*all->at(0).config.find("optimizer.lr"), Value(0.01));
  EXPECT_EQ(all->at(0).value, 0.25);
  EXPECT_EQ(all->at(0).stopped_at, 0);
  EXPECT_EQ(all->at(1).stopped_at, 1);
  EXPECT_FALSE(all->at(2).value);
  EXPECT_FALSE(ray_experiment(home / "exp", kLoss).ok());
}

constexpr const char* kStudy = R"([study]
name = "next"
metric = "loss"
mode = "min"
trials = 8
[space]
lr = { loguniform = [1e-5, 0.1] }
layers = { int = [1, 4] }
opt = { choice = ["sgd", "adam"] }
momentum = { uniform = [0, 1], when = { opt = "sgd" } }
[search]
algorithm = "tpe"
)";

class WarmStart : public testing::Test {
 protected:
  Result<StudySpec> read(const std::string& more, Copies copies = Copies::kUsed) {
    write(home_ / "next.toml", kStudy + more);
    return read_study(home_ / "next.toml", {}, home_ / "studies", copies);
  }
  ScratchDirectory home_;
};

TEST_F(WarmStart, TakesWhatMayBelongToTheSpaceAndSaysWhatItLeavesOut) {
  write(home_ / "j.log", kJournal);
  const auto spec = read("warm_start = \"j.log\"\n");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_EQ(spec->space.known.size(), 2U);
  EXPECT_EQ(spec->space.known[0].value, 0.25);
  EXPECT_EQ(spec->space.known[1].config.entries().size(), 1U);
  ASSERT_EQ(spec->notes.size(), 1U);
  const std::string note = spec->notes.back();
  EXPECT_NE(
      note.find("2 of 4 earlier trials are in the space; left out are 1 outside the space (as lr "
                "= 0.5), 1 without any of its parameters"),
      std::string::npos)
      << note;
}

TEST_F(WarmStart, TheTextOfTheStudyHoldsAllOfIt) {
  write(home_ / "j.log", kJournal);
  const auto spec = read("warm_start = [\"j.log\"]\n");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  fs::remove(home_ / "j.log");
  for (const std::string& text : {spec->text, to_toml(*spec)}) {
    const auto again = parse_logged_study(text, "next.toml");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_TRUE(again->space == spec->space);
    EXPECT_EQ(again->warm_start, spec->warm_start);
  }
}

TEST_F(WarmStart, AStudyThatWasBegunKeepsTheTrialsItWasBegunWith) {
  write(home_ / "j.log", kJournal);
  const auto spec = read("warm_start = \"j.log\"\n");
  ASSERT_TRUE(spec.ok());
  const auto open = [&](const StudySpec& with) {
    return AskedStudy::open(with, AskedStudy::Trials::kShared, home_ / "studies" / "next");
  };
  auto study = open(*spec);
  ASSERT_TRUE(study.ok() && study->ask().ok());
  study = Error{};
  write(home_ / "j.log",
        kJournal.substr(
            0, kJournal.find(
                   "{\"op_code\":4,\"worker_id\":\"w\",\"study_id\":0,\"datetime_start\":null")));
  const auto again = read("warm_start = \"j.log\"\n");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_TRUE(again->space == spec->space);
  const auto anew = read("warm_start = \"j.log\"\n", Copies::kIgnored);
  ASSERT_TRUE(anew.ok());
  EXPECT_EQ(anew->space.known.size(), 1U);
  EXPECT_NE(check_unchanged(*spec, *anew).error().message.find("search.warm_start_trials"),
            std::string::npos);
  EXPECT_TRUE(verify_study(home_ / "studies" / "next").ok());
}

TEST_F(WarmStart, TakesAStudyOfOursByItsNameAndAnyMetricThatItsTrialsReported) {
  const std::string text = std::string(kStudy).replace(std::string(kStudy).find("next"), 4, "past");
  auto past =
      parse_study(std::string(text).replace(text.find("\"loss\""), 6, "\"error\""), "s.toml");
  ASSERT_TRUE(past.ok());
  {
    auto study = AskedStudy::open(*past, AskedStudy::Trials::kShared, home_ / "studies" / "past");
    ASSERT_TRUE(study.ok());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(study->ask().ok());
    ASSERT_TRUE(study->tell(TrialId{0}, {{"error", 9}, {"loss", 0.5}}).ok());
    ASSERT_TRUE(study->report(TrialId{1}, {{"error", 9}, {"loss", 0.125}}, 3).ok());
    ASSERT_TRUE(study->give_up(TrialId{2}, ExitKind::kFailed, "x").ok());
  }
  const auto spec = read("warm_start = \"past\"\n");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_EQ(spec->space.known.size(), 3U);
  EXPECT_EQ(spec->space.known[0].value, 0.5);
  EXPECT_EQ(spec->space.known[1].value, 0.125);
  EXPECT_EQ(spec->space.known[1].stopped_at, 3);
  EXPECT_FALSE(spec->space.known[2].value);
}

TEST_F(WarmStart, WhatIsNotThereOrNoneOfTheseIsRefusedWithItsPlace) {
  const auto error = [&](const std::string& more) {
    const auto spec = read(more);
    return spec.ok() ? std::string() : spec.error().message;
  };
  EXPECT_NE(error("warm_start = \"nothing\"\n").find("next.toml:13:14: search.warm_start: "),
            std::string::npos)
      << error("warm_start = \"nothing\"\n");
  EXPECT_NE(error("warm_start = 3\n").find("must be the name of a study or of a file"),
            std::string::npos);
  EXPECT_NE(error("warm_start_trials = 3\n").find("must be a list of tables"), std::string::npos);
  EXPECT_NE(error("warm_start_trials = [{ lr = 3 }]\n").find("each is a table with a config"),
            std::string::npos);
  fs::create_directory(home_ / "empty");
  EXPECT_NE(error("warm_start = \"empty\"\n").find("neither a study nor a Ray Tune experiment"),
            std::string::npos);
}

TEST_F(WarmStart, WithASearcherThatLearnsNothingIsNoted) {
  write(home_ / "j.log", kJournal);
  write(home_ / "random.toml",
        std::string(kStudy).replace(std::string(kStudy).find("\"tpe\""), 5, "\"random\"") +
            "warm_start = \"j.log\"\n");
  const auto spec = read_study(home_ / "random.toml", {}, home_ / "studies");
  ASSERT_TRUE(spec.ok());
  std::string notes;
  for (const std::string& note : spec->notes) notes += note + "\n";
  EXPECT_NE(notes.find("has no effect: random learns nothing"), std::string::npos) << notes;
}

TEST_F(WarmStart, OfVeryManyTrialsEvenlyManyOfAllRanksAreTakenAndTheBest) {
  std::string journal = kJournal.substr(0, kJournal.find('\n') + 1);
  for (int i = 0; i < 2500; ++i)
    journal += "{\"op_code\":4,\"study_id\":0,\"datetime_start\":null,\"state\":1,\"value\":" +
               std::to_string(2500 - i) +
               ",\"distributions\":{\"layers\":\"{\\\"name\\\": \\\"IntDistribution\\\", "
               "\\\"attributes\\\": {}}\"},\"params\":{\"layers\":2}}\n";
  write(home_ / "j.log", journal);
  const auto spec = read("warm_start = \"j.log\"\n");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_EQ(spec->space.known.size(), kMostKnown);
  EXPECT_EQ(spec->space.known.back().value, 1);
  EXPECT_EQ(spec->space.known[0].value, 2498);
}

}  // namespace
}  // namespace clavier::app
