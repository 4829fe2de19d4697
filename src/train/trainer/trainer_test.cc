#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "tests/support/trainer_script.h"
#include "train/data/safetensors.h"
#include "train/spec/data_table.h"
#include "train/trainer/checkpoint.h"
#include "train/trainer/device.h"
#include "train/trainer/predict.h"
#include "train/trainer/run_trial.h"
#include "train/trainer/training.h"

namespace clavier::train {
namespace {

using std::filesystem::path;

/// Small images of four classes that can be learnt.
constexpr const char* kData =
    R"("data": {"source": "synthetic", "synthetic": {"shape": [2, 12, 12], "classes": 4,
       "train": 50, "validation": 20, "test": 20}})";
/// Everything that could break a resume: norms, dropout, augmentation, momentum, a schedule.
constexpr const char* kModel =
    R"("model": {"layers": [{"conv2d": 4, "kernel": 3, "name": "stem"}, "batch_norm", "relu",
       {"max_pool": 2}, {"conv2d": 6, "kernel": 3}, "relu", {"max_pool": 2}, "flatten",
       {"dropout": 0.2}, {"linear": "outputs", "name": "readout"}]})";

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::temp_directory_path() /
                 ("clavier_trainer_" + std::to_string(::getpid()) + "_" + test->name());
    std::filesystem::create_directories(directory_);
    use_few_threads();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static TrainerSpec spec(const std::string& more) {
    auto result = parse_trainer(std::string("{") + kData + ", " + kModel + more + "}");
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return *std::move(result);
  }

  static Samples load(const TrainerSpec& of) {
    auto dataset = data::load_dataset(data_of(of).value(), {});
    EXPECT_TRUE(dataset.ok()) << (dataset.ok() ? "" : dataset.error().message);
    return to_device(*dataset, at::kFloat, c10::kCPU);
  }

  static std::unique_ptr<Training> start(const TrainerSpec& of, const Samples& samples,
                                         std::uint64_t seed = 5) {
    auto training = Training::create(of, seed, samples, c10::kCPU);
    EXPECT_TRUE(training.ok()) << (training.ok() ? "" : training.error().message);
    return *std::move(training);
  }

  void expect_resume_is_exact(const TrainerSpec& of, int steps) {
    const Samples samples = load(of);
    auto whole = start(of, samples);
    auto first = start(of, samples);
    for (int i = 0; i < 2 * steps; ++i) whole->train_step();
    for (int i = 0; i < steps; ++i) first->train_step();
    ASSERT_TRUE(save_checkpoint(*first, directory_).ok());
    auto second = start(of, samples, 77);  // Another seed: the checkpoint's must win.
    const Status loaded = load_checkpoint(*second, directory_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(second->step(), steps);
    for (int i = 0; i < steps; ++i) second->train_step();
    EXPECT_TRUE(at::equal(second->array().parameters(), whole->array().parameters()));
    EXPECT_TRUE(at::equal(second->array().buffers(), whole->array().buffers()));
    EXPECT_EQ(second->report_metrics()[0], whole->report_metrics()[0]);
    EXPECT_EQ(second->report_metrics()[3], whole->report_metrics()[3]);
  }

  path directory_;
  c10::InferenceMode no_graph_;
};

constexpr const char* kAugmented =
    R"(, "batch_size": 8, "crop_padding": 2, "flip": true, "cutout": 3, "schedule": "cosine",
       "warmup": 1, "epochs": 6, "weight_decay": 1e-3)";

TEST_F(TrainerTest, AResumedTrainingEqualsAnUninterruptedOneBitForBit) {
  for (const char* optimizer : {"sgd", "adam", "adamw"})
    expect_resume_is_exact(spec(std::string(kAugmented) + R"(, "optimizer": ")" + optimizer + "\""),
                           2);
}

TEST_F(TrainerTest, SoDoesOneInterruptedWithinAnEpoch) {
  expect_resume_is_exact(spec(std::string(kAugmented) + R"(, "unit": "batch")"), 9);
}

