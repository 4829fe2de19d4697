#include "train/data/install.h"

#include <cstdlib>
#include <mutex>
#include <thread>

#include "tests/support/data_files.h"
#include "train/data/child.h"
#include "train/data/sha256.h"
#include "train/data/wheel_images.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

/// A small data set served from a folder, as the real ones are from a web server.
class Installing : public testing::Test {
 protected:
  void SetUp() override {
    server.write("tiny/a.bin", std::string(5000, 'a'));
    server.write("tiny/b.bin", noise());
    pack();
  }

  /// Bytes that do not compress, so that the archive has a size worth resuming.
  static std::string noise() {
    std::string text;
    for (int i = 0; i < 200; ++i) text += sha256(std::to_string(i));
    return text;
  }

  void pack() {
    auto archive = server / "tiny.tar.gz";
    auto end = run_program({"tar", "-czf", archive.string(), "-C", server.path().string(), "tiny"});
    ASSERT_TRUE(end.ok() && end->ok());
    set.sha256 = *sha256_file(archive);
    set.archive_bytes = fs::file_size(archive);
    set.url = "file://" + archive.string();
  }

  Status get(std::optional<fs::path> from = {}) {
    return install(set, data.path(), from, [this](std::string_view line) {
      std::lock_guard guard(mutex);
      said += std::string(line) + "\n";
    });
  }

  int times(std::string_view word) {
    int count = 0;
    for (auto at = said.find(word); at != std::string::npos; at = said.find(word, at + 1)) ++count;
    return count;
  }

  void expect_ready() {
    EXPECT_EQ(missing_file(set, data.path()), std::nullopt);
    EXPECT_FALSE(fs::exists(data / ".tiny.tar.gz.part"));
    EXPECT_FALSE(fs::exists(data / ".tiny.unpack"));
  }

  TemporaryFolder server;
  TemporaryFolder data;
  KnownSet set{"tiny", "a test", "tiny", {{"a.bin", 5000}, {"b.bin", 200 * 64}}};
  std::string said;
  std::mutex mutex;
};

class Downloading : public Installing {
 protected:
  void SetUp() override {
    if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
    Installing::SetUp();
  }
};

TEST_F(Installing, ALocalArchiveIsCheckedAndUnpacked) {
  auto status = get(server / "tiny.tar.gz");
  ASSERT_TRUE(status.ok()) << message(status);
  expect_ready();
  EXPECT_TRUE(fs::exists(server / "tiny.tar.gz"));
  EXPECT_TRUE(get(server / "none").ok()) << "ready: nothing is read again";
}

TEST_F(Installing, AnIncompleteFolderIsReplaced) {
  data.write("tiny/a.bin", "cut");
  data.write("tiny/stray", "");
  ASSERT_TRUE(get(server / "tiny.tar.gz").ok());
  expect_ready();
  EXPECT_FALSE(fs::exists(data / "tiny/stray"));
}

TEST_F(Installing, AnotherArchiveIsRefusedAndNothingChanges) {
  auto other = server.write("other.tar.gz", "x");
  auto text = message(get(other));
  EXPECT_NE(text.find(other.string() + ": not the archive of tiny"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(data / "tiny"));
}

TEST_F(Installing, AnArchiveWithAFileOfAnotherSizeIsRefusedByName) {
  set.files[1].bytes = 1;
  auto text = message(get(server / "tiny.tar.gz"));
  EXPECT_NE(text.find("b.bin has 12800 bytes instead of 1"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(data / "tiny"));
  EXPECT_FALSE(fs::exists(data / ".tiny.unpack"));
}

TEST_F(Installing, WithoutADownloaderTheUserLearnsWhatToDo) {
  std::string before = std::getenv("PATH");
  ::setenv("PATH", data.path().c_str(), 1);
  auto text = message(get());
  ::setenv("PATH", before.c_str(), 1);
  EXPECT_NE(text.find("neither curl nor wget is installed"), std::string::npos) << text;
  EXPECT_NE(text.find("clavier data tiny --from FILE"), std::string::npos) << text;
}

TEST_F(Downloading, TheArchiveIsFetchedAndDeletedAfterUse) {
  auto status = get();
  ASSERT_TRUE(status.ok()) << message(status);
  expect_ready();
  EXPECT_EQ(times("downloading"), 1);
}

TEST_F(Downloading, AnInterruptedDownloadGoesOn) {
  auto whole = read_file(server / "tiny.tar.gz");
  data.write(".tiny.tar.gz.part", as_text(*whole).substr(0, 1000));
  auto status = get();
  ASSERT_TRUE(status.ok()) << message(status);
  expect_ready();
  EXPECT_EQ(times("going on with"), 1);
  EXPECT_EQ(times("downloading"), 0);
}

TEST_F(Downloading, AWholeFileLeftByAKilledProcessIsNotFetchedAgain) {
  data.write(".tiny.tar.gz.part", as_text(*read_file(server / "tiny.tar.gz")));
  set.url = "file:///nowhere";
  auto status = get();
  ASSERT_TRUE(status.ok()) << message(status);
  expect_ready();
}

TEST_F(Downloading, ADamagedBeginningIsThrownAwayOnce) {
  data.write(".tiny.tar.gz.part", std::string(1000, 'x'));
  auto status = get();
  ASSERT_TRUE(status.ok()) << message(status);
  expect_ready();
  EXPECT_EQ(times("starting over"), 1);
}

TEST_F(Downloading, AWrongFileFromTheServerIsRefusedByItsSum) {
  set.sha256 = std::string(64, '0');
  auto text = message(get());
  EXPECT_NE(text.find("instead of 0000"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(data / ".tiny.tar.gz.part"));
}

TEST_F(Downloading, AFailingServerIsReportedWithTheWayOut) {
  set.url = "file:///nowhere/tiny.tar.gz";
  auto text = message(get());
  EXPECT_NE(text.find("curl ended with exit status"), std::string::npos) << text;
  EXPECT_NE(text.find("Run this again to go on"), std::string::npos) << text;
}

TEST_F(Downloading, ManyAtOnceDownloadOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> outcomes(6);
  for (auto& outcome : outcomes) threads.emplace_back([&] { outcome = message(get()); });
  for (auto& thread : threads) thread.join();
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome, "no error");
  EXPECT_EQ(times("downloading"), 1);
  expect_ready();
}

TEST(KnownSets, SizesAreThoseOfWholeRecords) {
  ASSERT_NE(find_known("cifar100"), nullptr);
  EXPECT_EQ(find_known("cifar10")->files.size(), 6U);
  EXPECT_EQ(find_known("cifar10")->files[0].bytes, 30'730'000U);
  EXPECT_EQ(find_known("cifar100")->files[1].bytes, 30'740'000U);
  EXPECT_EQ(find_known("mnist"), nullptr);
}

TEST(KnownSets, AWheelWithoutTheDigitsIsRefused) {
  if (!has_program("python3")) GTEST_SKIP() << "python3 is not installed";
  TemporaryFolder folder;
  auto wheel = folder.write("scikit_learn.whl", "no zip");
  testing::internal::CaptureStderr();
  auto status = install(*find_known("digits"), folder.path(), wheel, [](std::string_view) {});
  auto shown = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(shown.find("scikit_learn.whl: cannot take sklearn/datasets/data/digits.csv.gz"),
            std::string::npos)
      << shown;
}

}  // namespace
}  // namespace clavier::train::data
