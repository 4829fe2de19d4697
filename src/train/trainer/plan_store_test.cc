#include "train/trainer/plan_store.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "tests/support/scratch_directory.h"
#include "train/spec/model_spec.h"
#include "train/trainer/device.h"

namespace clavier::train {
namespace {

namespace fs = std::filesystem;

class PlanStoreTest : public ::testing::Test {
 protected:
  PlanStoreTest() {
    use_few_threads();
    const auto layers = layers_of(parse_model(R"("net")").value(), 10);
    network_ = infer_shapes(layers.value(), {{1, 16, 16}}, 10).value();
  }

  /// Counts how often the clock is looked at: not at all where nothing is measured.
  PlanStore store() {
    return PlanStore(folder_, [this] {
      if (looks_++ == 0 && meanwhile_) meanwhile_();
      return static_cast<double>(looks_);
    });
  }
  Plan ask() { return store().plan(network_, question_); }

  fs::path only_file() const { return fs::directory_iterator(folder_)->path(); }

  ScratchDirectory scratch_;
  fs::path folder_ = scratch_.path() / "cache" / "kernels";
  Network network_;
  PlanQuestion question_{.batch = 4};
  int looks_ = 0;
  std::function<void()> meanwhile_;
  c10::InferenceMode no_graph_;
};

TEST_F(PlanStoreTest, WhatWasMeasuredOnceStays) {
  const Plan first = ask();
  EXPECT_EQ(first.size(), 2U);
  EXPECT_GT(looks_, 0);
  looks_ = 0;
  question_.batch = 5;  // Measured with the same power of two.
  EXPECT_EQ(ask(), first);
  EXPECT_EQ(looks_, 0);
  question_.training = false;
  ask();
  EXPECT_GT(looks_, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
}

TEST_F(PlanStoreTest, OfSeveralWhoMeasureTheFirstWins) {
  ask();
  const fs::path file = only_file();
  fs::remove(file);
  looks_ = 0;
  const std::string other = "products loops";
  meanwhile_ = [&] {
    const std::string question =
        question_text(image_part(network_), {.batch = measured_batch(network_, 4)});
    std::ofstream(file) << question << "\n" << other << "\n";
  };
  EXPECT_EQ(to_text(ask()), other);
  EXPECT_GT(looks_, 0);
}

TEST_F(PlanStoreTest, ADamagedFileIsMeasuredAnewAndMended) {
  const Plan first = ask();
  const fs::path file = only_file();
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  for (const std::string& damaged : {std::string(), text.substr(0, 20), text + "loops\n",
                                     text.substr(0, text.size() - 1), std::string(1 << 20, 'x')}) {
    std::ofstream(file) << damaged;
    looks_ = 0;
    EXPECT_EQ(ask().size(), first.size());
    EXPECT_GT(looks_, 0);
    looks_ = 0;
    ask();
    EXPECT_EQ(looks_, 0);
  }
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_EQ(ask().size(), first.size());
}

TEST_F(PlanStoreTest, WhereNothingCanBeRememberedNothingIsMeasured) {
  folder_ = scratch_.path() / "file";
  std::ofstream(folder_) << "no folder";
  EXPECT_TRUE(ask().empty());
  EXPECT_EQ(looks_, 0);
  folder_ = scratch_.path() / "kernels";
  ask();
  const fs::path file = only_file();
  fs::remove(file);
  fs::create_directory(file);  // Cannot be replaced by a file.
  EXPECT_TRUE(ask().empty());
}

TEST_F(PlanStoreTest, TheEnvironmentFixesThePlanOrItsFolder) {
  ::setenv("CLAVIER_KERNELS", "off", 1);
  EXPECT_TRUE(PlanStore::from_environment()->plan(network_, question_).empty());
  ::setenv("CLAVIER_KERNELS", "products", 1);
  EXPECT_EQ(PlanStore::from_environment()->plan(network_, question_), Plan{Convolver::kProducts});
  ::setenv("CLAVIER_KERNELS", folder_.c_str(), 1);
  EXPECT_EQ(PlanStore::from_environment()->plan(network_, question_).size(), 2U);
  EXPECT_TRUE(fs::exists(only_file()));
  ::setenv("CLAVIER_KERNELS", "fast", 1);
  const auto wrong = PlanStore::from_environment();
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("CLAVIER_KERNELS is 'fast'"), std::string::npos);
  ::unsetenv("CLAVIER_KERNELS");
}

}  // namespace
}  // namespace clavier::train
