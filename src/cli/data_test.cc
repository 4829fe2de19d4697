#include "cli/data.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/scratch_directory.h"

namespace clavier::cli {
namespace {

class DataCommand : public testing::Test {
 protected:
  int run(DataOptions options) {
    options.data_dir = folder;
    std::ostringstream out, err;
    std::istringstream in;
    Streams streams{.out = out, .err = err, .in = in};
    const int status = run_data(options, streams);
    shown = out.str();
    errors = err.str();
    return status;
  }

  const ScratchDirectory scratch;
  const std::filesystem::path folder = scratch.path();
  std::string shown;
  std::string errors;
};

TEST_F(DataCommand, WithoutANameListsWhatIsKnownAndHowToGetIt) {
  EXPECT_EQ(run({}), 0);
  EXPECT_NE(shown.find("cifar10   not here    184 MB"), std::string::npos) << shown;
  EXPECT_NE(shown.find("get it with: clavier data cifar100 (169 MB to fetch)"), std::string::npos);
  std::filesystem::create_directory(folder / "digits");
  EXPECT_EQ(run({}), 0);
  EXPECT_NE(shown.find("digits    incomplete"), std::string::npos) << shown;
}

TEST_F(DataCommand, OwnDataAreDescribedAndExported) {
  auto file = folder / "own.csv";
  {
    std::ofstream out(file);
    for (int i = 0; i < 20; ++i) out << i << "," << -i << "," << (i % 2 ? "odd" : "even") << "\n";
  }
  EXPECT_EQ(run({.name = file.string(), .export_to = folder / "out"}), 0) << errors;
  EXPECT_NE(shown.find("2 numbers per sample, 2 classes; 13 training, 3 validation and 4 test"),
            std::string::npos)
      << shown;
  EXPECT_TRUE(std::filesystem::exists(folder / "out/test_labels.npy"));
}

TEST_F(DataCommand, OwnDataAreShownAsTheyWereTaken) {
  auto file = folder / "own.csv";
  {
    std::ofstream out(file);
    out << ",colour,size,price\n";
    for (int i = 0; i < 40; ++i)
      out << i << "," << (i % 2 ? "red" : "blue") << "," << (i == 3 ? "" : "2") << "," << i
          << ".5\n";
  }
  EXPECT_EQ(run({.name = file.string(), .labels = "price"}), 0) << errors;
  for (const char* line :
       {"3 numbers per sample, one target", "the first line is the header (else header = false)",
        "  \"1\": left out: it has no name", "  \"colour\": 2 categories: blue, red",
        "  \"size\": numbers; 1 missing", "  \"price\": the labels", "targets: mean ",
        "validation: 20 % of the training data", "normalised: every number"})
    EXPECT_NE(shown.find(line), std::string::npos) << line << "\n" << shown;
  EXPECT_EQ(run({.name = file.string(), .labels = "colour", .ignore = {"size"}}), 0) << errors;
  EXPECT_NE(shown.find("classes: blue (20), red (20)"), std::string::npos) << shown;
  EXPECT_EQ(run({.name = file.string(), .ignore = {"siz"}}), 1);
  EXPECT_NE(errors.find("did you mean \"size\"?"), std::string::npos) << errors;
}

TEST_F(DataCommand, FailuresAreToldOnStandardErrorAndInTheStatus) {
  EXPECT_EQ(run({.name = "/nowhere"}), 1);
  EXPECT_NE(errors.find("clavier: /nowhere: no such file or folder"), std::string::npos) << errors;
  EXPECT_EQ(run({.name = "synthetic", .from = folder / "x"}), 1);
  EXPECT_NE(errors.find("--from is for digits"), std::string::npos) << errors;
}

}  // namespace
}  // namespace clavier::cli
