#include "exec/conversation/worker_fate.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace clavier::exec {
namespace {

WorkerEnd ended(ProcessEnd end) { return {.report = GuardReport{.end = end}}; }

TEST(WorkerFate, ExitStatusZeroIsCompletion) {
  EXPECT_EQ(judge(ended({.exit_code = 0})).kind, ExitKind::kCompleted);
}

TEST(WorkerFate, AnyOtherExitStatusIsAFailureInTheWordsOfTheLastErrorLine) {
  WorkerEnd end = ended({.exit_code = 3});
  EXPECT_EQ(judge(end).error, "the worker ended with exit status 3");
  end.last_error_line = "ValueError: lr";
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
  EXPECT_EQ(judge(end).error, "ValueError: lr (exit status 3)");
}

TEST(WorkerFate, ACrashIsAFailureAndNamesItsSignal) {
  const WorkerFate fate = judge(ended({.signal = SIGSEGV}));
  EXPECT_EQ(fate.kind, ExitKind::kFailed);
  EXPECT_EQ(fate.error, "the worker ended with signal 11 (SIGSEGV)");
}

TEST(WorkerFate, AKillFromOutsideIsALoss) {
  for (int signal : {SIGKILL, SIGTERM, SIGINT, SIGHUP})
    EXPECT_EQ(judge(ended({.signal = signal})).kind, ExitKind::kLost) << signal;
  EXPECT_EQ(judge(WorkerEnd{}).kind, ExitKind::kLost);  // The guard itself.
}

TEST(WorkerFate, AWorkerThatWasLeavingWhenItGotTheTrialIsALoss) {
  WorkerEnd end = ended({.exit_code = 1});
  end.never_read = true;
  EXPECT_EQ(judge(end).kind, ExitKind::kLost);
  EXPECT_EQ(judge(end).error, "the worker left after its last trial with exit status 1");
}

TEST(WorkerFate, AKillForWantOfMemoryIsTheTrialsFault) {
  WorkerEnd end = ended({.signal = SIGKILL});
  end.report->out_of_memory = true;
  const WorkerFate fate = judge(end);
  EXPECT_EQ(fate.kind, ExitKind::kFailed);
  EXPECT_TRUE(fate.error.starts_with("out of memory"));
}

TEST(WorkerFate, MemoryErrorsOfManyProgramsAreRecognised) {
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

TEST(WorkerFate, WhatWasWishedExplainsTheEnd) {
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

TEST(WorkerFate, WhoeverSharedAWorkerThatHadToBeEndedIsALoss) {
  WorkerEnd end = ended({.exit_code = 1});
  end.terminated = true;
  EXPECT_EQ(judge(end).kind, ExitKind::kLost);
  EXPECT_EQ(judge(end).error, "the worker was ended because of another trial of its launch");
}

TEST(WorkerFate, ACrashWhileSavingForAPauseIsAFailure) {
  WorkerEnd end = ended({.signal = SIGSEGV});
  end.wish = Wish::kPause;
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
}

TEST(WorkerFate, AProgramThatCouldNotBeStartedIsRefused) {
  WorkerEnd end{.report = GuardReport{.kind = GuardReport::Kind::kNotStarted, .error = "no such"}};
  end.wish = Wish::kStop;
  EXPECT_EQ(judge(end).kind, ExitKind::kRefused);
  EXPECT_EQ(judge(end).error, "no such");
}

TEST(WorkerFate, AWarmWorkerMayNotLeaveInTheMiddleOfATrial) {
  WorkerEnd end = ended({});
  end.takes_several = true;
  EXPECT_EQ(judge(end).kind, ExitKind::kFailed);
}

}  // namespace
}  // namespace clavier::exec
