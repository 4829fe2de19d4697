#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace clavier::cli {
namespace {

struct Ran {
  int status = 0;
  std::string output;  ///< Of both streams.
};

Ran clavier(const std::string& arguments) {
  const std::string command = std::string(CLAVIER_PROGRAM) + " " + arguments +
                              (arguments.find('>') == std::string::npos ? " 2>&1" : "");
  Ran ran;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    ran.output.append(buffer.data(), got);
  ran.status = WEXITSTATUS(::pclose(pipe));
  return ran;
}

TEST(CommandLine, HelpTeachesWithExamples) {
  const Ran help = clavier("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("clavier run study.toml"), std::string::npos);
  for (const char* command :
       {"run", "check", "list", "status", "trials", "show", "best", "test", "rerun", "add", "pause",
        "resume", "stop", "raise", "export", "clean", "verify", "data"}) {
    EXPECT_NE(help.output.find(std::string("\n  ") + command), std::string::npos) << command;
    const Ran own = clavier(std::string(command) + " --help");
    EXPECT_EQ(own.status, 0) << command;
    EXPECT_NE(own.output.find(std::string("clavier ") + command), std::string::npos) << own.output;
    EXPECT_NE(own.output.find("Examples:"), std::string::npos) << own.output;
  }
}

TEST(CommandLine, UsageErrorsEndWithTwo) {
  EXPECT_EQ(clavier("").status, 2);
  const Ran unknown = clavier("trails");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_EQ(unknown.output,
            "clavier: no command \"trails\"; did you mean \"trials\"?\n"
            "clavier --help shows what there is\n");
  EXPECT_EQ(clavier("show").status, 2);
  EXPECT_EQ(clavier("best --mode maximum").status, 2);
  EXPECT_EQ(clavier("list -- something").status, 2);
  EXPECT_EQ(clavier("trials --nonsense").status, 2);
}

TEST(CommandLine, ATrialAndAStudyComeInEitherOrder) {
  const auto refused = [](const std::string& arguments) {
    return clavier(arguments + " --dir /nonexistent").output;
  };
  const std::string missing = "clavier: there is no study in /nonexistent;";
  EXPECT_EQ(refused("test demo").substr(0, missing.size()), missing);
  EXPECT_EQ(refused("test 7").substr(0, missing.size()), missing);
  EXPECT_EQ(refused("show 7 demo").substr(0, missing.size()), missing);
  EXPECT_EQ(refused("show demo 7").substr(0, missing.size()), missing);
  EXPECT_NE(refused("show demo").find("which trial?"), std::string::npos);
  EXPECT_NE(refused("show demo other").find("one trial's number"), std::string::npos);
}

TEST(CommandLine, FailuresEndWithOneOnStandardError) {
  const Ran ran = clavier("status --dir /nonexistent 2>/dev/null");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.output, "");
}

TEST(CommandLine, VersionNamesTheCommit) {
  const Ran ran = clavier("--version");
  EXPECT_EQ(ran.status, 0);
  EXPECT_TRUE(ran.output.starts_with("clavier ")) << ran.output;
}

TEST(CommandLine, WordsBehindTheDashesAreTheUsersCommand) {
  const Ran ran = clavier(
      "check --space 'lr=uniform(0,1)' --set study.seed=3 --min loss --trials 7 -- prog --lr {lr} "
      "--help");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("command = [\"prog\", \"--lr\", \"{lr}\", \"--help\"]"),
            std::string::npos)
      << ran.output;
  EXPECT_NE(ran.output.find("seed = 3"), std::string::npos) << ran.output;
}

TEST(CommandLine, AClosedOrFullOutputIsAFailureButNoCrash) {
  const std::string check = "check --min loss --trials 1 -- prog";
  EXPECT_EQ(clavier(check + " > /dev/full").status, 1);
  EXPECT_EQ(clavier(check + " >&-").status, 0) << "what nobody can read is thrown away";
}

}  // namespace
}  // namespace clavier::cli