TEST_F(TrainerTest, TheSameSeedsGiveTheSameTrainingOthersAnother) {
  const TrainerSpec of = spec(kAugmented);
  const Samples samples = load(of);
  TrainerSpec other_order = of;
  other_order.data_seed = 9;
  auto a = start(of, samples, 1);
  auto b = start(of, samples, 1);
  auto c = start(of, samples, 2);
  auto d = start(other_order, samples, 1);
  EXPECT_FALSE(at::equal(a->array().parameters(), c->array().parameters()));
  EXPECT_TRUE(at::equal(a->array().parameters(), d->array().parameters()));
  for (auto* training : {&a, &b, &c, &d}) (*training)->train_step();
  EXPECT_TRUE(at::equal(a->array().parameters(), b->array().parameters()));
  EXPECT_FALSE(at::equal(a->array().parameters(), d->array().parameters()));
}

TEST_F(TrainerTest, AnEpochHoldsEverySampleOnceInAnOrderOfItsOwn) {
  const TrainerSpec of = spec(R"(, "batch_size": 8)");
  const Samples samples = load(of);
  Batches batches(samples, of);
  ASSERT_EQ(batches.per_epoch(), 7);
  std::vector<double> seen[2];
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (std::int64_t i = 0; i < 7; ++i) {
      const Batch batch = batches.batch(epoch, i);
      EXPECT_EQ(batch.inputs.size(0), i < 6 ? 8 : 2);
      for (std::int64_t n = 0; n < batch.inputs.size(0); ++n)
        seen[epoch].push_back(batch.inputs[n].to(at::kDouble).square().sum().item<double>());
    }
  }
  EXPECT_NE(seen[0], seen[1]);
  for (auto& sums : seen) std::sort(sums.begin(), sums.end());
  EXPECT_EQ(seen[0], seen[1]);
}

TEST_F(TrainerTest, AugmentationMovesPixelsOfTheTrainingSplitOnly) {
  const TrainerSpec plain = spec(R"(, "batch_size": 50)");
  const TrainerSpec moved = spec(R"(, "batch_size": 50, "crop_padding": 2, "flip": true)");
  const Samples samples = load(plain);
  const Batch before = Batches(samples, plain).batch(0, 0);
  const Batch after = Batches(samples, moved).batch(0, 0);
  EXPECT_TRUE(at::equal(before.targets, after.targets));
  int unmoved = 0;
  for (std::int64_t n = 0; n < 50; ++n) {
    bool found = false;  // Some shift of the image or its mirror gives the new one.
    for (bool mirror : {false, true}) {
      const at::Tensor from = mirror ? before.inputs[n].flip(2) : before.inputs[n];
      const at::Tensor wide = at::constant_pad_nd(from, {2, 2, 2, 2}, 0);
      for (std::int64_t y = 0; y < 5; ++y)
        for (std::int64_t x = 0; x < 5; ++x)
          found = found || at::equal(wide.narrow(1, y, 12).narrow(2, x, 12), after.inputs[n]);
    }
    EXPECT_TRUE(found) << n;
    unmoved += at::equal(before.inputs[n], after.inputs[n]);
  }
  EXPECT_LT(unmoved, 10);
  EXPECT_EQ(start(plain, samples)->report_metrics()[0], start(moved, samples)->report_metrics()[0]);
}

TEST_F(TrainerTest, CutoutBlanksOneSquare) {
  const TrainerSpec plain = spec(R"(, "batch_size": 50)");
  const Samples samples = load(plain);
  const at::Tensor before = Batches(samples, plain).batch(0, 0).inputs;
  const at::Tensor after =
      Batches(samples, spec(R"(, "batch_size": 50, "cutout": 4)")).batch(0, 0).inputs;
  const at::Tensor blank = before.ne(after).any(1).sum({1, 2});
  EXPECT_LE(blank.max().item<std::int64_t>(), 16);
  EXPECT_GE(blank.min().item<std::int64_t>(), 4);  // A corner may hang over the edge.
  EXPECT_TRUE(at::where(before.ne(after), after, at::zeros({1})).eq(0).all().item<bool>());
}

