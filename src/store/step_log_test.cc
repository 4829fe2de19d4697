#include "store/step_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <fstream>

#include "store/sqlite.h"
#include "store/study_lock.h"
#include "tests/support/scratch_directory.h"
#include "tests/support/step_log_fixtures.h"

namespace clavier::store {
namespace {

enum class Kind { kFile, kMemory };

class StepLogContract : public testing::TestWithParam<Kind> {
 protected:
  StepLog make() {
    if (GetParam() == Kind::kMemory) return StepLog::in_memory(kOptions).value();
    return StepLog::open(scratch_ / "study.db", kOptions).value();
  }
  ScratchDirectory scratch_;
};

INSTANTIATE_TEST_SUITE_P(, StepLogContract, testing::Values(Kind::kFile, Kind::kMemory),
                         [](const auto& kind) {
                           return kind.param == Kind::kFile ? "File" : "Memory";
                         });

TEST_P(StepLogContract, AnEmptyLogHasNoLastStep) {
  const StepLog log = make();
  EXPECT_FALSE(log.last().valid());
  EXPECT_TRUE(read_all(log).empty());
}

TEST_P(StepLogContract, ReadsBackEveryKindOfStepInOrder) {
  StepLog log = make();
  const std::vector<Step> steps = random_steps(11, 1500);
  append_in_batches(log, steps);
  EXPECT_EQ(log.last().value, 1499);
  const std::vector<Step> back = read_all(log);
  ASSERT_EQ(back.size(), steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(back[i], steps[i]) << i;
}

TEST_P(StepLogContract, ReadsFromAnyStep) {
  StepLog log = make();
  const std::vector<Step> steps = random_steps(12, 1200);
  append_in_batches(log, steps);
  for (const std::int64_t from : {-1, 0, 1, 511, 512, 513, 1199, 1200, 5000}) {
    const auto expected = std::max<std::int64_t>(0, 1200 - std::max<std::int64_t>(from, 0));
    const std::vector<Step> back = read_all(log, Metrics::kParse, {from});
    EXPECT_EQ(static_cast<std::int64_t>(back.size()), expected);
    if (!back.empty()) {
      EXPECT_EQ(back.front().turn.id.value, std::max<std::int64_t>(from, 0));
    }
  }
}

TEST_P(StepLogContract, SkimmingLeavesOutTheMetricsAndNothingElse) {
  StepLog log = make();
  std::vector<Step> steps = random_steps(13, 400);
  append_in_batches(log, steps);
  for (Step& step : steps)
    if (auto* reported = reported_of(step))
      for (Report& report : reported->reports) report.metrics.clear();
  EXPECT_EQ(read_all(log, Metrics::kSkip), steps);
}

TEST_P(StepLogContract, TheVisitorCanStopAndMayAppend) {
  StepLog log = make();
  const std::vector<Step> steps = random_steps(14, 30);
  append_in_batches(log, std::span(steps).first(20));
  int seen = 0;
  const Status stopped = log.read({0}, Metrics::kParse, [&](const Step& step) -> Status {
    if (step.turn.id.value == 3) append_in_batches(log, std::span(steps).subspan(20));
    if (++seen == 10) return invalid("enough");
    return ok_status();
  });
  EXPECT_EQ(stopped.error().message, "enough");
  EXPECT_EQ(seen, 10);
  EXPECT_EQ(read_all(log), steps);
}

TEST_P(StepLogContract, NumbersThatSqliteDoesNotKeepSurvive) {
  StepLog log = make();
  std::vector<Step> steps;
  for (const double value :
       {double{NAN}, double{INFINITY}, -double{INFINITY}, -0.0, 0.0, 1.0, 5e-324})
    for (const bool named : {true, false}) {
      Report report{.trial = {1}, .launch = {2}, .step = 3, .value = value, .seconds = value};
      report.metrics = {{"a", value}, {named ? "loss" : "other", value}, {"z", 0.5}};
      steps.push_back(report_step(static_cast<std::int64_t>(steps.size()), report));
    }
  append_in_batches(log, steps);
  const std::vector<Step> back = read_all(log, Metrics::kParse);
  ASSERT_EQ(back.size(), steps.size());
  const auto same_bits = [](double a, double b) {
    return (std::isnan(a) && std::isnan(b)) ||
           std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Report& a = *report_of(back[i]);
    const Report& b = *report_of(steps[i]);
    EXPECT_TRUE(a.value && same_bits(*a.value, *b.value)) << i;
    EXPECT_TRUE(same_bits(a.seconds, b.seconds)) << i;
    EXPECT_EQ(a.metrics, b.metrics) << i;
  }
}

TEST_P(StepLogContract, APlainContinueKeepsItsStep) {
  StepLog log = make();
  std::vector<Step> steps;
  const auto add = [&](std::vector<Decision> decisions) {
    Report report{.trial = {7}, .launch = {2}, .step = 3, .value = 0.5};
    report.metrics = {{"loss", 0.5}};
    steps.push_back(report_step(static_cast<std::int64_t>(steps.size()), report));
    steps.back().turn.decisions = std::move(decisions);
  };
  add({});
  add({{Continue{{7}, 9}}});
  add({{Continue{{7}, kForever}}});
  add({{Continue{{7}, -4}}});
  add({{Continue{{8}, 9}}});
  add({{Continue{{7}, 9}, "rung 3"}});
  add({{Continue{{7}, 9}}, {Stop{{7}}, "bad"}});
  append_in_batches(log, steps);
  EXPECT_EQ(read_all(log), steps);
}

TEST(NoLog, CountsAndForgets) {
  StepLog log = StepLog::none();
  const std::vector<Step> steps = random_steps(15, 8);
  append_in_batches(log, steps);
  EXPECT_EQ(log.last().value, 7);
  EXPECT_TRUE(read_all(log).empty());
}

/// Somebody who may look into a directory and write nothing there; root becomes somebody else.
class AsStranger {
 public:
  explicit AsStranger(const std::filesystem::path& directory) : directory_(directory) {
    std::filesystem::permissions(directory, std::filesystem::perms(0555));
    EXPECT_TRUE(user_ != 0 || ::seteuid(65534) == 0);
  }
  AsStranger(const AsStranger&) = delete;
  AsStranger& operator=(const AsStranger&) = delete;
  ~AsStranger() {
    EXPECT_EQ(::seteuid(user_), 0);
    std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  }

 private:
  uid_t user_ = ::geteuid();
  std::filesystem::path directory_;
};

class StepLogFile : public testing::Test {
 protected:
  std::filesystem::path file() const { return scratch_ / "study.db"; }
  void write(std::string_view content) const { std::ofstream(file()) << content; }
  Database database() { return Database::open(file(), Database::Access::kWrite).value(); }
  ScratchDirectory scratch_, copy_;
};

TEST_F(StepLogFile, GoesOnAfterReopening) {
  const std::vector<Step> steps = random_steps(21, 100);
  append_in_batches(*StepLog::open(file(), kOptions), std::span(steps).first(40));
  StepLog log = StepLog::open(file(), kOptions).value();
  EXPECT_EQ(log.last().value, 39);
  append_in_batches(log, std::span(steps).subspan(40));
  EXPECT_EQ(read_all(log), steps);
}

TEST_F(StepLogFile, WorksWithoutSharedMemoryBetweenProcesses) {
  const std::vector<Step> steps = random_steps(25, 40);
  append_in_batches(*StepLog::open(file(), kOptions), std::span(steps).first(10));
  StepLog log = StepLog::open(file(), {.rollback_journal = true, .metric = "loss"}).value();
  EXPECT_EQ(database().text("PRAGMA journal_mode").value(), "delete");
  append_in_batches(log, std::span(steps).subspan(10, 20));
  EXPECT_FALSE(std::filesystem::exists(file().string() + "-wal"));
  const StepLog reader = StepLog::open_to_read(file()).value();
  append_in_batches(log, std::span(steps).subspan(30));
  EXPECT_EQ(read_all(reader), steps);
}

TEST_F(StepLogFile, APlainReportTakesNoJson) {
  Report report{.trial = {7}, .launch = {2}, .step = 3, .value = 0.5, .seconds = 0.25};
  report.metrics = {{"a", 1.5}, {"loss", 0.5}, {"b", NAN}};
  Step step = report_step(0, report);
  step.turn.decisions = {{Continue{{7}, 9}}};
  ASSERT_TRUE(StepLog::open(file(), kOptions)->append({&step, 1}).ok());
  Database db = database();
  EXPECT_EQ(db.text("SELECT json_array(id, time_us, kind, trial, launch, iteration, value, seconds,"
                    " metrics, decisions, body) FROM step")
                .value(),
            R"json([0,0,"report",7,2,3,0.5,0.25," {\"a\": 1.5, \"b\": NaN}","9",null])json");
}

TEST_F(StepLogFile, AReaderFollowsTheWriter) {
  const std::vector<Step> steps = random_steps(22, 60);
  StepLog writer = StepLog::open(file(), kOptions).value();
  const StepLog reader = StepLog::open_to_read(file()).value();
  EXPECT_FALSE(reader.last().valid());
  append_in_batches(writer, std::span(steps).first(10));
  EXPECT_EQ(reader.last().value, 9);
  std::vector<Step> seen;
  ASSERT_TRUE(reader
                  .read({0}, Metrics::kParse,
                        [&](const Step& step) {
                          if (seen.empty()) append_in_batches(writer, std::span(steps).subspan(10));
                          seen.push_back(step);
                          return ok_status();
                        })
                  .ok());
  EXPECT_EQ(seen, steps);
  EXPECT_EQ(reader.last().value, 59);
}

TEST_F(StepLogFile, ASecondWriterIsTurnedAwayByTheNameOfTheFirst) {
  auto first = StepLog::open(file(), kOptions);
  ASSERT_TRUE(first.ok());
  const auto second = StepLog::open(file(), kOptions);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().message;
  { StepLog gone = std::move(first).value(); }
  EXPECT_TRUE(StepLog::open(file(), kOptions).ok());
}

TEST_F(StepLogFile, ForeignFilesAreRefusedByNameAndLeftAlone) {
  const std::string text = "name = \"mnist\"\n[space]\nlr = 0.1\n" + std::string(5000, '#');
  write(text);
  for (const auto& opened : {StepLog::open(file(), kOptions), StepLog::open_to_read(file())}) {
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(opened.error().message.find(file().string()), std::string::npos);
  }
  std::ifstream stream(file());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), text);
}

TEST_F(StepLogFile, AnotherProgramsDatabaseIsRefusedAndLeftAlone) {
  ASSERT_TRUE(database().run("CREATE TABLE trials(x)").ok());
  const auto opened = StepLog::open(file(), kOptions);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(database().text("PRAGMA journal_mode").value(), "delete");
}

TEST_F(StepLogFile, ANewerVersionIsRefusedClearly) {
  ASSERT_TRUE(StepLog::open(file(), kOptions).ok());
  ASSERT_TRUE(database().run("PRAGMA user_version = 2").ok());
  for (const auto& opened : {StepLog::open(file(), kOptions), StepLog::open_to_read(file())}) {
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
    EXPECT_NE(opened.error().message.find("update Clavier"), std::string::npos);
  }
}

TEST_F(StepLogFile, TheMetricCannotChangeOnceThereAreSteps) {
  const std::vector<Step> steps = random_steps(23, 1);
  ASSERT_TRUE(StepLog::open(file(), {.metric = "other"}).ok());
  ASSERT_TRUE(StepLog::open(file(), kOptions)->append(steps).ok());
  const auto other = StepLog::open(file(), {.metric = "other"});
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find("\"loss\""), std::string::npos);
}

