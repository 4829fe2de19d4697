#include "exec/local/manifest.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <limits>

#include "tests/support/scratch_directory.h"

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBootedSince = std::numeric_limits<std::int64_t>::max();

void write(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    write(at_ / "model", "123456789");
    write(at_ / "parts" / "empty", "");
  }
  Result<Manifest> sync() {
    return sync_files(Folder::open(at_).value(), [] { return false; });
  }
  void seal() { write(at_ / kManifestName, to_text(*sync())); }
  std::string problem(Thorough thorough, std::int64_t booted = 0) const {
    const Status status = check_checkpoint(at_, thorough, booted);
    return status.ok() ? "" : status.error().message;
  }

  ScratchDirectory scratch_;
  fs::path at_ = scratch_ / "checkpoint";
};

TEST_F(ManifestTest, NamesEveryFileWithSizeAndChecksum) {
  fs::create_symlink("/etc/passwd", at_ / "link");
  write(at_ / kManifestName, "an older one");
  write(at_ / kManifestPart, "half of one");
  EXPECT_EQ(*sync(), (Manifest{{"model", 9, 0xE3069283u}, {"parts/empty", 0, 0}}));
}

TEST_F(ManifestTest, IsReadAsItWasWritten) {
  const Manifest manifest{{"a \"b\"\n", 1, 2}, {"\xff\xfe", 3, 0xFFFFFFFFu}, {"ü/x", 0, 0}};
  EXPECT_EQ(*manifest_from(to_text(manifest)), manifest);
  EXPECT_EQ(*manifest_from(to_text({})), Manifest{});
}

TEST_F(ManifestTest, GarbageIsNone) {
  const std::string text = to_text({{"model", 9, 1}});
  for (std::size_t size = 0; size + 2 < text.size(); ++size)
    EXPECT_FALSE(manifest_from(text.substr(0, size))) << size;
  for (const char* bad :
       {"{}", "[]", R"({"files":[{}]})", R"({"files":[{"name":"../x","bytes":1,"crc32c":1}]})",
        R"({"files":[{"name":"/x","bytes":1,"crc32c":1}]})",
        R"({"files":[{"name":"x","bytes":-1,"crc32c":1}]})",
        R"({"files":[{"name":"x","bytes":1,"crc32c":4294967296}]})"})
    EXPECT_FALSE(manifest_from(bad)) << bad;
}

TEST_F(ManifestTest, GivesUpWhenAskedTo) {
  const auto given_up = sync_files(Folder::open(at_).value(), [] { return true; });
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, ErrorCode::kUnavailable);
}

TEST_F(ManifestTest, AWholeCheckpointIsGood) {
  seal();
  EXPECT_EQ(problem(Thorough::kChecksums), "");
  write(at_ / "more", "a file that a later version adds");
  EXPECT_EQ(problem(Thorough::kChecksums), "");
}

TEST_F(ManifestTest, AFlippedByteShowsInTheChecksum) {
  seal();
  write(at_ / "model", "123456780");
  EXPECT_EQ(problem(Thorough::kSizes), "");
  EXPECT_EQ(problem(Thorough::kChecksums), "model has changed: its checksum is wrong");
}

TEST_F(ManifestTest, ATruncatedFileShowsInItsSize) {
  seal();
  fs::resize_file(at_ / "model", 8);
  EXPECT_EQ(problem(Thorough::kSizes), "model has 8 bytes instead of 9");
}

TEST_F(ManifestTest, WhatIsMissingIsNamed) {
  seal();
  fs::remove(at_ / "parts" / "empty");
  EXPECT_EQ(problem(Thorough::kSizes),
            (at_ / "parts/empty").string() + ": No such file or directory");
  fs::create_directory(at_ / "parts" / "empty");
  EXPECT_EQ(problem(Thorough::kSizes),
            (at_ / "parts/empty").string() + ": it is a directory, not a file");
  fs::remove_all(at_);
  EXPECT_EQ(problem(Thorough::kSizes), at_.string() + ": No such file or directory");
  write(at_, "");
  EXPECT_EQ(problem(Thorough::kSizes), at_.string() + ": Not a directory");
}

TEST_F(ManifestTest, ADamagedManifestIsDamage) {
  write(at_ / kManifestName, "{\"files\":[");
  EXPECT_NE(problem(Thorough::kSizes).find(kManifestName), std::string::npos);
}

TEST_F(ManifestTest, WhatCannotBeReadIsDamageToo) {
  fs::create_directory(at_ / kManifestName);
  EXPECT_EQ(problem(Thorough::kSizes),
            (at_ / kManifestName).string() + ": it is a directory, not a file");
  fs::remove(at_ / kManifestName);
  ASSERT_EQ(::mkfifo((at_ / kManifestName).c_str(), 0600), 0);
  EXPECT_EQ(problem(Thorough::kSizes),
            (at_ / kManifestName).string() + ": it is a pipe, not a file");
  fs::remove(at_ / kManifestName);
  fs::create_symlink("/dev/zero", at_ / kManifestName);
  EXPECT_NE(problem(Thorough::kSizes), "");
  fs::rename(at_, scratch_ / "moved");
  fs::create_directory_symlink(scratch_ / "moved", at_);
  EXPECT_NE(problem(Thorough::kSizes).find("it is a link"), std::string::npos);
}

TEST_F(ManifestTest, WithoutOneItIsGoodUnlessTheMachineWentDownOnIt) {
  EXPECT_EQ(problem(Thorough::kChecksums, 0), "");
  EXPECT_EQ(problem(Thorough::kSizes, kBootedSince),
            "parts/empty is empty: the machine went down before it was on the disk");
  write(at_ / "parts" / "empty", "no longer");
  EXPECT_EQ(problem(Thorough::kSizes, kBootedSince), "");
}

TEST_F(ManifestTest, KnowsWhenTheMachineWasStarted) {
  write(scratch_ / "stat", "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n");
  EXPECT_EQ(boot_time(scratch_ / "stat"), 1'700'000'000);
  EXPECT_EQ(boot_time(scratch_ / "none"), 0);
  EXPECT_LE(boot_time(), std::time(nullptr));
}

}  // namespace
}  // namespace clavier::exec