TEST_F(TrainerTest, ACheckpointHoldsEveryTensorByNameInOneModelsSizes) {
  const TrainerSpec of = spec("");
  const Samples samples = load(of);
  auto training = start(of, samples);
  training->train_step();
  ASSERT_TRUE(save_checkpoint(*training, directory_).ok());
  const auto model = data::read_safetensors(directory_ / "model.safetensors");
  ASSERT_TRUE(model.ok()) << model.error().message;
  ASSERT_TRUE(model->find("stem.weight"));
  EXPECT_EQ(model->find("stem.weight")->shape, (std::vector<std::int64_t>{4, 2, 3, 3}));
  EXPECT_TRUE(model->find("batch_norm1.running_var"));
  const auto optimizer = data::read_safetensors(directory_ / "optimizer.safetensors");
  ASSERT_TRUE(optimizer.ok()) << optimizer.error().message;
  EXPECT_TRUE(optimizer->find("momentum/readout.bias"));
}

TEST_F(TrainerTest, ACheckpointOfAnotherNetworkIsRefusedByName) {
  const TrainerSpec of = spec("");
  const Samples samples = load(of);
  ASSERT_TRUE(save_checkpoint(*start(of, samples), directory_).ok());
  const auto mlp = parse_trainer(std::string("{") + kData + R"(, "model": "mlp"})");
  auto other = start(*mlp, samples);
  const Status status = load_checkpoint(*other, directory_);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("has no tensor 'fc1.weight'"), std::string::npos);
}

TEST_F(TrainerTest, ADamagedCheckpointIsRefusedWithItsFile) {
  const TrainerSpec of = spec("");
  const Samples samples = load(of);
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "trainer.json"}) {
    auto training = start(of, samples);
    ASSERT_TRUE(save_checkpoint(*training, directory_).ok());
    std::filesystem::resize_file(directory_ / name,
                                 std::filesystem::file_size(directory_ / name) / 2);
    const Status status = load_checkpoint(*training, directory_);
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_NE(status.error().message.find(name), std::string::npos) << status.error().message;
  }
}

TEST_F(TrainerTest, AnotherOptimizerTakesTheWeightsAndStartsItsMomentsAnew) {
  const TrainerSpec of = spec("");
  const Samples samples = load(of);
  auto donor = start(of, samples);
  donor->train_step();
  ASSERT_TRUE(save_checkpoint(*donor, directory_).ok());
  auto taker = start(spec(R"(, "optimizer": "adam")"), samples);
  const Status loaded = load_checkpoint(*taker, directory_);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message;
  EXPECT_TRUE(at::equal(taker->array().parameters(), donor->array().parameters()));
  EXPECT_EQ(taker->optimizer().steps().front(), 0);
  EXPECT_EQ(taker->step(), 1);
}

TEST_F(TrainerTest, AnInputThatIsTooSmallNamesTheLayer) {
  const auto net = parse_trainer(std::string("{") + kData + R"(, "model": "net"})");
  const Samples samples = load(*net);
  const auto training = Training::create(*net, 1, samples, c10::kCPU);
  ASSERT_FALSE(training.ok());
  EXPECT_EQ(training.error().message.substr(0, 28), "layer 'conv2' (conv2d 5x5) g");
}

TEST_F(TrainerTest, AGpuThatIsNotThereIsRefused) {
  const auto device = choose_device("cuda:99");
  ASSERT_FALSE(device.ok());
  EXPECT_NE(device.error().message.find("sees"), std::string::npos);
  EXPECT_TRUE(choose_device("auto").ok());
}

using testing::Script;

TEST_F(TrainerTest, ATrialReportsEveryEpochLeavesWhenToldAndResumes) {
  Trainer trainer(spec(R"(, "epochs": 5, "lr": 0.02)"), {});
  Script whole(directory_ / "a", 99);
  testing::run(trainer, whole);
  EXPECT_EQ(whole.steps_, (std::vector<Steps>{1, 2, 3, 4, 5}));
  Script first(directory_ / "b", 2);
  testing::run(trainer, first);
  EXPECT_EQ(first.steps_.size(), 2u);
  Script second(directory_ / "b", 99);
  second.checkpoint_ = first.saved_;
  testing::run(trainer, second);
  EXPECT_EQ(second.steps_, (std::vector<Steps>{3, 4, 5}));
  EXPECT_EQ(second.results(2), whole.results(4));
}