TEST_F(StepLogFile, WhatIsNotThereCannotBeRead) {
  EXPECT_EQ(StepLog::open_to_read(file()).error().code, ErrorCode::kNotFound);
  write("");
  EXPECT_EQ(StepLog::open_to_read(file()).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(StepLog::open(file(), kOptions).ok());
  EXPECT_EQ(StepLog::open(scratch_ / "none" / "study.db", kOptions).error().code, ErrorCode::kIo);
}

TEST_F(StepLogFile, AnEmptyLogOfAStudyThatWasBegunIsRefusedAndLeftAlone) {
  const LogOptions begun{.metric = "loss", .begun = true};
  const auto refused = [&] { return StepLog::open(file(), begun).error().code; };
  write("");
  EXPECT_EQ(refused(), ErrorCode::kCorrupt);
  EXPECT_EQ(std::filesystem::file_size(file()), 0u);
  write("x");
  EXPECT_EQ(refused(), ErrorCode::kCorrupt);
  EXPECT_EQ(StepLog::open(file(), kOptions).error().code, ErrorCode::kCorrupt);
  write("");
  // As a killed process leaves it: everything is in the WAL.
  const std::vector<Step> steps = random_steps(3, 5);
  const auto copy = scratch_ / "copy.db";
  {
    StepLog log = StepLog::open(file(), kOptions).value();
    ASSERT_TRUE(log.append(steps).ok());
    EXPECT_TRUE(StepLog::exists(file()));
    std::filesystem::copy(file(), copy);
    std::filesystem::copy(file().string() + "-wal", copy.string() + "-wal");
  }
  std::filesystem::remove(file());
  std::filesystem::rename(copy, file());
  EXPECT_EQ(refused(), ErrorCode::kCorrupt);
  EXPECT_FALSE(StepLog::exists(file()));
  std::filesystem::rename(copy.string() + "-wal", file().string() + "-wal");
  EXPECT_TRUE(StepLog::exists(file()));
  // Opened once, it no longer depends on it.
  {
    const StepLog log = StepLog::open(file(), begun).value();
    std::filesystem::copy(file(), copy);
  }
  EXPECT_EQ(read_all(*StepLog::open_to_read(copy)), steps);
}

TEST_F(StepLogFile, IsToldFromOtherFilesByItsHeader) {
  ASSERT_TRUE(StepLog::open(file(), kOptions).ok());
  EXPECT_TRUE(StepLog::exists(file()));
  std::filesystem::create_symlink(file(), scratch_ / "link.db");
  EXPECT_FALSE(StepLog::exists(scratch_ / "link.db"));
  EXPECT_EQ(StepLog::open_to_read(scratch_ / "link.db").error().code, ErrorCode::kCorrupt);
  std::filesystem::remove(file());
  ASSERT_TRUE(database().run("CREATE TABLE trials(x)").ok());
  EXPECT_FALSE(StepLog::exists(file()));
  write(std::string(5000, 'x'));
  EXPECT_FALSE(StepLog::exists(file()));
  EXPECT_FALSE(StepLog::exists(scratch_ / "none"));
}

TEST_F(StepLogFile, CanBeReadWhereNothingMayBeWritten) {
  const std::vector<Step> steps = random_steps(4, 40);
  ASSERT_TRUE(StepLog::open(file(), kOptions)->append(steps).ok());
  const AsStranger stranger(scratch_.path());
  EXPECT_EQ(read_all(*StepLog::open_to_read(file())), steps);
  EXPECT_NE(StepLog::open(file(), kOptions).error().message.find("Permission denied"),
            std::string::npos);
}

TEST_F(StepLogFile, AWalWhereNothingMayBeWrittenIsNamed) {
  StepLog log = StepLog::open(file(), kOptions).value();
  ASSERT_TRUE(log.append(random_steps(4, 40)).ok());
  for (const char* name : {"study.db", "study.db-wal"})
    std::filesystem::copy(scratch_ / name, copy_ / name);
  const AsStranger stranger(copy_.path());
  const auto reader = StepLog::open_to_read(copy_ / "study.db");
  ASSERT_FALSE(reader.ok());
  EXPECT_NE(reader.error().message.find("study.db-wal"), std::string::npos);
}

TEST_F(StepLogFile, TheLockTellsWhetherItIsWritten) {
  const auto lock = scratch_ / "study.db.lock";
  EXPECT_FALSE(StudyLock::is_held(lock));
  {
    const StepLog log = StepLog::open(file(), kOptions).value();
    EXPECT_TRUE(StudyLock::is_held(lock));
  }
  EXPECT_FALSE(StudyLock::is_held(lock));
}

TEST_F(StepLogFile, AMinuteOfStudyTimeIsCopiedOutOfTheWalAtTheLatest) {
  StepLog log = StepLog::open(file(), kOptions).value();
  const std::string config(300'000, 'x');
  for (std::int64_t i = 0; i < 10; ++i) {
    Step step{
        .turn = {.id = {i}, .time = study_time(i * 10'000'000), .input = Opened{.study = config}},
        .fill = {}};
    ASSERT_TRUE(log.append({&step, 1}).ok());
  }
  EXPECT_GT(std::filesystem::file_size(file()), 1'500'000u);
}

TEST_F(StepLogFile, DamagedRowsAreNamed) {
  const std::vector<Step> steps = random_steps(24, 20);
  append_in_batches(*StepLog::open(file(), kOptions), steps);
  const auto error_after = [&](const char* damage) {
    EXPECT_TRUE(database().run(damage).ok());
    const StepLog reader = StepLog::open_to_read(file()).value();
    const Status read = reader.read({0}, Metrics::kParse, [](const Step&) { return ok_status(); });
    EXPECT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    return read.error().message;
  };
  EXPECT_NE(error_after("UPDATE step SET decisions = '[{]' WHERE id = 15").find("step 15 cannot"),
            std::string::npos);
  EXPECT_NE(error_after("UPDATE step SET body = '[1]' WHERE id = 13").find("step 13 cannot"),
            std::string::npos);
  EXPECT_NE(error_after("UPDATE step SET kind = 'dream' WHERE id = 11").find("\"dream\""),
            std::string::npos);
  EXPECT_NE(error_after("DELETE FROM step WHERE id = 9").find("step 9 is missing"),
            std::string::npos);
}

TEST_F(StepLogFile, TheWalIsStartedAnewWhenItIsLong) {
  constexpr std::int64_t kLimit = 100'000;
  StepLog log = StepLog::open(file(), {.metric = "loss", .wal_limit_bytes = kLimit}).value();
  const auto wal_bytes = [&] {
    return static_cast<std::int64_t>(std::filesystem::file_size(file().string() + "-wal"));
  };
  std::int64_t next = 0;
  const auto append = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Step step = report_step(next++, Report{.trial = {0}, .launch = {0}, .value = 0.5});
      ASSERT_TRUE(log.append({&step, 1}).ok());
    }
  };
  append(100);
  EXPECT_LT(wal_bytes(), kLimit + 10'000);
  {
    // A reader in the middle of a transaction delays it and stops nothing.
    Database reader = database();
    ASSERT_TRUE(reader.run("BEGIN; SELECT max(id) FROM step").ok());
    append(60);
    EXPECT_GT(wal_bytes(), kLimit + 50'000);
    ASSERT_TRUE(reader.run("COMMIT").ok());
  }
  append(30);
  const std::int64_t grown = wal_bytes();
  append(100);
  EXPECT_EQ(wal_bytes(), grown);
  EXPECT_EQ(read_all(log).size(), 290u);
}

TEST_F(StepLogFile, TheViewsAnswerInPlainSql) {
  std::vector<Step> steps;
  const auto add = [&]() -> Step& {
    Step step;
    step.turn.id = {static_cast<std::int64_t>(steps.size())};
    step.turn.time = study_time(1'500'000);
    step.turn.input = Signal(Deadline{});
    return steps.emplace_back(std::move(step));
  };
  Config config;
  config.set("optimizer.lr", 0.1);
  config.set("clip", INFINITY);
  add().fill.created = {{.id = {0}, .config = config, .directory = "d0"},
                        {.id = {1}, .config = config, .directory = "d1"}};
  Report first{.trial = {0}, .launch = {0}, .step = 1, .value = 0.5, .seconds = 2};
  first.metrics = {{"loss", 0.5}, {"accuracy", 0.9}};
  Report second{.trial = {1}, .launch = {0}, .step = 1, .value = NAN, .seconds = 2};
  second.metrics = {{"loss", NAN}, {"accuracy", 0.1}};
  add().turn.input = Signal(Reported{{first}});
  steps.back().turn.decisions = {{Continue{{0}, 3}}};
  add().turn.input = Signal(Reported{{second}});
  steps.back().turn.decisions = {{Stop{{1}}, "0.1 is \"bad\""}};
  first.step = second.step = 2;
  add().turn.input = Signal(Reported{{first, second}});
  first.step = 3;
  first.value = -INFINITY;
  add().turn.input = Signal(Reported{{first}});
  first.value = 0.25;
  add().turn.input = Signal(Reported{{first}});
  steps.back().turn.late = true;
  add().turn.input = Signal(Exited{.trial = {1}, .launch = {0}, .kind = ExitKind::kStopped});
  append_in_batches(*StepLog::open(file(), kOptions), steps);

  Database db = database();
  const auto rows = [&](const std::string& query) {
    auto text = db.text(("SELECT json_group_array(json(row)) FROM (" + query + ")").c_str());
    return text.ok() ? *text : text.error().message;
  };
  EXPECT_EQ(rows("SELECT json_array(step, time_s, trial, iteration, value, metrics ->> 'accuracy',"
                 " late) AS row FROM report WHERE step <> 4 ORDER BY step, trial"),
            "[[1,1.5,0,1,0.5,0.9,0],[2,1.5,1,1,null,0.1,0],[3,1.5,0,2,0.5,0.9,0],"
            "[3,1.5,1,2,null,0.1,0],[5,1.5,0,3,0.25,0.9,1]]");
  EXPECT_EQ(rows("SELECT json_array(step, action, trial, until, reason) AS row FROM decision"),
            R"([[1,"continue",0,3,null],[2,"stop",1,null,"0.1 is \"bad\""]])");
  EXPECT_EQ(
      rows("SELECT json_array(id, directory, config ->> '$.\"optimizer.lr\"', reports, min_value,"
           " seconds, exit) AS row FROM trial"),
      R"([[0,"d0",0.1,3,0.5,6.0,null],[1,"d1",0.1,2,null,4.0,"stopped"]])");
}

}  // namespace
}  // namespace clavier::store
