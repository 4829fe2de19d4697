#include "app/trainer.h"

#include <gtest/gtest.h>

#include "app/study_file.h"
#include "train/spec/trainer_spec.h"

namespace clavier::app {
namespace {

/// A study file with these lines of [scheduler] and [trainer], resolved.
Result<StudySpec> resolved(const std::string& scheduler, const std::string& trainer) {
  StudySpec spec = TRY(parse_study(
      "[study]\nmetric = 'loss'\nmode = 'min'\ntrials = 4\n[space]\nlr = { uniform = [0.1, 1] }\n"
      "[scheduler]\n" +
          scheduler + "\n[trainer]\n" + trainer + "\n",
      "test.toml"));
  const Status status = resolve_trainer(spec);
  if (!status.ok()) return status.error();
  return spec;
}

train::TrainerSpec trainer_of(const Result<StudySpec>& spec) {
  EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
  return spec.ok() ? train::read_trainer(*spec->trainer).value() : train::TrainerSpec{};
}

Value max_steps(const Result<StudySpec>& spec) {
  const Value* value = spec.ok() ? spec->scheduler.options.find("max_steps") : nullptr;
  return value ? *value : Value();
}

TEST(Trainer, LengthInEpochsIsTheSchedulersOrTheOtherWayRound) {
  EXPECT_EQ(trainer_of(resolved("algorithm = 'asha'\nmax_steps = 12", "")).epochs, 12);
  EXPECT_EQ(max_steps(resolved("", "epochs = 7")), Value(std::int64_t{7}));
}

TEST(Trainer, TheLongestOfTrialsOfUnequalLengthGoesToItsEnd) {
  const auto limit = [](const std::string& epochs, const std::string& more = "") {
    return max_steps(resolved(more, "epochs = 2\n[space.epochs]\n" + epochs));
  };
  EXPECT_EQ(limit("grid = [1, 3, 5]"), Value(5));
  EXPECT_EQ(limit("int = [1, 30]"), Value(30));
  EXPECT_EQ(limit("constant = 4"), Value(4));
  EXPECT_EQ(limit("expr = '2 + 3'"), Value(kForever));
  EXPECT_EQ(limit("grid = [1, 3, 5]", "max_steps = 3"), Value(3)) << "what the file says";
  EXPECT_EQ(max_steps(resolved("", "unit = 'batch'\nbatches = 7\n[space.batches]\nint = [1, 9]")),
            Value(9));
}

TEST(Trainer, LengthInBatchesIsTheSchedulersOrTheOtherWayRound) {
  const auto given = trainer_of(resolved("max_steps = 300", "unit = 'batch'"));
  EXPECT_EQ(given.batches, 300);
  EXPECT_EQ(given.report_every, 1);
  EXPECT_EQ(max_steps(resolved("", "unit = 'batch'\nbatches = 70")), Value(std::int64_t{70}));
}

TEST(Trainer, EpochsBesideStepsInBatchesAreTheTrainersOwnEnd) {
  const auto own = trainer_of(resolved("max_steps = 300", "unit = 'batch'\nepochs = 3"));
  EXPECT_EQ(own.batches, 0);
  EXPECT_EQ(own.epochs, 3);
}

TEST(Trainer, BatchesWithoutALengthAreRefused) {
  const auto spec = resolved("", "unit = 'batch'");
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().message.substr(0, 38), "test.toml:10:1: how long a trial is: s");
}

TEST(Trainer, EveryWrongKeyAndParameterHasItsPlace) {
  EXPECT_EQ(resolved("", "lr = -1\ndata = { source = 'digits', validation = 2 }\nmomentun = 1")
                .error()
                .message,
            "test.toml:10:1: trainer.lr must be > 0, but is -1\n"
            "test.toml:11:29: trainer.data.validation must be at least 0 and below 1, but is 2\n"
            "test.toml:12:1: trainer has no key 'momentun'; did you mean \"momentum\"?");
  EXPECT_TRUE(
      resolved("", "[space.net]\nwidth = { int = [1, 4] }")
          .error()
          .message.starts_with("test.toml:11:1: the trainer uses no parameter 'net.width'"));
}

TEST(Trainer, APopulationIsEvaluatedWhereItIsJudged) {
  const std::string pbt = "algorithm = 'pbt'\ninterval = 50\nmax_steps = 1000";
  EXPECT_EQ(trainer_of(resolved(pbt, "unit = 'batch'")).report_every, 50);
  EXPECT_EQ(trainer_of(resolved(pbt, "unit = 'batch'\nreport_every = 25")).report_every, 25);
  EXPECT_EQ(trainer_of(resolved(pbt, "")).report_every, 1);
}

TEST(Trainer, WhoCountsOnAfterATakeOverIsEndedByTheScheduler) {
  const std::string pbt = "algorithm = 'pbt'\nvariant = 'hrfs'\nmax_steps = 1000";
  const auto spec = trainer_of(resolved(pbt, "unit = 'batch'"));
  EXPECT_EQ(spec.batches, 0);
  EXPECT_GE(spec.epochs, 1000);
}

TEST(Trainer, ASmokeTestOfStepsInBatchesIsAsShort) {
  auto spec = parse_study(
      "[study]\nmetric = 'loss'\nmode = 'min'\n[trainer]\nunit = 'batch'\nbatches = 900\n"
      "report_every = 50\n",
      "test.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_TRUE(make_smoke(*spec).ok());
  ASSERT_TRUE(resolve_trainer(*spec).ok());
  const auto trainer = train::read_trainer(*spec->trainer).value();
  EXPECT_EQ(trainer.batches, 2);
  EXPECT_EQ(trainer.report_every, 1);
}

}  // namespace
}  // namespace clavier::app