constexpr const char* kInBatches =
    R"(, "batch_size": 8, "unit": "batch", "report_every": 5, "lr": 0.02, "epochs": 99)";

TEST_F(TrainerTest, BatchesAreReportedAtMultiplesAndWhereTheStudyWaits) {
  Trainer trainer(spec(std::string(kInBatches) + R"(, "batches": 17)"), {});
  Script whole(directory_ / "a", 99);
  testing::run(trainer, whole);
  EXPECT_EQ(whole.steps_, (std::vector<Steps>{5, 10, 15, 17}));
  Script first(directory_ / "b", 7);
  first.until_ = 7;
  testing::run(trainer, first);
  EXPECT_EQ(first.steps_, (std::vector<Steps>{5, 7}));
  Script second(directory_ / "b", 99);
  second.checkpoint_ = first.saved_;
  testing::run(trainer, second);
  EXPECT_EQ(second.steps_, (std::vector<Steps>{10, 15, 17}));
  EXPECT_EQ(second.results(1), whole.results(2));  // The first one's training loss is of 3 batches.
  EXPECT_EQ(second.results(2), whole.results(3));
}

TEST_F(TrainerTest, ToldToLeaveItReportsFromWhereItIs) {
  Trainer trainer(spec(kInBatches), {});
  Script context(directory_, 0);
  context.told_at_ = 3;
  testing::run(trainer, context);
  EXPECT_EQ(context.steps_, (std::vector<Steps>{3}));
}

TEST_F(TrainerTest, ATakeOverGoesOnAsTheDonorWouldWithTheNewConfiguration) {
  Trainer trainer(spec(kInBatches), {});
  Script donor(directory_ / "donor", 10);
  testing::run(trainer, donor);
  Config explored;
  explored.set("lr", 0.05);
  explored.set("momentum", 0.5);
  Script expected(directory_ / "expected", 20);
  expected.checkpoint_ = donor.saved_;
  expected.config_ = explored;
  testing::run(trainer, expected);
  Script receiver(directory_ / "receiver", 20);
  receiver.config_.set("lr", 0.001);
  receiver.exploit_ = {donor.saved_, explored};
  testing::run(trainer, receiver);
  EXPECT_EQ(receiver.steps_, (std::vector<Steps>{5, 15, 20}));
  EXPECT_EQ(receiver.results(1), expected.results(0));
  EXPECT_EQ(receiver.results(2), expected.results(1));
  EXPECT_EQ(receiver.value(1, "lr"), 0.05);
  // Each of rate, momentum and the donor's moments matters.
  Script other(directory_ / "other", 15);
  other.checkpoint_ = donor.saved_;
  other.config_.set("lr", 0.05);
  testing::run(trainer, other);
  EXPECT_NE(other.value(0, "loss"), expected.value(0, "loss"));
  const TrainerSpec still = *with_config(spec(kInBatches), explored);
  const Samples samples = load(still);
  auto at_rest = start(still, samples);
  ASSERT_TRUE(load_checkpoint(*at_rest, donor.saved_).ok());
  EXPECT_GT(at_rest->optimizer().moments()[0].abs().max().item<float>(), 0);
  at_rest->optimizer().moments()[0].zero_();
  while (at_rest->step() < 15) at_rest->train_step();
  EXPECT_NE(at_rest->report_metrics()[0].value, expected.value(0, "loss"));
}

