#include "study/cause.h"

#include <gtest/gtest.h>

namespace clavier {
namespace {

void expect_one_cause(std::string_view one, std::string_view other) {
  EXPECT_EQ(cause_of(one), cause_of(other)) << one << "\n" << other;
}

TEST(CauseTest, NumbersAddressesSizesAndPathsDoNotTellCausesApart) {
  expect_one_cause("cannot open data-17.csv", "cannot open data-8.csv");
  expect_one_cause("[Errno 2] No such file or directory: '/s/trial_00003_lr=0.1/nothing.csv'",
                   "[Errno 2] No such file or directory: '/s/trial_00012_lr=1e-05/nothing.csv'");
  expect_one_cause("No such file: /s/trial_3/a b", "No such file: trial_4/a b");
  expect_one_cause("Tried to allocate 20.00 MiB. GPU 0", "Tried to allocate 1.2 GiB. GPU 1");
  expect_one_cause("only 200kB left of 12 kB", "only 3 MB left of 1 GB");
  expect_one_cause("<Net object at 0x7f3a91> is wrong", "<Net object at 0x55deadbeef> is wrong");
  expect_one_cause("writing the checkpoint of step 6 to /d/trial_00003 failed: no space",
                   "writing the checkpoint of step 4 to /d/trial_00004_lr=0.3 failed: no space");
  expect_one_cause("\u2018a.o\u2019 is damaged", "\u2018bcd.o\u2019 is damaged");
  expect_one_cause("loss is -1.5e-7 (exit status 1)", "loss is 22 (exit status 1)");
}

TEST(CauseTest, OtherWordsAreOtherCauses) {
  EXPECT_NE(cause_of("out of memory"), cause_of("no such file"));
  EXPECT_NE(cause_of("can't open 'a'"), cause_of("can't close 'a'"));
  EXPECT_NE(cause_of("don't: it's wrong"), cause_of("don't: it's right"));
}

TEST(CauseTest, AnExceptionIsKnownByItsTypeAndWhereItWasRaised) {
  const auto tail = [](std::string_view folder, int line) {
    return "Traceback (most recent call last):\n  File \"" + std::string(folder) +
           "/t.py\", line 1, in <module>\n  File \"" + std::string(folder) + "/t.py\", line " +
           std::to_string(line) + ", in train\nValueError: lima kilo";
  };
  const std::string first = cause_of("ValueError: lima kilo (exit status 1)", tail("/a/0", 7));
  EXPECT_EQ(first, cause_of("ValueError: alpha zulu mike (exit status 1)", tail("/a/1", 7)));
  EXPECT_EQ(first, cause_of("ValueError (exit status 1)", tail("/a/1", 7)));
  EXPECT_NE(first, cause_of("ValueError: lima kilo (exit status 1)", tail("/a/0", 8)));
  EXPECT_NE(first, cause_of("KeyError: 'lima' (exit status 1)", tail("/a/0", 7)));
}

}  // namespace
}  // namespace clavier
