#include "cli/study_data.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_directory.h"

namespace clavier::cli {
namespace {

class StudyData : public testing::Test {
 protected:
  StudyData() {
    spec.working_directory = scratch.path();
    spec.trainer =
        Json::parse(R"({"model": "mlp", "data": {"source": "own.csv", "ignore": ["b"]}})").value();
    write("a,b,label\n1,2,0\n3,4,1\n");
  }
  void write(const std::string& rows) { std::ofstream(scratch.path() / "own.csv") << rows; }
  /// The lines after the one about the column that the study leaves out.
  std::vector<std::string> look(std::size_t trials, std::vector<std::size_t> unfinished = {}) {
    auto lines = look_at_data(spec, scratch.path(), [=] {
      return TrialsSoFar{trials, unfinished};
    });
    EXPECT_FALSE(lines.empty());
    if (lines.empty()) return lines;
    EXPECT_EQ(lines[0], "left out: column \"b\": as the study says");
    lines.erase(lines.begin());
    return lines;
  }
  using Lines = std::vector<std::string>;

  ScratchDirectory scratch;
  app::StudySpec spec;
};

TEST_F(StudyData, ThatChangeBetweenRunsAreToldWithTheTrialsThatSawThem) {
  EXPECT_EQ(look(0), Lines{});
  EXPECT_EQ(look(2), Lines{});
  write("a,b,label\n1,2,0\n3,4,1\n5,6,2\n");
  EXPECT_EQ(look(2),
            Lines{"the data are not what they were; values do not compare across: trials 0 "
                  "to 1, and from 2 on"});
  EXPECT_EQ(look(4).size(), 1U) << "it stays true";
  write("a,b,label\n1,2,0\n");
  EXPECT_EQ(look(5),
            Lines{"the data are not what they were; values do not compare across: trials 0 "
                  "to 1, trials 2 to 4, and from 5 on"});
}

TEST_F(StudyData, ThatChangeWhileTrialsAreUnfinishedAreOfThoseToo) {
  const std::string start = "the data are not what they were; values do not compare across: ";
  EXPECT_EQ(look(0), Lines{});
  write("a,b,label\n1,2,0\n3,4,1\n5,6,2\n");
  EXPECT_EQ(look(4, {1, 3}), Lines{start + "trials 0 to 3, and from 4 on; unfinished at a change, "
                                           "so of both: 1, 3"});
  write("a,b,label\n1,2,0\n3,4,1\n5,6,7\n");
  EXPECT_EQ(look(4, {3}), Lines{start + "trials 0 to 3, and from 4 on; unfinished at a change, "
                                        "so of both: 1, 3"})
      << "no trial is new, but one went on";
  write("a,b,label\n1,2,0\n3,4,2\n");
  EXPECT_EQ(look(4), Lines{start + "trials 0 to 3, and from 4 on; unfinished at a change, so of "
                                   "both: 1, 3"})
      << "both had ended by then";
  EXPECT_EQ(look(5, {4}).size(), 1U);
  write("a,b,label\n1,2,0\n");
  EXPECT_EQ(look(5), Lines{start + "trials 0 to 3, trial 4, and from 5 on; unfinished at a change, "
                                   "so of both: 1, 3"});
}

TEST_F(StudyData, ThatChangeBeforeTheFirstTrialAreTheData) {
  EXPECT_EQ(look(0), Lines{});
  write("a,b,label\n1,2,0\n3,9,1\n");
  EXPECT_EQ(look(0), Lines{});
}

TEST_F(StudyData, ARecordThatMakesNoSenseIsMadeAnew) {
  std::ofstream(scratch.path() / "data.json") << "[{\"fingerprint\": 7}]";
  EXPECT_EQ(look(0), Lines{});
  spec.trainer = Json::parse(R"({"model": "mlp", "data": "digits"})").value();
  EXPECT_EQ(look_at_data(spec, scratch.path(), [] { return TrialsSoFar{}; }), Lines{});
}

}  // namespace
}  // namespace clavier::cli