TEST_F(TrainerTest, TheSameCheckpointIsTakenOverTwice) {
  Trainer trainer(spec(kInBatches), {});
  Script donor(directory_ / "donor", 5);
  testing::run(trainer, donor);
  Script receiver(directory_ / "receiver", 99);
  receiver.exploit_ = {donor.saved_, {}};
  receiver.on_report_ = [&](Steps step) {
    if (receiver.steps_.size() == 2) receiver.exploit_ = {donor.saved_, {}};
    if (receiver.steps_.size() == 3) receiver.stop_ = step;
  };
  testing::run(trainer, receiver);
  EXPECT_EQ(receiver.steps_, (std::vector<Steps>{5, 10, 10}));
  EXPECT_EQ(receiver.results(2), receiver.results(1));
}

TEST_F(TrainerTest, AReportSaysWhereTheTimeWent) {
  Trainer trainer(spec(kInBatches), {});
  Script first(directory_ / "a", 10);
  testing::run(trainer, first);
  EXPECT_GT(first.value(0, "time_train_s"), 0);
  EXPECT_GT(first.value(0, "time_eval_s"), 0);
  EXPECT_GT(first.value(0, "time_load_s"), 0);
  EXPECT_EQ(first.value(0, "time_save_s"), 0);
  EXPECT_EQ(first.value(1, "time_load_s"), 0);
  EXPECT_GT(first.value(1, "time_save_s"), 0);
  Script second(directory_ / "a", 15);
  second.checkpoint_ = first.saved_;
  testing::run(trainer, second);
  EXPECT_GT(second.value(0, "time_save_s"), 0);  // Of the checkpoint behind the last report.
  std::uintmax_t bytes = 0;
  for (const char* name : {"model.safetensors", "optimizer.safetensors"})
    bytes += std::filesystem::file_size(first.saved_ / name);
  EXPECT_NEAR(first.value(0, "checkpoint_bytes"), static_cast<double>(bytes), 4096);
}

TEST_F(TrainerTest, AScheduleInBatchesEndsWithThem) {
  const TrainerSpec of = spec(std::string(kInBatches) + R"(, "batches": 20, "schedule": "cosine")");
  const Samples samples = load(of);
  auto training = start(of, samples);
  while (!training->finished()) training->train_step();
  EXPECT_EQ(training->step(), 20);
  EXPECT_NEAR(training->report_metrics()[3].value, 0.02 * 0.5 * (1 + std::cos(M_PI * 0.95)), 1e-9);
}

TEST_F(TrainerTest, ABatchOfOneNumberPerChannelIsRefused) {
  const auto of = parse_trainer(std::string("{") + kData + R"(, "batch_size": 7,
      "model": {"name": "resnet18", "width": 0.0625}})");
  const Samples samples = load(*of);
  const auto training = Training::create(*of, 1, samples, c10::kCPU);
  ASSERT_FALSE(training.ok());
  EXPECT_EQ(training.error().message.substr(0, 74),
            "layer 'layer3.0.bn1' (batch_norm) gets a single number per channel from th");
  TrainerSpec whole = *of;
  whole.drop_last = true;
  EXPECT_TRUE(Training::create(whole, 1, samples, c10::kCPU).ok());
}

TEST_F(TrainerTest, AResidualNetworkResumesBitForBitWithItsRunningStatistics) {
  const auto of = parse_trainer(std::string("{") + kData + R"(, "batch_size": 16, "unit": "batch",
      "model": {"name": "resnet18", "stem": "cifar", "width": 0.0625}})");
  expect_resume_is_exact(*of, 3);
  const auto model = data::read_safetensors(directory_ / "model.safetensors");
  ASSERT_TRUE(model.ok());
  const auto* mean = model->find("layer1.0.bn1.running_mean");
  ASSERT_TRUE(mean);
  EXPECT_EQ(mean->shape, (std::vector<std::int64_t>{4}));
  EXPECT_NE(*reinterpret_cast<const float*>(mean->bytes.data()), 0);
}

TEST_F(TrainerTest, TheTestSplitIsReadByTestAlone) {
  Trainer trainer(spec(R"(, "epochs": 3, "batch_size": 8, "lr": 0.05)"), {});
  Script context(directory_, 99);
  testing::run(trainer, context);
  for (const auto& metrics : context.metrics_)
    for (const Metric& metric : metrics) EXPECT_EQ(metric.name.find("test"), std::string::npos);
  const auto result = trainer.test({}, context.saved_);
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result->find("{\"test_loss\":"), 0u) << *result;
}

