#include "app/file/study_folder.h"

#include <gtest/gtest.h>

#include <fstream>

#include "store/step_log.h"
#include "store/study_lock.h"

namespace clavier::app {
namespace {

namespace fs = std::filesystem;

class StudyFolders : public testing::Test {
 protected:
  void SetUp() override {
    home_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(home_);
  }
  void TearDown() override { fs::remove_all(home_); }

  StudyFolder make(const std::string& name, int age_minutes = 0) {
    const auto folder = make_study_folder(home_, name);
    EXPECT_TRUE(folder.ok()) << (folder.ok() ? "" : folder.error().message);
    EXPECT_TRUE(write_study_file(*folder, "text").ok());
    EXPECT_TRUE(store::StepLog::open(folder->database(), {.metric = "a"}).ok());
    fs::last_write_time(folder->database(),
                        fs::file_time_type::clock::now() - std::chrono::minutes(age_minutes));
    return *folder;
  }

  fs::path home_;
};

TEST(StudyName, OfAnyFileIsOne) {
  EXPECT_EQ(study_name_of("stu dy"), "stu_dy");
  EXPECT_EQ(study_name_of(".größe"), "_gr____e");
  EXPECT_EQ(study_name_of(""), "study");
  EXPECT_TRUE(check_study_name(study_name_of(std::string(500, ' '))));
}

TEST_F(StudyFolders, LiveInTheGivenFolderElseTheEnvironmentsElseHere) {
  EXPECT_EQ(studies_home("/a/b", "/c"), "/a/b");
  EXPECT_EQ(studies_home({}, "/c/../d"), "/d");
  EXPECT_EQ(studies_home({}, ""), fs::current_path() / "clavier-results");
  EXPECT_EQ(studies_home({}, nullptr), fs::current_path() / "clavier-results");
}

TEST_F(StudyFolders, HoldTheStudyFileBesideTheLog) {
  const StudyFolder folder = make("one");
  EXPECT_EQ(folder.name(), "one");
  EXPECT_EQ(folder.database(), home_ / "one" / "study.db");
  EXPECT_TRUE(folder.exists());
  ASSERT_TRUE(write_study_file(folder, "newer").ok());
  std::string text;
  std::ifstream(folder.study_file()) >> text;
  EXPECT_EQ(text, "newer");
  EXPECT_GT(size_bytes(folder), 4096);
}

TEST_F(StudyFolders, AreFoundByNameAndByPath) {
  const StudyFolder folder = make("one");
  for (const std::string& wanted : {std::string("one"), folder.root.string(),
                                    folder.root.string() + "/", folder.database().string()}) {
    const auto found = find_study(home_, wanted);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->root, folder.root);
  }
}

TEST_F(StudyFolders, AreFoundByTheirStudyFile) {
  const StudyFolder folder = make("one");
  const fs::path file = home_ / "other.toml";
  std::ofstream(file) << "[study]\nname='one'\nmetric='a'\nmode='min'\n[worker]\ncommand=['a']\n";
  const auto found = find_study(home_, file.string());
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->root, folder.root);
  std::ofstream(file) << "[study]\nname='two'\nmetric='a'\nmode='min'\n[worker]\ncommand=['a']\n";
  EXPECT_EQ(find_study(home_, file.string()).error().message,
            "the study \"two\" of " + file.string() + " has not been run in " + home_.string());
}

TEST_F(StudyFolders, WithoutANameTheLastWrittenIsMeant) {
  make("old", 30);
  make("new", 1);
  make("older", 60);
  EXPECT_EQ(find_study(home_, {})->name(), "new");
}

TEST_F(StudyFolders, ThatAreNotThereAreNamedWithTheNearest) {
  EXPECT_EQ(find_study(home_, {}).error().message,
            "there is no study in " + home_.string() +
                "; use --dir or $CLAVIER_HOME if yours are elsewhere");
  make("digits");
  fs::create_directories(home_ / "no-study");
  const auto missing = find_study(home_, "digit");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message,
            "no study \"digit\" in " + home_.string() + "; did you mean \"digits\"?");
}

TEST_F(StudyFolders, AreListedInOrderOfName) {
  make("b");
  make("a");
  const auto all = list_studies(home_);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name(), "a");
  EXPECT_TRUE(list_studies(home_ / "none").empty());
}

TEST_F(StudyFolders, AreThoseWithALogOfOursWhateverElseCallsItselfStudyDb) {
  fs::create_directories(home_ / "optuna");
  std::ofstream(home_ / "optuna" / "study.db") << "SQLite format 3" << std::string(2000, '\0');
  std::ofstream(home_ / "optuna" / "precious.txt") << "text";
  fs::create_directories(home_ / "directory" / "study.db");
  const StudyFolder damaged = make("damaged");
  std::ofstream(damaged.database()) << "";
  make("sound");
  ASSERT_EQ(list_studies(home_).size(), 1u);
  EXPECT_EQ(list_studies(home_)[0].name(), "sound");
  ASSERT_EQ(list_studies(home_, &StudyFolder::lost_log).size(), 1u);
  EXPECT_EQ(list_studies(home_, &StudyFolder::lost_log)[0].name(), "damaged");
  for (const char* name : {"optuna", "damaged", "directory"})
    EXPECT_EQ(find_study(home_, name).error().code, ErrorCode::kCorrupt) << name;
}

TEST_F(StudyFolders, RunAsLongAsTheirLockIsHeld) {
  const StudyFolder folder = make("one");
  EXPECT_FALSE(folder.is_running());
  const auto lock = store::StudyLock::take(folder.database().string() + ".lock");
  EXPECT_TRUE(folder.is_running());
}

TEST_F(StudyFolders, ShowByWhatLiesInThemThatTrialsHaveRun) {
  const StudyFolder folder = make("one");
  EXPECT_FALSE(folder.begun());
  fs::create_directories(folder.root / "one_0597a_00000_1_lr=1_2024-01-31");
  EXPECT_TRUE(folder.begun());
  fs::remove_all(folder.root / "one_0597a_00000_1_lr=1_2024-01-31");
  std::ofstream(folder.root / ".trial_directories.json") << "{}";
  EXPECT_TRUE(folder.begun());
}

TEST_F(StudyFolders, LeaveNothingBehindOfAStudyThatDidNotBegin) {
  const StudyFolder folder = make("one");
  { Unbegun unbegun(folder); }
  EXPECT_FALSE(folder.exists());
  EXPECT_TRUE(fs::exists(folder.study_file())) << "not made by the log";
  fs::remove(folder.study_file());
  { Unbegun unbegun(folder); }
  EXPECT_FALSE(fs::exists(folder.root));
}

TEST_F(StudyFolders, RefuseNamesThatLeadElsewhere) {
  for (const char* bad : {"", ".", "..", "a/b", ".hidden", "a b", "a\n"})
    EXPECT_FALSE(check_study_name(bad).ok()) << bad;
  EXPECT_FALSE(check_study_name(std::string(101, 'a')).ok());
  EXPECT_TRUE(check_study_name("lr=0.1_run-2").ok());
  EXPECT_FALSE(make_study_folder(home_, "../x").ok());
}

}  // namespace
}  // namespace clavier::app
