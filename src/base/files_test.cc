#include "base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/scratch_directory.h"

namespace clavier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLimit = 100;

std::string content(const fs::path& file) { return read_file(file, kLimit).value(); }

class Files : public testing::Test {
 protected:
  void put(const fs::path& name, const std::string& text) {
    fs::create_directories((scratch_ / name).parent_path());
    std::ofstream(scratch_ / name) << text;
  }
  ErrorCode code_of(const Status& status) {
    return status.ok() ? ErrorCode{} : status.error().code;
  }

  ScratchDirectory scratch_;
  ScratchDirectory outside_;
  Folder folder_ = Folder::open(scratch_.path()).value();
};

TEST_F(Files, AreReadWholeUpToTheLimit) {
  put("a/full", std::string(kLimit, 'x'));
  put("a/long", std::string(kLimit + 1, 'x'));
  EXPECT_EQ(folder_.read("a/full", kLimit).value(), std::string(kLimit, 'x'));
  EXPECT_EQ(folder_.read("a/long", kLimit).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(folder_.read("a/none", kLimit).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(read_file("/dev/zero", kLimit).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(read_file("/proc/self/mem", kLimit).error().code, ErrorCode::kIo);
  EXPECT_EQ(read_file(scratch_.path(), kLimit).error().message,
            scratch_.path().string() + ": Is a directory");
}

TEST_F(Files, AreAppendedToAndReplacedAsAWhole) {
  EXPECT_TRUE(folder_.append("log", "one ").ok());
  EXPECT_TRUE(folder_.append("log", "two").ok());
  EXPECT_EQ(content(scratch_ / "log"), "one two");
  EXPECT_EQ(folder_.size("log"), 7);
  EXPECT_TRUE(folder_.replace("log", "new").ok());
  EXPECT_EQ(content(scratch_ / "log"), "new");
  EXPECT_FALSE(fs::exists(scratch_ / "log.new"));
}

TEST_F(Files, AreNeverReachedThroughALink) {
  std::ofstream(outside_ / "secret") << "text";
  fs::create_symlink(outside_ / "secret", scratch_ / "link");
  fs::create_directory_symlink(outside_.path(), scratch_ / "dir");
  for (const char* name : {"link", "dir/secret"}) {
    EXPECT_EQ(folder_.read(name, kLimit).error().code, ErrorCode::kInvalid) << name;
    EXPECT_EQ(code_of(folder_.append(name, "x")), ErrorCode::kInvalid) << name;
  }
  EXPECT_EQ(
      folder_.read("link", kLimit).error().message,
      (scratch_ / "link").string() + ": it is a link, and none is followed in a study's folder");
  EXPECT_EQ(code_of(folder_.replace("dir/secret", "x")), ErrorCode::kInvalid);
  EXPECT_EQ(code_of(folder_.remove("dir/secret")), ErrorCode::kInvalid);
  EXPECT_EQ(code_of(folder_.replace("../x", "x")), ErrorCode::kInvalid);
  EXPECT_FALSE(folder_.size("link"));
  EXPECT_EQ(content(outside_ / "secret"), "text");
}

TEST_F(Files, ALinkItselfIsReplacedAndRemoved) {
  std::ofstream(outside_ / "secret") << "text";
  for (const char* name : {"a", "a.new", "b"})
    fs::create_symlink(outside_ / "secret", scratch_ / name);
  fs::create_directory_symlink(outside_.path(), scratch_ / "c");
  EXPECT_TRUE(folder_.replace("a", "new").ok());
  EXPECT_TRUE(folder_.remove("b").ok());
  EXPECT_TRUE(folder_.remove("c").ok());
  EXPECT_EQ(content(scratch_ / "a"), "new");
  EXPECT_EQ(content(outside_ / "secret"), "text");
}

TEST_F(Files, PipesAndDirectoriesAreRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo((scratch_ / "pipe").c_str(), 0600), 0);
  fs::create_directory(scratch_ / "directory");
  for (const char* name : {"pipe", "directory"}) {
    EXPECT_EQ(folder_.read(name, kLimit).error().code, ErrorCode::kInvalid) << name;
    EXPECT_EQ(code_of(folder_.append(name, "x")), ErrorCode::kInvalid) << name;
  }
  EXPECT_EQ(folder_.read("pipe", kLimit).error().message,
            (scratch_ / "pipe").string() + ": it is a pipe, not a file");
  EXPECT_EQ(code_of(folder_.replace("directory", "x")), ErrorCode::kInvalid);
  EXPECT_TRUE(folder_.replace("pipe", "x").ok());
}

TEST_F(Files, AreRemovedWithEverythingInThem) {
  put("a/b/c", "");
  EXPECT_TRUE(folder_.remove("a/b").ok());
  EXPECT_TRUE(folder_.remove("a/b").ok());
  EXPECT_TRUE(folder_.remove("none/b").ok());
  EXPECT_TRUE(fs::is_empty(scratch_ / "a"));
  for (const char* name : {"", ".", "..", "a/.."}) EXPECT_FALSE(folder_.remove(name).ok()) << name;
}

TEST_F(Files, AFolderIsHeldWhateverBecomesOfItsPath) {
  const Folder inner = [&] {
    fs::create_directory(scratch_ / "in");
    return folder_.below("in").value();
  }();
  fs::rename(scratch_ / "in", scratch_ / "moved");
  EXPECT_TRUE(inner.append("x", "y").ok());
  EXPECT_EQ(content(scratch_ / "moved" / "x"), "y");
  EXPECT_EQ(folder_.below("in").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(folder_.below("moved/x").error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace clavier