TEST_F(TrainerTest, ATrialThatMinimisesASquaredErrorTakesForValuesWhatWereClassesForTheOneBefore) {
  std::ofstream file(directory_ / "t.csv");
  file << "x,label\n";
  for (int i = 0; i < 40; ++i) file << i << ',' << i % 2 << '\n';
  file.close();
  const auto of = parse_trainer(R"({"data": ")" + (directory_ / "t.csv").string() +
                                R"(", "model": {"name": "mlp", "hidden": 4}})");
  ASSERT_TRUE(of.ok()) << of.error().message;
  Trainer trainer(*of, {});
  Script classes(directory_, 1);
  testing::run(trainer, classes);
  EXPECT_EQ(classes.results(0)[1].name, "accuracy");
  Script values(directory_, 1);
  values.config_.set("loss", "mse");
  testing::run(trainer, values);
  EXPECT_EQ(values.results(0)[1].name, "train_loss");
}

TEST_F(TrainerTest, MistakesInAConfigurationFailTheTrialWithTheirReason) {
  Trainer trainer(spec(""), {});
  Script wrong(directory_, 1);
  wrong.config_.set("lrr", 0.1);
  EXPECT_THROW(testing::run(trainer, wrong), std::runtime_error);
  Script narrow(directory_, 1);
  narrow.width_ = 0.5;
  EXPECT_THROW(testing::run(trainer, narrow), std::runtime_error);
}

TEST_F(TrainerTest, RegressionLearns) {
  const auto of = parse_trainer(
      R"({"data": {"source": "synthetic", "synthetic": {"kind": "teacher", "shape": [6],
          "classes": 0, "difficulty": 0.1, "train": 300}}, "model": {"name": "mlp", "hidden": 32},
          "loss": "mse", "optimizer": "adam", "lr": 0.01, "epochs": 8})");
  ASSERT_TRUE(of.ok()) << of.error().message;
  const Samples samples = load(*of);
  auto training = start(*of, samples);
  const double before = training->report_metrics()[0].value;
  while (!training->finished()) training->train_step();
  const auto metrics = training->report_metrics();
  EXPECT_LT(metrics[0].value, before / 2);
  EXPECT_EQ(metrics[1].name, "train_loss");
}

