#include "report/append_once.h"

#include <gtest/gtest.h>

#include "tests/support/scratch_directory.h"

namespace clavier::report {
namespace {

class AppendOnceTest : public testing::Test {
 protected:
  AppendOnce output() const {
    return AppendOnce({.folder = scratch_.path(),
                       .marker = ".output.json",
                       .files = {"events", "losses"},
                       .warn = [](const std::string&) {}});
  }
  /// One text for each file of two trials.
  static void add(AppendOnce& to, const std::string& text, bool fresh) {
    for (const char* trial : {"a", "b"}) {
      AppendOnce::Pending& pending = to.pending(trial);
      pending.fresh = fresh;
      pending.appended[0] += text;
      pending.appended[1] += text + text;
    }
  }
  std::string content(const char* trial, const char* file) const {
    const Folder folder = Folder::open(scratch_ / trial).value();
    const auto text = folder.read(file, 1000);
    return text ? *text : std::string();
  }

  const ScratchDirectory scratch_;
};

TEST_F(AppendOnceTest, AfterACrashTheLastBatchIsCutOffToBeMadeAgain) {
  {
    AppendOnce before = output();
    add(before, "one ", true);
    ASSERT_TRUE(before.write("0").ok());
    add(before, "two ", false);
    ASSERT_TRUE(before.write("1").ok());
    EXPECT_EQ(content("b", "losses"), "one one two two ");
  }
  AppendOnce after = output();
  const auto known = after.recover();
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(*known->as<std::int64_t>(), 1);
  EXPECT_EQ(content("a", "events"), "one ");
  EXPECT_EQ(content("b", "losses"), "one one ");
  add(after, "two ", false);
  ASSERT_TRUE(after.write("1").ok());
  EXPECT_EQ(content("b", "losses"), "one one two two ");
}

TEST_F(AppendOnceTest, WhatIsSettledIsNotCutOff) {
  AppendOnce before = output();
  add(before, "one ", true);
  ASSERT_TRUE(before.write("0").ok());
  ASSERT_TRUE(before.settle("1").ok());
  EXPECT_EQ(*output().recover()->as<std::int64_t>(), 1);
  EXPECT_EQ(content("a", "losses"), "one one ");
}

TEST_F(AppendOnceTest, FilesOfAnEarlierLifeBeginAnew) {
  AppendOnce before = output();
  add(before, "one ", true);
  ASSERT_TRUE(before.write("0").ok());
  AppendOnce after = output();
  add(after, "new ", true);
  ASSERT_TRUE(after.write("0").ok());
  EXPECT_EQ(content("a", "events"), "new ");
}

}  // namespace
}  // namespace clavier::report
