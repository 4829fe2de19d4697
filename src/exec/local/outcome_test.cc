#include "exec/local/outcome.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace clavier::exec {
namespace {

WorkerEnd ended(ProcessEnd end) { return {.report = GuardReport{.end = end}}; }

TEST(Outcome, ExitStatusZeroIsCompletion) {
  EXPECT_EQ(judge(ended({.exit_code = 0})).kind, ExitKind::kCompleted);
}

TEST(Outcome, AnyOtherExitStatusIsAFailureInTheWordsOfTheLastErrorLine) {
  WorkerEnd end = ended({.exit_code = 3});
  EXPECT_EQ(judge(end).error, "the worker ended with exit status 3");
  end.last_error_line = "ValueError: lr";
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
  EXPECT_EQ(judge(end).error, "ValueError: lr (exit status 3)");
}

TEST(Outcome, ACrashIsAFailureAndNamesItsSignal) {
  const Outcome outcome = judge(ended({.signal = SIGSEGV}));
  EXPECT_EQ(outcome.kind, ExitKind::kFailed);
  EXPECT_EQ(outcome.error, "the worker ended with signal 11 (SIGSEGV)");
}

TEST(Outcome, AKillFromOutsideIsALoss) {
  for (int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP})
    EXPECT_EQ(judge(ended({.signal = signal})).kind, ExitKind::kLost) << signal;
  EXPECT_EQ(judge(WorkerEnd{}).kind, ExitKind::kLost);  // The guard itself.
}

TEST(Outcome, AWorkerThatWasLeavingWhenItGotTheTrialIsALoss) {
  WorkerEnd end = ended({.exit_code = 1});
  end.never_read = true;
  EXPECT_EQ(judge(end).kind, ExitKind::kLost);
  EXPECT_EQ(judge(end).error, "the worker left after its last trial with exit status 1");
}

TEST(Outcome, AKillForWantOfMemoryIsTheTrialsFault) {
  WorkerEnd end = ended({.signal = SIGKILL});
  end.report->out_of_memory = true;
  const Outcome outcome = judge(end);
  EXPECT_EQ(outcome.kind, ExitKind::kFailed);
  EXPECT_TRUE(outcome.error.starts_with("out of memory"));
}

TEST(Outcome, MemoryErrorsOfManyProgramsAreRecognised) {
  for (const char* words :
       {"MemoryError", "terminate called after throwing an instance of 'std::bad_alloc'",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        "DefaultCPUAllocator: can't allocate memory", "dd: memory exhausted by input buffer",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"}) {
    WorkerEnd end = ended({.exit_code = 1});
    end.last_error_line = end.error_tail = words;
    EXPECT_TRUE(judge(end).error.starts_with("out of memory: ")) << words;
  }
  EXPECT_EQ(error_with_cause("out of memory in layer 3", ""), "out of memory in layer 3");
  EXPECT_EQ(error_with_cause("loss is NaN", "epoch 1"), "loss is NaN");
}

TEST(Outcome, WhatWasWishedExplainsTheEnd) {
  WorkerEnd end = ended({.signal = SIGTERM});
  end.terminated = true;
  end.wish = Wish::kStop;
  EXPECT_EQ(judge(end).kind, ExitKind::kStopped);
  end.wish = Wish::kPause;
  EXPECT_EQ(judge(end).kind, ExitKind::kPaused);
  end.wish = Wish::kTimeLimit;
  end.complaint = "the time limit was reached";
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
  EXPECT_EQ(judge(end).error, end.complaint);
  end.wish = Wish::kRefuse;
  EXPECT_EQ(judge(end).kind, ExitKind::kRefused);
}

TEST(Outcome, ACrashWhileSavingForAPauseIsAFailure) {
  WorkerEnd end = ended({.signal = SIGSEGV});
  end.wish = Wish::kPause;
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
}

TEST(Outcome, AProgramThatCouldNotBeStartedIsRefused) {
  WorkerEnd end{.report = GuardReport{.kind = GuardReport::Kind::kNotStarted, .error = "no such"}};
  end.wish = Wish::kStop;
  EXPECT_EQ(judge(end).kind, ExitKind::kRefused);
  EXPECT_EQ(judge(end).error, "no such");
}

TEST(Outcome, AWarmWorkerMayNotLeaveInTheMiddleOfATrial) {
  WorkerEnd end = ended({});
  end.takes_several = true;
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
}

}  // namespace
}  // namespace clavier::exec