/// A table of forty rows whose column `label` follows from the others.
path table(const path& directory, bool classes) {
  std::ofstream out(directory / "t.csv");
  out << "size,colour,label\n";
  for (int i = 0; i < 40; ++i) {
    const bool red = i % 2 == 1;
    out << i << ',' << (red ? "red" : "blue") << ',';
    if (classes)
      out << (red ? R"("hot, ""very""")" : "cold");
    else
      out << 1000.5 + 10 * i;
    out << '\n';
  }
  return directory / "t.csv";
}

TEST_F(TrainerTest, AValueIsReportedAndPredictedInItsOwnUnit) {
  const auto of = parse_trainer(R"({"data": ")" + table(directory_, false).string() +
                                R"(", "model": {"name": "mlp", "hidden": 16}, "loss": "mse",
                                "optimizer": "adam", "lr": 0.02, "epochs": 60, "batch_size": 8})");
  ASSERT_TRUE(of.ok()) << of.error().message;
  const Samples samples = load(*of);
  auto training = start(*of, samples);
  // The deviation of the values is above 100.
  EXPECT_GT(training->report_metrics()[0].value, 1000);
  while (!training->finished()) training->train_step();
  const double loss = training->report_metrics()[0].value;
  EXPECT_LT(loss, 1000);
  ASSERT_TRUE(save_checkpoint(*training, directory_).ok());
  Trainer trainer(*of, {});
  EXPECT_TRUE(trainer.test({}, directory_).ok()) << trainer.test({}, directory_).error().message;

  std::ofstream(directory_ / "new.csv") << "colour,size\nblue,20\n";
  const auto prediction = predict(directory_, directory_ / "new.csv", {});
  ASSERT_TRUE(prediction.ok()) << prediction.error().message;
  ASSERT_EQ(prediction->csv.find("sample,value\n0,"), 0u) << prediction->csv;
  EXPECT_NEAR(std::stod(prediction->csv.substr(15)), 1200.5, 60) << prediction->csv;
  EXPECT_FALSE(predict(directory_, directory_ / "new.csv", {}, Probabilities::kOfAll).ok());
}

TEST_F(TrainerTest, AClassIsPredictedByItsName) {
  const auto of = parse_trainer(R"({"data": ")" + table(directory_, true).string() +
                                R"(", "model": {"name": "mlp", "hidden": 16},
                                "optimizer": "adam", "lr": 0.05, "epochs": 40, "batch_size": 8})");
  ASSERT_TRUE(of.ok()) << of.error().message;
  const Samples samples = load(*of);
  auto training = start(*of, samples);
  while (!training->finished()) training->train_step();
  ASSERT_TRUE(save_checkpoint(*training, directory_).ok());
  std::ofstream(directory_ / "new.csv") << "colour,size\nblue,20\nred,\n";
  const auto prediction = predict(directory_, directory_ / "new.csv", {});
  ASSERT_TRUE(prediction.ok()) << prediction.error().message;
  EXPECT_EQ(prediction->csv.find("sample,label,probability\n0,cold,"), 0u) << prediction->csv;
  EXPECT_NE(prediction->csv.find("\n1,\"hot, \"\"very\"\"\","), std::string::npos)
      << prediction->csv;

  const auto all = predict(directory_, directory_ / "new.csv", {}, Probabilities::kOfAll);
  ASSERT_TRUE(all.ok()) << all.error().message;
  const std::string header =
      "sample,label,probability,probability_cold,\"probability_hot, \"\"very\"\"\"\n";
  ASSERT_EQ(all->csv.find(header), 0u) << all->csv;
  std::istringstream row(all->csv.substr(header.size() + std::string("0,cold,").size()));
  double best = 0, cold = 0, hot = 0;
  char comma = 0;
  row >> best >> comma >> cold >> comma >> hot;
  EXPECT_EQ(best, cold);
  EXPECT_NEAR(cold + hot, 1, 1e-5);
}

TEST_F(TrainerTest, ACheckpointThatSaysNothingOfItsDataNeedsThem) {
  const auto of = parse_trainer(R"({"data": ")" + table(directory_, false).string() +
                                R"(", "model": {"name": "mlp", "hidden": 4}, "loss": "mse"})");
  ASSERT_TRUE(of.ok()) << of.error().message;
  const Samples samples = load(*of);
  auto training = start(*of, samples);
  ASSERT_TRUE(save_checkpoint(*training, directory_).ok());
  std::ifstream in(directory_ / "trainer.json");
  std::string notes{std::istreambuf_iterator<char>(in), {}};
  notes.replace(notes.find("\"data\": {\n  \"shape\""), 6, "\"past\"");
  std::ofstream(directory_ / "trainer.json") << notes;
  const auto prediction = predict(directory_, directory_ / "t.csv", {});
  EXPECT_TRUE(prediction.ok()) << prediction.error().message;
  const Status resumed = load_checkpoint(*training, directory_);
  ASSERT_FALSE(resumed.ok());
  EXPECT_NE(resumed.error().message.find("set standardise = false"), std::string::npos);
}

TEST_F(TrainerTest, TheTutorialsNetworkLearnsImages) {
  const auto of = parse_trainer(
      R"({"data": {"source": "synthetic", "synthetic": {"shape": [1, 32, 32], "classes": 10,
          "train": 800, "validation": 200}}, "model": "net", "epochs": 5, "batch_size": 8})");
  ASSERT_TRUE(of.ok()) << of.error().message;
  const Samples samples = load(*of);
  auto training = start(*of, samples);
  while (!training->finished()) training->train_step();
  EXPECT_GT(training->report_metrics()[1].value, 0.9);
}

}  // namespace
}  // namespace clavier::train
