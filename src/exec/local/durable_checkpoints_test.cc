#include "exec/local/durable_checkpoints.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <memory>

#include "exec/local/manifest.h"
#include "tests/support/scratch_directory.h"

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

/// Checkpoints of a few bytes. The background thread is held before the first one until `go`.
class DurableCheckpointsTest : public testing::Test {
 protected:
  DurableCheckpoints& durable() {
    if (!durable_)
      durable_ = std::make_unique<DurableCheckpoints>(
          scratch_.path(),
          [gate = gate_.get_future().share()](const std::string&) { gate.wait(); });
    return *durable_;
  }
  void go() { gate_.set_value(); }
  std::string make(const std::string& path) {
    fs::create_directories(scratch_ / path);
    std::ofstream(scratch_ / path / "state") << path;
    return path;
  }
  std::string keep(const std::string& path) {
    durable().keep(make(path));
    return path;
  }
  bool there(const std::string& path) const { return fs::exists(scratch_ / path); }
  bool sealed(const std::string& path) const { return fs::exists(scratch_ / path / kManifestName); }

  ScratchDirectory scratch_;
  std::promise<void> gate_;
  std::unique_ptr<DurableCheckpoints> durable_;
};

TEST_F(DurableCheckpointsTest, EveryCheckpointGetsAManifest) {
  go();
  for (const char* path : {"a/1", "a/2", "b/1"}) keep(path);
  durable().wait_until_idle();
  for (const char* path : {"a/1", "a/2", "b/1"}) {
    EXPECT_TRUE(sealed(path));
    EXPECT_FALSE(fs::exists(scratch_ / path / kManifestPart));
    EXPECT_TRUE(check_checkpoint(scratch_ / path, Thorough::kChecksums, 0).ok());
  }
  EXPECT_EQ(durable().counters().synced, 3);
}

TEST_F(DurableCheckpointsTest, NothingIsWrittenOrDeletedThroughALink) {
  const ScratchDirectory outside;
  std::ofstream(outside / "precious") << "text";
  make("a/1");
  fs::create_symlink(outside / "precious", scratch_ / "a" / "1" / kManifestPart);
  fs::create_directory_symlink(outside.path(), scratch_ / "b");
  make("b/1");
  go();
  for (const char* path : {"a/1", "b/1"}) durable().keep(path);
  durable().wait_until_idle();
  durable().discard("b/1");
  EXPECT_TRUE(sealed("a/1"));
  EXPECT_FALSE(sealed("b/1"));
  EXPECT_TRUE(there("b/1"));
  EXPECT_EQ(fs::file_size(outside / "precious"), 4u);
  EXPECT_EQ(durable().take_complaints().size(), 2u);
}

TEST_F(DurableCheckpointsTest, TheLoopNeverWaitsForTheDisk) {
  keep("a/1");  // The background thread is held: all of this returns all the same.
  keep("b/1");
  EXPECT_TRUE(durable().check("a/1").ok());
  durable().discard("b/1");
  EXPECT_FALSE(there("b/1"));
  EXPECT_EQ(durable().counters().skipped, 1);
  EXPECT_EQ(durable().counters().synced, 0);
  go();
}

TEST_F(DurableCheckpointsTest, WhatIsDeletedWhileItsTurnHasComeLeavesNothing) {
  keep("a/1");
  durable().discard("a/1");
  EXPECT_FALSE(there("a/1"));
  go();
  durable().wait_until_idle();
  EXPECT_FALSE(there("a/1"));
  EXPECT_EQ(durable().counters().skipped, 1);
  EXPECT_TRUE(durable().take_complaints().empty());
}

TEST_F(DurableCheckpointsTest, AnOlderOneStaysUntilTheNewerIsOnTheDisk) {
  make("a/1");
  keep("a/2");
  durable().discard("a/1");
  EXPECT_TRUE(there("a/1"));
  go();
  durable().wait_until_idle();
  EXPECT_FALSE(there("a/1"));
  EXPECT_TRUE(sealed("a/2"));
  EXPECT_EQ(durable().counters().deleted, 1);
}

TEST_F(DurableCheckpointsTest, AnOlderOneOutlivesANewerThatIsDeletedUnsynced) {
  make("a/1");
  keep("b/1");
  keep("a/2");
  durable().discard("a/1");
  keep("a/3");
  durable().discard("a/2");
  EXPECT_TRUE(there("a/1"));
  EXPECT_TRUE(there("a/2"));
  go();
  durable().wait_until_idle();
  EXPECT_FALSE(there("a/1"));
  EXPECT_FALSE(there("a/2"));
  EXPECT_TRUE(sealed("a/3"));
  EXPECT_EQ(durable().counters().synced, 2);
}

TEST_F(DurableCheckpointsTest, AQueueThatIsFullForgetsTheOldest) {
  constexpr int kMore = 5;
  keep("first/1");  // Held: no longer in the queue, or about to be taken.
  for (std::size_t i = 0; i < DurableCheckpoints::kMaxPending + kMore; ++i)
    durable().keep("gone/" + std::to_string(i));
  EXPECT_GE(durable().counters().dropped, kMore);
  EXPECT_LE(durable().counters().dropped, kMore + 1);
  go();
}

TEST_F(DurableCheckpointsTest, AFailureIsAComplaint) {
  go();
  durable().keep("never/there");
  durable().wait_until_idle();
  EXPECT_EQ(durable().counters().failed, 1);
  const auto complaints = durable().take_complaints();
  ASSERT_EQ(complaints.size(), 1u);
  EXPECT_NE(complaints.front().find("never/there"), std::string::npos);
}

TEST_F(DurableCheckpointsTest, TheEndFinishesWhatWaits) {
  make("a/1");
  keep("a/2");
  durable().discard("a/1");
  go();
  durable_.reset();
  EXPECT_FALSE(there("a/1"));
  EXPECT_TRUE(sealed("a/2"));
}

TEST_F(DurableCheckpointsTest, ContentsAreLookedAtOnceUnlessOurWorkersWroteThem) {
  go();
  const std::string path = keep("a/1");
  durable().wait_until_idle();
  std::ofstream(scratch_ / path / "state") << "A/1";
  EXPECT_TRUE(durable().check(path).ok());
  DurableCheckpoints later(scratch_.path());
  EXPECT_EQ(later.check(path).error().code, ErrorCode::kCorrupt);
  std::ofstream(scratch_ / path / "state") << path;
  EXPECT_TRUE(later.check(path).ok());
  std::ofstream(scratch_ / path / "state") << "A/1";
  EXPECT_TRUE(later.check(path).ok());
  fs::resize_file(scratch_ / path / "state", 1);
  EXPECT_FALSE(later.check(path).ok());
}

}  // namespace
}  // namespace clavier::exec
