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

Ran shell(const std::string& command) {
  Ran ran;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    ran.output.append(buffer.data(), got);
  ran.status = WEXITSTATUS(::pclose(pipe));
  return ran;
}

Ran clavier(const std::string& arguments) {
  return shell(std::string(CLAVIER_PROGRAM) + " " + arguments +
               (arguments.find('>') == std::string::npos ? " 2>&1" : ""));
}

TEST(CommandLine, HelpTeachesWithExamples) {
  const Ran help = clavier("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("clavier run study.toml"), std::string::npos);
  for (const char* command :
       {"run",   "check",  "list",  "status", "trials", "show",   "best",   "importance",
        "test",  "rerun",  "ask",   "tell",   "add",    "pause",  "resume", "stop",
        "raise", "export", "clean", "verify", "data",   "predict"}) {
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

TEST(CommandLine, WordsThatDoNotGoTogetherEndWithTwoAndAWrongStudyFileWithOne) {
  for (const char* command : {"run", "check", "plan", "simulate"}) {
    const auto status = [&](const std::string& arguments) {
      return clavier(command + (" " + arguments)).status;
    };
    EXPECT_EQ(status(""), 2);
    EXPECT_EQ(status("s.toml -- python train.py"), 2);
    EXPECT_EQ(status("s.toml --min loss"), 2);
    EXPECT_EQ(status("s.toml --set nonsense"), 2);
    EXPECT_EQ(status("--space 'lr=uniform(0,1)' -- true"), 2) << "of what?";
    EXPECT_EQ(status("--space 'lr=uniform(0,1' --min loss -- true"), 2);
    EXPECT_EQ(status("/nonexistent.toml"), 1);
    EXPECT_EQ(status("/dev/null"), 1);
  }
  EXPECT_EQ(clavier("add demo lr").status, 2);
  EXPECT_EQ(clavier("tell demo").status, 2);
  EXPECT_EQ(clavier("tell demo seven loss=1").status, 2);
  EXPECT_EQ(clavier("tell demo 7 loss").status, 2);
  EXPECT_EQ(clavier("tell demo 7 loss=low").status, 2);
  EXPECT_EQ(clavier("tell demo 7 loss=1 loss=2").status, 2);
  EXPECT_EQ(clavier("tell demo 7 --step 3").status, 2);
  EXPECT_EQ(clavier("tell demo 7 loss=1 --failed why").status, 2);
  EXPECT_EQ(clavier("tell demo 7 --lost x --failed y").status, 2);
  EXPECT_EQ(clavier("importance demo --quantile 2").status, 2);
  EXPECT_EQ(clavier("rerun 3 demo --set nonsense").status, 2);
  EXPECT_EQ(clavier("data /nonexistent.csv --from x.tar").status, 2);
  EXPECT_EQ(clavier("data /nonexistent.csv").status, 1);
}

TEST(CommandLine, WhatIsNotKnownIsNamedWithTheNearest) {
  const auto told = [](const std::string& arguments) {
    const Ran ran = clavier(arguments);
    EXPECT_EQ(ran.status, 2) << ran.output;
    return ran.output;
  };
  EXPECT_EQ(told("trials --dirr x --top 3"),
            "clavier: clavier trials has no option --dirr; did you mean \"--dir\"?\n"
            "clavier trials --help shows what there is\n");
  EXPECT_EQ(told("status one two three"),
            "clavier: clavier status takes no further word: two three\n"
            "clavier status --help shows what there is\n");
  EXPECT_EQ(told("run --space 'lr=uniform(0,1)' --min loss python train.py --lr {lr}"),
            "clavier: the program to run and its arguments go behind --: clavier run … -- python "
            "train.py --lr {lr}\n"
            "clavier run --help shows what there is\n");
  EXPECT_TRUE(told("--run").starts_with("clavier: no command \"--run\"; did you mean \"run\"?"));
  EXPECT_TRUE(told("trials --top -3")
                  .starts_with("clavier: --top: a whole number of at least 0 is needed, not -3\n"));
  EXPECT_TRUE(told("raise x --trials 9223372036854775807")
                  .starts_with("clavier: --trials: a whole number from 1 to 1000000000000000 is "
                               "needed, not 9223372036854775807\n"));
}

TEST(CommandLine, HelpIsWrittenAsPeopleType) {
  EXPECT_NE(clavier("show --help").output.find("clavier show [OPTIONS] TRIAL [STUDY]\n"),
            std::string::npos)
      << clavier("show --help").output;
  EXPECT_NE(clavier("pause --help").output.find("clavier pause [OPTIONS] STUDY [TRIAL]\n"),
            std::string::npos);
  EXPECT_EQ(clavier("run --help").output.find(":INT in ["), std::string::npos);
  EXPECT_NE(clavier("--help").output.find("130 paused"), std::string::npos);
}

TEST(CommandLine, ATrialAndAStudyComeInEitherOrder) {
  const auto refused = [](const std::string& arguments) {
    return clavier(arguments + " --dir /nonexistent").output;
  };
  const std::string missing = "clavier: there is no study in /nonexistent;";
  EXPECT_EQ(refused("test demo").substr(0, missing.size()), missing);
  EXPECT_EQ(refused("test 7").substr(0, missing.size()), missing);
  EXPECT_EQ(refused("predict 7 new.csv --study demo").substr(0, missing.size()), missing);
  EXPECT_NE(refused("predict x new.csv").find("x is no trial's number"), std::string::npos);
  EXPECT_EQ(refused("show 7 demo").substr(0, missing.size()), missing);
  EXPECT_EQ(refused("show demo 7").substr(0, missing.size()), missing);
  for (const char* command : {"pause", "stop", "resume"})
    for (const char* words : {" demo", " demo 7", " 7 demo"}) {
      const std::string told = refused(std::string(command) + words);
      EXPECT_EQ(told.substr(0, missing.size()), missing) << told;
    }
  EXPECT_NE(refused("pause demo other").find("one study and one trial"), std::string::npos);
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
      "check --space 'lr=uniform(0,1)' --set study.seed=3 --min loss --trials 7 -- echo --lr {lr} "
      "--help");
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_NE(ran.output.find("command = [\"echo\", \"--lr\", \"{lr}\", \"--help\"]"),
            std::string::npos)
      << ran.output;
  EXPECT_NE(ran.output.find("seed = 3"), std::string::npos) << ran.output;
}

TEST(CommandLine, AReaderThatHasSeenEnoughChangesNothing) {
  EXPECT_EQ(shell("{ (" CLAVIER_PROGRAM
                  " check --min loss --trials 1 -- echo 2>&3; echo $? >&3) | true; } 3>&1")
                .output,
            "0\n");
}

TEST(CommandLine, AClosedOrFullOutputIsAFailureButNoCrash) {
  const std::string check = "check --min loss --trials 1 -- echo";
  EXPECT_EQ(clavier(check + " > /dev/full").status, 1);
  EXPECT_EQ(clavier(check + " >&-").status, 0) << "what nobody can read is thrown away";
}

}  // namespace
}  // namespace clavier::cli
