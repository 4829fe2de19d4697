#include "train/data/fingerprint.h"

#include "tests/support/data_files.h"

namespace clavier::train::data {
namespace {

TEST(Fingerprint, ChangesWithNamesSizesAndContent) {
  TemporaryFolder folder;
  const auto now = [&] { return fingerprint({.source = folder.path().string()}); };
  folder.write("a/1.pgm", "P5 1 1 255 x");
  const auto first = now();
  EXPECT_EQ(now(), first);
  folder.write("a/1.pgm", "P5 1 1 255 y");
  const auto second = now();
  EXPECT_NE(second, first);
  folder.write("b/1.pgm", "P5 1 1 255 y");
  EXPECT_NE(now(), second);
  folder.write(".cache", "hidden");
  std::filesystem::remove_all(folder / "b");
  EXPECT_EQ(now(), second);
  folder.write("a/1.pgm", "P5 1 1 255 x");
  EXPECT_EQ(now(), first);
}

TEST(Fingerprint, IsEmptyForWhatIsNoOwnData) {
  EXPECT_EQ(fingerprint({.source = "digits"}), "");
  EXPECT_EQ(fingerprint({.source = "synthetic"}), "");
  EXPECT_EQ(fingerprint({.source = "/nowhere"}), "");
}

TEST(Fingerprint, OfALargeFileSeesItsPieces) {
  TemporaryFolder folder;
  const auto path = folder.write("x.npy", "");
  std::filesystem::resize_file(path, 100 << 20);  // Of nothing but holes.
  const auto first = fingerprint({.source = path.string()});
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << "changed";
  EXPECT_NE(fingerprint({.source = path.string()}), first);
}

}  // namespace
}  // namespace clavier::train::data
