#include "worker/checkpoint_writer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <stdexcept>

#include "tests/support/scratch_directory.h"

namespace clavier::worker {
namespace {

namespace fs = std::filesystem;

class CheckpointWriter : public ::testing::Test {
 protected:
  Result<std::string> write(Steps step, const std::string& content) {
    return write_checkpoint(directory_, step, LaunchId{12}, [&](const fs::path& into) {
      std::ofstream(into / "state") << content;
    });
  }
  std::string content(const std::string& name) {
    std::string text;
    std::ifstream(directory_ / name / "state") >> text;
    return text;
  }
  std::set<std::string> entries() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_))
      names.insert(entry.path().filename().string());
    return names;
  }

  const ScratchDirectory scratch_;
  const fs::path directory_ = scratch_.path();
};

TEST_F(CheckpointWriter, NamesStepAndLaunch) {
  const auto name = write(5, "five");
  ASSERT_TRUE(name) << name.error().message;
  EXPECT_EQ(*name, "checkpoint_000005_12");
  EXPECT_EQ(content(*name), "five");
  EXPECT_EQ(entries(), (std::set<std::string>{"checkpoint_000005_12"}));
}

TEST_F(CheckpointWriter, IsInvisibleUntilComplete) {
  const auto name = write_checkpoint(directory_, 1, LaunchId{2}, [&](const fs::path& into) {
    EXPECT_TRUE(fs::is_empty(into));
    EXPECT_EQ(into.filename().string().front(), '.');
    EXPECT_FALSE(fs::exists(directory_ / "checkpoint_000001_2"));
  });
  EXPECT_TRUE(name);
}

TEST_F(CheckpointWriter, NeverOverwritesAnEarlierOneOfTheSameStep) {
  EXPECT_EQ(*write(5, "first"), "checkpoint_000005_12");
  EXPECT_EQ(*write(5, "second"), "checkpoint_000005_12_2");
  EXPECT_EQ(*write(5, "third"), "checkpoint_000005_12_3");
  EXPECT_EQ(content("checkpoint_000005_12"), "first");
}

TEST_F(CheckpointWriter, AFailureLeavesNothingBehindAndEarlierOnesAlone) {
  ASSERT_TRUE(write(4, "four"));
  const auto failed = write_checkpoint(directory_, 5, LaunchId{12}, [](const fs::path& into) {
    std::ofstream(into / "state") << "half";
    throw std::runtime_error("no space left on device");
  });
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("no space left on device"), std::string::npos);
  EXPECT_NE(failed.error().message.find("step 5"), std::string::npos);
  EXPECT_EQ(entries(), (std::set<std::string>{"checkpoint_000004_12"}));
  EXPECT_EQ(content("checkpoint_000004_12"), "four");
}

TEST_F(CheckpointWriter, AFullDiskIsToldFromOtherFailures) {
  const auto code = [&](const char* why) {
    return write_checkpoint(directory_, 5, LaunchId{1},
                            [&](const fs::path&) { throw std::runtime_error(why); })
        .error()
        .code;
  };
  EXPECT_EQ(code("write: No space left on device"), ErrorCode::kUnavailable);
  EXPECT_EQ(code("write: Disk quota exceeded"), ErrorCode::kUnavailable);
  EXPECT_EQ(code("write: Input/output error"), ErrorCode::kIo);
}

TEST_F(CheckpointWriter, AForeignExceptionIsAFailureToo) {
  EXPECT_FALSE(write_checkpoint(directory_, 5, LaunchId{1}, [](const fs::path&) { throw 1; }));
  EXPECT_TRUE(entries().empty());
}

TEST_F(CheckpointWriter, SaysSoWhereNoDirectoryCanBeMade) {
  std::ofstream(directory_ / "file") << "x";
  const auto failed =
      write_checkpoint(directory_ / "file", 5, LaunchId{1}, [](const fs::path&) { FAIL(); });
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("step 5"), std::string::npos);
}

TEST_F(CheckpointWriter, StartsFromAnEmptyDirectoryAfterACrash) {
  fs::create_directories(directory_ / ".checkpoint_000005_12.part" / "old");
  ASSERT_TRUE(write(5, "new"));
  EXPECT_FALSE(fs::exists(directory_ / "checkpoint_000005_12" / "old"));
}

}  // namespace
}  // namespace clavier::worker
