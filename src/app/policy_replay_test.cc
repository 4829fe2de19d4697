#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "app/policy_files.h"
#include "app/simulate_study.h"
#include "app/study_file.h"
#include "app/study_folder.h"
#include "store/step_log.h"
#include "study/directory_name.h"
#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {
namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A population in virtual time, its log and its policy files; and replays of it.
class PolicyReplayTest : public testing::Test {
 protected:
  static constexpr const char* kSpace =
      "[space]\nlr = { loguniform = [1e-4, 1e-1] }\n"
      "optimizer = { choice = [\"sgd #1\", \"adam\"] }\n"
      "momentum = { uniform = [0, 1], when = { optimizer = \"sgd #1\" } }\n"
      "[worker]\ncommand = [\"true\"]\n[trial.stop]\nsteps = 60\n";

  PolicyReplayTest() {
    const auto spec = parse_study(
        "[study]\nname = \"pop\"\nmetric = \"val_loss\"\nmode = \"min\"\ntrials = 8\nseed = 3\n"
        "[scheduler]\nalgorithm = \"pbt\"\ninterval = 5\n[cluster]\nworkers = 3\n" +
            std::string(kSpace),
        "pop.toml");
    EXPECT_TRUE(spec.ok()) << (spec ? "" : spec.error().message);
    const auto folder = make_study_folder(home(), "pop");
    const auto done = simulate_study(*spec, {.folder = folder->root});
    EXPECT_TRUE(done.ok()) << (done ? "" : done.error().message);
    population_ = done->state.trials();
    best_ = *done->state.best();
    const auto log = store::StepLog::open_to_read(folder->database());
    EXPECT_TRUE(log->read(StepId{0}, store::Metrics::kSkip,
                          [&](const Step& step) -> Status {
                            steps_.push_back(step);
                            return {};
                          })
                    .ok());
  }

  fs::path home() const { return scratch_.path() / "studies"; }

  /// Lets an observer see these steps, as the tuner does; the first `replayed` are.
  void observe(const fs::path& folder, std::size_t replayed, std::size_t end, bool finish) {
    PolicyFiles files(folder, "pop", StepId{static_cast<std::int64_t>(replayed)});
    ASSERT_EQ(files.resume().value(), StepId{0});
    State state({"val_loss", Mode::kMin}, {});
    for (std::size_t i = 0; i < end; ++i) {
      state.apply(steps_[i]);
      ASSERT_TRUE(files.on_step(steps_[i], state).ok());
      if (i % 7 == 0 && i >= replayed) {
        ASSERT_TRUE(files.on_idle(state.now(), state).ok());
      }
    }
    if (finish) {
      ASSERT_TRUE(files.finish(state).ok());
    }
  }
  std::map<std::string, std::string> files_of(std::size_t cut) {
    const fs::path folder = scratch_.path() / ("cut" + std::to_string(cut));
    fs::create_directories(folder);
    observe(folder, 0, cut, false);
    // What a kill in the middle of a line leaves.
    for (const auto& each : fs::directory_iterator(folder))
      std::ofstream(each.path(), std::ios::app) << "[\"torn";
    observe(folder, cut, steps_.size(), true);
    std::map<std::string, std::string> all;
    for (const auto& each : fs::directory_iterator(folder))
      all[each.path().filename().string()] = text_of(each.path());
    return all;
  }

  std::string study(const std::string& scheduler) const {
    return "[study]\nname = \"again\"\nmetric = \"val_loss\"\nmode = \"min\"\n"
           "[scheduler]\nalgorithm = \"pbt_replay\"\n" +
           scheduler + "\n" + kSpace;
  }
  Result<StudySpec> read(const std::string& scheduler) const {
    const fs::path file = scratch_.path() / "again.toml";
    std::ofstream(file) << study(scheduler);
    return read_study(file, {}, home());
  }
  std::string refusal(const std::string& scheduler) const {
    const auto spec = read(scheduler);
    return spec ? "accepted" : spec.error().message.substr(scratch_.path().string().size() + 1);
  }

  ScratchDirectory scratch_;
  std::vector<Step> steps_;
  std::vector<Trial> population_;
  TrialId best_;
};

TEST_F(PolicyReplayTest, AWrittenPolicyReplaysToTheSameConfigurations) {
  observe(scratch_.path(), 0, steps_.size(), true);
  int replayed = 0;
  for (const Trial& trial : population_) {
    const std::string name = "pbt_policy_" + trial_name("pop", trial.id) + ".txt";
    ASSERT_EQ(fs::exists(scratch_.path() / name), !trial.takeovers.empty());
    if (trial.takeovers.empty()) continue;
    const auto spec = read("policy = \"" + name + "\"");
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    const auto done = simulate_study(*spec, {});
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_EQ(done->state.trials().size(), 1u);
    const Trial& again = done->state.trials().front();
    EXPECT_EQ(again.status, TrialStatus::kCompleted);
    EXPECT_EQ(again.config, trial.config);
    const auto lines = text_of(scratch_.path() / name);
    EXPECT_LE(again.takeovers.size(), std::ranges::count(lines, '\n'));
    // Its first takeover was of a trial with weights of its own, or the lineage goes on there.
    const Config& first = again.takeovers.empty() ? again.config : again.takeovers[0].before;
    const auto origin = std::ranges::find_if(population_, [&](const Trial& each) {
      return first == (each.takeovers.empty() ? each.config : each.takeovers[0].before);
    });
    EXPECT_NE(origin, population_.end());
    ++replayed;
  }
  EXPECT_GE(replayed, 3);
}

