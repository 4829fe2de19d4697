#include "app/leftovers.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_directory.h"

namespace clavier::app {
namespace {

namespace fs = std::filesystem;

class Leftovers : public testing::Test {
 protected:
  Leftovers() {
    state_.apply(Turn{.id = StepId{0}, .time = {}, .input = Opened{.trials = 2}});
    Fill fill;
    fill.created = {{.id = TrialId{0}, .config = {}, .directory = "t0"},
                    {.id = TrialId{1}, .config = {}, .directory = "t1"}};
    fill.launches = {{LaunchId{4}, {{.trial = TrialId{0}}}, {{SlotId{0}}}}};
    state_.apply(fill, {});
    const Checkpoint logged{TrialId{0}, LaunchId{4}, 5, "t0/checkpoint_000005_4"};
    state_.apply(Turn{.id = StepId{1}, .time = {}, .input = Signal(CheckpointSaved{logged})});
  }

  void make(const char* path) {
    fs::create_directories(study_ / path);
    std::ofstream(study_ / path / "model") << "weights";
  }
  bool there(const char* path) const { return fs::exists(study_ / path); }

  const ScratchDirectory scratch_;
  const fs::path study_ = scratch_.path();
  State state_{Objective{"loss", Mode::kMin}, RetryLimits{}};
};

TEST_F(Leftovers, CheckpointsThatNoStepNamesGo) {
  for (const char* path :
       {"t0/checkpoint_000005_4", "t0/checkpoint_000006_4", "t0/checkpoint_000005_4_2",
        "t0/.checkpoint_000007_4.part", "t1/checkpoint_1000000_9"})
    make(path);
  std::ofstream(study_ / "t0/checkpoint_000005_4/.manifest.json.part") << "half";
  EXPECT_EQ(remove_leftovers(study_, state_), 4);
  EXPECT_FALSE(there("t0/checkpoint_000005_4/.manifest.json.part"));
  EXPECT_TRUE(there("t0/checkpoint_000005_4/model"));
  EXPECT_FALSE(there("t0/checkpoint_000006_4"));
  EXPECT_FALSE(there("t0/.checkpoint_000007_4.part"));
  EXPECT_FALSE(there("t1/checkpoint_1000000_9"));
  EXPECT_EQ(remove_leftovers(study_, state_), 0);
}

TEST_F(Leftovers, NothingBehindALinkGoes) {
  make("elsewhere/checkpoint_000001_7");
  fs::create_directory_symlink(study_ / "elsewhere", study_ / "t0");
  EXPECT_EQ(remove_leftovers(study_, state_), 0);
  EXPECT_TRUE(there("elsewhere/checkpoint_000001_7/model"));
}

TEST_F(Leftovers, WhatIsNotOursStays) {
  const fs::path outside = study_ / "outside";
  make("outside");
  make("t0/checkpoint_best");
  make("t0/checkpoint_000006");
  make("t0/.git");
  make("other/checkpoint_000006_4");
  std::ofstream(study_ / "t0/checkpoint_000008_4") << "a file";
  fs::create_directory_symlink(outside, study_ / "t0/checkpoint_000009_4");
  EXPECT_EQ(remove_leftovers(study_, state_), 0);
  for (const char* path : {"t0/checkpoint_best", "t0/checkpoint_000006", "t0/.git",
                           "other/checkpoint_000006_4", "t0/checkpoint_000008_4", "outside/model"})
    EXPECT_TRUE(there(path)) << path;
}

}  // namespace
}  // namespace clavier::app
