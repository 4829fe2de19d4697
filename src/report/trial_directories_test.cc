#include "report/trial_directories.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <fstream>
#include <functional>

#include "base/rng.h"
#include "tests/support/scratch_directory.h"

namespace clavier::report {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Every file of a study's folder with its content, the marker left out.
std::map<std::string, std::string> tree(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& each : fs::recursive_directory_iterator(folder))
    if (each.is_regular_file() && each.path().filename() != TrialDirectories::kMarker)
      files[fs::relative(each.path(), folder).string()] = content(each.path());
  return files;
}

std::int64_t lines(const std::string& text) { return std::ranges::count(text, '\n'); }

/// A study of four trials with a pause, a failure, an exploit, a second run and late reports.
class Script {
 public:
  Script() {
    open(1'700'000'000'000'000);
    Node node{.id = {0}, .host = "alpha", .slots = {{.id = {0}, .node = {0}}}};
    node.slots.push_back({.id = {1}, .node = {0}});
    add(Signal(NodeJoined{node}));
    for (int i = 0; i < 4; ++i) create(i);
    for (int i = 0; i < 4; ++i) launch(i, i, 1, i % 2);
    for (int step = 1; step <= 5; ++step)
      for (int i = 0; i < 4; ++i) report(i, i, step);
    decide(report(0, 0, 6), {Stop{{0}}, "bad"});
    report(0, 0, 7).turn.late = true;
    add(Signal(Exited{.trial = {0}, .launch = {0}, .kind = ExitKind::kStopped}));
    add(Signal(Exited{.trial = {1},
                      .launch = {1},
                      .kind = ExitKind::kFailed,
                      .error = "RuntimeError: NaN",
                      .log_tail = "Traceback\n  line 3"}));
    launch(1, 4, 2, 0);
    report(1, 4, 4);
    Config config;
    config.set("lr", 0.5);
    decide(report(2, 2, 6), {Exploit{.trial = {2}, .donor = {{3}, {3}, 5, "c"}, .config = config}});
    report(2, 2, 7);
    open(1'700'000'900'000'000);
    launch(3, 5, 2, 1);
    for (int step = 6; step <= 8; ++step) report(3, 5, step);
    decide(report(3, 5, 9), {Complete{{3}}});
  }

  const std::vector<Step>& steps() const { return steps_; }

  /// Shows the observer what it lacks up to `end`. Answers the first step that it asked for.
  std::int64_t show(TrialDirectories& observer, std::size_t end) const {
    const auto from = observer.resume();
    EXPECT_TRUE(from.ok());
    State state({"loss", Mode::kMin}, {.max_failures = 3});
    for (std::size_t i = 0; i < end; ++i) {
      state.apply(steps_[i]);
      if (steps_[i].turn.id < *from) continue;
      const Status shown = observer.on_step(steps_[i], state);
      EXPECT_TRUE(shown.ok()) << shown.error().message;
    }
    if (end < steps_.size()) return from->value;
    EXPECT_TRUE(observer.finish(state).ok());
    return from->value;
  }

 private:
  Step& add(Input input) {
    Step step;
    step.turn.id = {static_cast<std::int64_t>(steps_.size())};
    step.turn.time = study_time(static_cast<std::int64_t>(steps_.size()) * 300'000);
    step.turn.input = std::move(input);
    return steps_.emplace_back(std::move(step));
  }
  void open(std::int64_t utc_us) { add(Opened{.utc_us = utc_us}); }
  void create(int trial) {
    Config config;
    config.set("lr", 0.1 * trial);
    config.set("optimizer.name", trial == 1 ? Value(NAN) : Value("sgd"));
    steps_.back().fill.created.push_back(
        {.id = {trial}, .config = config, .directory = "trial_" + std::to_string(trial)});
  }
  void launch(int trial, int id, int attempt, int slot) {
    Launch launch{.id = {id}, .members = {{.trial = {trial}, .attempt = attempt}}};
    launch.shares = {{{slot}, 1}};
    steps_.back().fill.launches.push_back(launch);
  }
  Step& report(int trial, int launch, int step) {
    Report report{.trial = {trial}, .launch = {launch}, .step = step, .value = 1.0 / step};
    report.seconds = 0.25;
    report.metrics = {{"loss", 1.0 / step}, {"accuracy", 0.5}};
    if (step == 3) report.metrics.push_back({"late_metric", 1});
    if (step == 5) report.checkpoint = {{trial}, {launch}, step, "a/b/checkpoint_000005"};
    return add(Signal(Reported{{std::move(report)}}));
  }
  static void decide(Step& step, Decision decision) {
    step.turn.decisions.push_back(std::move(decision));
  }

  std::vector<Step> steps_;
};

class TrialDirectoriesTest : public testing::Test {
 protected:
  TrialDirectories observer(const fs::path& folder) {
    fs::create_directories(folder);
    return TrialDirectories(
        {.folder = folder, .study_name = "mnist", .warn = [this](const std::string& line) {
           warnings_.push_back(line);
         }});
  }
  std::map<std::string, std::string> uninterrupted() {
    TrialDirectories whole = observer(scratch_ / "whole");
    EXPECT_EQ(script_.show(whole, script_.steps().size()), 0);
    return tree(scratch_ / "whole");
  }
  Script script_;
  ScratchDirectory scratch_;
  std::vector<std::string> warnings_;
};

TEST_F(TrialDirectoriesTest, WritesRaysLayout) {
  auto files = uninterrupted();
  EXPECT_EQ(files["trial_1/params.json"],
            "{\n  \"lr\": 0.1,\n  \"optimizer\": {\n    \"name\": NaN\n  }\n}");
  EXPECT_EQ(lines(files["trial_0/result.json"]), 6);
  std::stringstream taker(files["trial_2/result.json"]);
  for (std::string line; std::getline(taker, line);)
    EXPECT_EQ(line.find("\"lr\": 0.5") != line.npos,
              line.find("\"training_iteration\": 7,") != line.npos)
        << "the step at which it was told to take over was made with the configuration before";
  EXPECT_EQ(lines(files["trial_0/progress.csv"]), 7);
  EXPECT_TRUE(files["trial_0/progress.csv"].starts_with("loss,accuracy,timestamp,"));
  EXPECT_FALSE(files.contains("trial_0/error.txt"));
  EXPECT_EQ(files["trial_1/error.txt"],
            "Failure # 1 (occurred at 2023-11-14_22-13-27)\nRuntimeError: NaN\nTraceback\n"
            "  line 3\n");
  EXPECT_EQ(files["trial_2/params.json"], "{\n  \"lr\": 0.5\n}");
  const auto last = [&](const std::string& name) {
    const fs::path file = scratch_ / "whole" / name;
    return Json::parse(last_line(Folder::open(file.parent_path()).value(), "result.json")).value();
  };
  const Json stopped = last("trial_0/result.json");
  EXPECT_EQ(*stopped.find("done")->as<bool>(), true);
  EXPECT_EQ(*stopped.find("hostname")->as<std::string>(), "alpha");
  const Json restarted = last("trial_1/result.json");
  EXPECT_EQ(*restarted.find("time_total_s")->number(), 1.5);
  EXPECT_EQ(*restarted.find("time_since_restore")->number(), 0.25);
  EXPECT_EQ(*restarted.find("iterations_since_restore")->as<std::int64_t>(), 1);
  EXPECT_EQ(*last("trial_2/result.json").find("config")->find("lr")->number(), 0.5);
  const Json second_run = last("trial_3/result.json");
  EXPECT_EQ(*second_run.find("time_total_s")->number(), 2.25);
  EXPECT_EQ(*second_run.find("done")->as<bool>(), true);
  EXPECT_EQ(*second_run.find("timestamp")->as<std::int64_t>(), 1'700'000'901);
}

TEST_F(TrialDirectoriesTest, AnyInterruptionLeavesTheSameFilesInTheEnd) {
  const auto whole = uninterrupted();
  const fs::path folder = scratch_ / "cut";
  for (std::size_t cut = 0; cut <= script_.steps().size(); cut += 2) {
    fs::remove_all(folder);
    TrialDirectories first = observer(folder);
    script_.show(first, cut);
    TrialDirectories second = observer(folder);
    script_.show(second, cut / 2 + script_.steps().size() / 2);
    TrialDirectories third = observer(folder);
    script_.show(third, script_.steps().size());
    ASSERT_EQ(tree(folder), whole) << cut;
  }
}

TEST_F(TrialDirectoriesTest, ATornBatchIsMadeAgain) {
  const auto whole = uninterrupted();
  const fs::path folder = scratch_ / "torn";
  Rng rng(41);
  for (std::size_t cut = 4; cut < script_.steps().size(); cut += 2) {
    fs::remove_all(folder);
    TrialDirectories first = observer(folder);
    script_.show(first, cut);
    // Killed in the middle of its last batch: any part of what came after the marker may lack.
    const auto marker = Json::parse(content(folder / TrialDirectories::kMarker));
    if (!marker.ok()) continue;
    for (const Json& each : *marker->find("files")->as<Json::List>()) {
      const auto& entry = *each.as<Json::List>();
      const char* names[] = {"result.json", "progress.csv", "error.txt"};
      for (std::size_t i = 0; i < 3; ++i) {
        const fs::path file = folder / *entry[0].as<std::string>() / names[i];
        const auto size = static_cast<std::uintmax_t>(*entry[i + 1].as<std::int64_t>());
        if (!fs::exists(file)) continue;
        fs::resize_file(file, size + rng.below(fs::file_size(file) - size + 1));
      }
    }
    TrialDirectories second = observer(folder);
    script_.show(second, script_.steps().size());
    ASSERT_EQ(tree(folder), whole) << cut;
  }
}

TEST_F(TrialDirectoriesTest, LostDataOrALostMarkerMakesEverythingAgain) {
  const auto whole = uninterrupted();
  const fs::path folder = scratch_ / "whole";
  const std::string marker = content(folder / TrialDirectories::kMarker);
  for (const std::string& damaged :
       {std::string(), marker.substr(0, marker.size() / 2), std::string("{}"),
        std::string(R"({"knowledge": {"step": 5}, "files": []})"),
        std::string(R"({"knowledge": {}, "files": [["trial_0", 99999999, 0, 0]]})"),
        std::string(R"({"knowledge": {}, "files": [["../whole", 0, 0, 0]]})")}) {
    std::ofstream(folder / TrialDirectories::kMarker) << damaged;
    TrialDirectories again = observer(folder);
    EXPECT_EQ(script_.show(again, script_.steps().size()), 0);
    EXPECT_EQ(tree(folder), whole);
  }
}

TEST_F(TrialDirectoriesTest, AFolderThatWasDeletedIsMadeAgain) {
  const auto whole = uninterrupted();
  fs::remove_all(scratch_ / "whole" / "trial_1");
  TrialDirectories again = observer(scratch_ / "whole");
  EXPECT_EQ(script_.show(again, script_.steps().size()), 0);
  EXPECT_EQ(tree(scratch_ / "whole"), whole);
}

TEST_F(TrialDirectoriesTest, WhatCannotBeUsedLeavesOutItsTrialOnlyAndIsMadeAgainLater) {
  const auto whole = uninterrupted();
  const ScratchDirectory outside;
  std::ofstream(outside / "precious") << "text";
  const auto others = [](std::map<std::string, std::string> files) {
    std::erase_if(files, [](const auto& each) { return each.first.starts_with("trial_1"); });
    return files;
  };
  const fs::path folder = scratch_ / "odd", file = folder / "trial_1" / "progress.csv";
  const std::vector<std::function<void()>> faults = {
      [&] { fs::create_directories(file / "inner"); },
      [&] { fs::create_symlink(outside / "precious", file); },
      [&] { ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0); },
      [&] {
        fs::remove_all(folder / "trial_1");
        fs::create_directory_symlink(outside.path(), folder / "trial_1");
      },
      [&] {
        fs::remove_all(folder / "trial_1");
        std::ofstream(folder / "trial_1") << "a file";
      }};
  for (const auto& fault : faults) {
    fs::remove_all(folder);
    TrialDirectories first = observer(folder);
    script_.show(first, script_.steps().size() / 2);
    fs::remove_all(file);
    fault();
    warnings_.clear();
    // It cuts the others back and goes on, or makes all of them again.
    TrialDirectories second = observer(folder);
    script_.show(second, script_.steps().size());
    EXPECT_LE(warnings_.size(), 1u);
    EXPECT_EQ(others(tree(folder)), others(whole));
    EXPECT_EQ(content(outside / "precious"), "text");
    EXPECT_EQ(std::distance(fs::directory_iterator(outside.path()), {}), 1);
    fs::remove_all(folder / "trial_1");
    TrialDirectories third = observer(folder);
    EXPECT_EQ(script_.show(third, script_.steps().size()), 0);
    EXPECT_EQ(tree(folder), whole);
  }
}

TEST_F(TrialDirectoriesTest, AFinishedStudyAsksForNothing) {
  uninterrupted();
  TrialDirectories again = observer(scratch_ / "whole");
  EXPECT_EQ(script_.show(again, script_.steps().size()),
            static_cast<std::int64_t>(script_.steps().size()));
}

TEST_F(TrialDirectoriesTest, ALogThatStartsAnewReplacesTheFiles) {
  const auto whole = uninterrupted();
  TrialDirectories again = observer(scratch_ / "whole");
  ASSERT_TRUE(again.resume().ok());
  State state({"loss", Mode::kMin}, {.max_failures = 3});
  for (const Step& step : script_.steps()) {
    state.apply(step);
    ASSERT_TRUE(again.on_step(step, state).ok());
  }
  ASSERT_TRUE(again.finish(state).ok());
  EXPECT_EQ(tree(scratch_ / "whole"), whole);
}

TEST_F(TrialDirectoriesTest, ADirectoryOutsideTheStudyIsRefused) {
  TrialDirectories watched = observer(scratch_.path());
  State state({"loss", Mode::kMin}, {});
  Step step;
  step.turn.id = {0};
  step.turn.input = Opened{};
  step.fill.created.push_back({.id = {0}, .config = {}, .directory = "../elsewhere"});
  step.fill.launches.push_back({.id = {0}, .members = {{.trial = {0}}}, .shares = {{{0}, 1}}});
  state.apply(step);
  EXPECT_EQ(watched.on_step(step, state).error().code, ErrorCode::kInvalid);
}

TEST_F(TrialDirectoriesTest, AFolderThatCannotBeWrittenIsNamed) {
  TrialDirectories lost({.folder = scratch_ / "gone", .study_name = "mnist"});
  ASSERT_TRUE(lost.resume().ok());
  State state({"loss", Mode::kMin}, {});
  Status status = ok_status();
  for (const Step& step : script_.steps()) {
    state.apply(step);
    if (status = lost.on_step(step, state); !status.ok()) break;
  }
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_NE(status.error().message.find("gone"), std::string::npos);
}

TEST(LastLine, FindsItInFilesOfAnyLength) {
  const ScratchDirectory scratch;
  const fs::path file = scratch / "f";
  const Folder folder = Folder::open(scratch.path()).value();
  EXPECT_EQ(last_line(folder, "f"), "");
  for (const std::size_t length : {0u, 1u, 4094u, 4095u, 4096u, 4097u, 70'000u}) {
    const std::string line(length, 'x');
    std::ofstream(file) << line << '\n';
    EXPECT_EQ(last_line(folder, "f"), line);
    std::ofstream(file) << "first\n" << line << '\n';
    EXPECT_EQ(last_line(folder, "f"), line);
    EXPECT_EQ(first_record(folder, "f"), "first");
  }
  std::ofstream(file) << "\"a\r\nb\",c\r\n1,2\r\n";
  EXPECT_EQ(first_record(folder, "f"), "\"a\r\nb\",c");
}

}  // namespace
}  // namespace clavier::report