TEST_F(PolicyReplayTest, FilesAreTheSameWhereverARunWasKilled) {
  const auto whole = files_of(0);
  EXPECT_GE(whole.size(), 4u);
  ASSERT_TRUE(whole.contains("pbt_global.txt"));
  std::size_t exploits = 0;
  for (const Trial& trial : population_) exploits += trial.takeovers.size();
  EXPECT_EQ(std::ranges::count(whole.at("pbt_global.txt"), '\n'), exploits);
  for (std::size_t cut = 9; cut < steps_.size(); cut += 41) EXPECT_EQ(files_of(cut), whole) << cut;
}

TEST_F(PolicyReplayTest, AStudyOfOursIsReplayedByName) {
  for (const Trial& trial : population_) {
    const auto spec = read("from = \"pop\"\ntrial = " + std::to_string(trial.id.value));
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    EXPECT_EQ(spec->trials, 1);
    const auto done = simulate_study(*spec, {});
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(done->state.trials().front().config, trial.config);
    EXPECT_EQ(trial.takeovers.empty(), done->state.trials().front().takeovers.empty());
  }
  const auto best = read("from = \"studies/pop\"");
  ASSERT_TRUE(best.ok()) << best.error().message;
  EXPECT_EQ(simulate_study(*best, {})->state.trials().front().config,
            population_[static_cast<std::size_t>(best_.value)].config);
}

TEST_F(PolicyReplayTest, TheTextOfTheStudyHoldsThePolicy) {
  observe(scratch_.path(), 0, steps_.size(), true);
  const auto spec = read("policy = \"pbt_global.txt\"");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  fs::remove(scratch_.path() / "pbt_global.txt");
  const auto logged = parse_study(spec->text, "elsewhere.toml");
  ASSERT_TRUE(logged.ok()) << logged.error().message;
  EXPECT_EQ(logged->scheduler, spec->scheduler);
  const auto shown = parse_study(to_toml(*spec), "elsewhere.toml");
  ASSERT_TRUE(shown.ok()) << shown.error().message;
  EXPECT_EQ(shown->scheduler, spec->scheduler);
  EXPECT_EQ(refusal("policy = \"pbt_global.txt\"").find("again.toml:7:10: cannot read"), 0u);
  // A study that was begun goes on by the same command.
  ASSERT_TRUE(write_study_file(*make_study_folder(home(), "again"), spec->text).ok());
  const auto resumed = read("policy = \"pbt_global.txt\"");
  ASSERT_TRUE(resumed.ok()) << resumed.error().message;
  EXPECT_EQ(resumed->scheduler, spec->scheduler);
  EXPECT_FALSE(read("policy = \"pbt_global.txt\"\ntrial = 3").ok()) << "that was another replay";
}

TEST_F(PolicyReplayTest, BadPoliciesAreRefusedByFileAndLine) {
  const auto with = [&](const std::string& lines, const std::string& more = "") {
    std::ofstream(scratch_.path() / "p.txt") << lines;
    return refusal("policy = \"p.txt\"" + more);
  };
  const std::string good =
      R"(["b", "a", 9, 10, {"lr": 0.01, "optimizer": "adam"}, {"lr": 0.3, "optimizer": "adam"}])";
  EXPECT_EQ(with(good), "accepted");
  EXPECT_EQ(with(good + "\n\n[1, 2]"), "again.toml:5:2: p.txt:3: no takeover: not a list of six");
  EXPECT_EQ(with(R"(["b", "a", 9, 9, {"lr": 0.1}, {"lr": 0.3}])"),
            "again.toml:5:2: p.txt:1: the space has a parameter 'optimizer', the policy has not");
  EXPECT_EQ(with(""), "again.toml:5:2: p.txt: holds no takeover");
  EXPECT_NE(with(good, "\n[checkpoint]\nevery = 4").find("needs checkpoints every 10 steps"),
            std::string::npos);
  EXPECT_EQ(with(good, "\n[checkpoint]\nevery = 5"), "accepted");
  EXPECT_NE(refusal("").find("either policy"), std::string::npos);
  EXPECT_NE(refusal("from = \"nowhere\"").find("again.toml:7:8: "), std::string::npos);
  EXPECT_NE(refusal("from = \"pop\"\ntrial = 99").find("has no trial 99"), std::string::npos);
}

}  // namespace
}  // namespace clavier::app
