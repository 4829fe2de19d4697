#include "train/spec/trainer_spec.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace clavier::train {
namespace {

TrainerSpec parsed(std::string_view json) {
  auto spec = parse_trainer(json);
  EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
  return spec.ok() ? *spec : TrainerSpec{};
}

std::string refusal(std::string_view json) {
  const auto spec = parse_trainer(json);
  return spec.ok() ? "accepted" : spec.error().message;
}

TEST(TrainerSpec, AnEmptyTableIsTheTutorialsNetworkOnTheDigits) {
  const TrainerSpec spec = parsed("{}");
  EXPECT_EQ(spec.model.name, "net");
  EXPECT_EQ(spec.model.options.find("l1")->number(), 120);
  EXPECT_EQ(spec.data, Json("digits"));
  EXPECT_EQ(spec.optimizer, OptimizerKind::kSgd);
}

TEST(TrainerSpec, EverySettingSurvivesTheTripThroughItsText) {
  const TrainerSpec spec = parsed(R"({
    "model": {"name": "mlp", "hidden": 64, "depth": 3, "activation": "gelu", "dropout": 0.1},
    "data": {"source": "synthetic", "samples": 50, "synthetic": {"kind": "teacher"}}, "epochs": 7, "batches": 70, "unit": "batch", "report_every": 20,
    "batch_size": 3, "eval_batch_size": 5, "drop_last": true, "optimizer": "adamw", "lr": 1e-3,
    "momentum": 0.5, "dampening": 0.1, "nesterov": false, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6,
    "weight_decay": 0.01, "clip_norm": 1, "schedule": "one_cycle", "step_size": 2, "gamma": 0.3,
    "min_factor": 0.1, "peak_at": 0.4, "div_factor": 10, "final_div_factor": 100, "warmup": 1.5,
    "warmup_factor": 0.2, "loss": "cross_entropy", "label_smoothing": 0.1, "crop_padding": 4,
    "flip": true, "cutout": 8, "image_size": 32, "device": "cuda:1", "dtype": "float64",
    "seed": 9007199254740993, "data_seed": 4})");
  EXPECT_EQ(spec.seed, 9007199254740993);
  EXPECT_EQ(spec.schedule.total, 7);
  EXPECT_EQ(read_trainer(to_json(spec)).value(), spec);
  EXPECT_EQ(to_json(parsed(to_text(to_json(spec)))), to_json(spec));
}

TEST(TrainerSpec, AWrongKeyIsNamedWithTheNearestOne) {
  EXPECT_EQ(refusal(R"({"momentun": 0.9})"),
            "trainer has no key 'momentun'; did you mean \"momentum\"?");
  EXPECT_EQ(refusal(R"({"model": "nett"})"),
            "trainer.model: there is no model 'nett'; did you mean \"net\"? (a table with "
            "`layers` makes one)");
  EXPECT_EQ(refusal(R"({"model": "transformer"})"),
            "trainer.model: there is no model 'transformer'; there are net, mlp, cnn, resnet18, "
            "resnet50 (a table with `layers` makes one)");
  EXPECT_EQ(refusal(R"({"model": {"name": "net", "l3": 4}})"),
            "trainer.model: 'net' has no option 'l3'; did you mean \"l1\"?");
}

TEST(TrainerSpec, AValueOutsideItsRangeIsRefusedWithTheRange) {
  EXPECT_EQ(refusal(R"({"lr": -1})"), "trainer.lr must be > 0, but is -1");
  EXPECT_EQ(refusal(R"({"lr": true})"), "trainer.lr must be > 0, but is true");
  EXPECT_EQ(refusal(R"({"lr": "fast"})"), "trainer.lr must be > 0, but is \"fast\"");
  EXPECT_EQ(refusal(R"({"momentum": 1})"),
            "trainer.momentum must be at least 0 and below 1, but is 1");
  EXPECT_EQ(refusal(R"({"batch_size": 2.5})"),
            "trainer.batch_size must be a whole number ≥ 1, but is 2.5");
  EXPECT_EQ(refusal(R"({"batch_size": 1e300})"),
            "trainer.batch_size must be a whole number ≥ 1, but is 1e+300");
  EXPECT_EQ(refusal(R"({"optimizer": "lion"})"),
            "trainer.optimizer must be one of sgd, adam, adamw, but is \"lion\"");
  EXPECT_EQ(refusal(R"({"device": "gpu"})"),
            "trainer.device must be auto, cpu, cuda or cuda:N, but is \"gpu\"");
  EXPECT_EQ(refusal(R"({"model": {"name": "net", "l1": 0}})"),
            "trainer.model.l1 must be a whole number from 1 to 65536, but is 0");
  EXPECT_EQ(refusal(R"({"batches": 50})"), "trainer.batches needs unit = \"batch\"");
  EXPECT_EQ(refusal(R"({"nesterov": true, "momentum": 0})"),
            "trainer.nesterov needs momentum > 0 and dampening = 0");
}

TEST(TrainerSpec, TheDataTableIsChecked) {
  EXPECT_EQ(refusal(R"({"data": {"source": "digits", "downlod": true}})"),
            "trainer.data has no key 'downlod'; did you mean \"download\"?");
  EXPECT_EQ(refusal(R"({"data": {"source": "digits", "validation": 1}})"),
            "trainer.data.validation must be at least 0 and below 1, but is 1");
  EXPECT_EQ(refusal(R"({"data": {"source": "synthetic", "synthetic": {"kind": "lines"}}})"),
            "trainer.data.synthetic.kind must be one of prototypes, teacher, but is \"lines\"");
  EXPECT_EQ(refusal(R"({"data": {}})"), "trainer.data needs a source, such as \"digits\"");
}

TEST(TrainerSpec, ATextThatIsNoTableIsRefused) {
  for (const char* text : {"", "[]", "{", "3", "null", "{\"lr\": {}}", "{\"data\": 3}"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

TEST(TrainerSpec, AConfigurationReplacesKeysAndModelOptions) {
  Config config;
  config.set("l1", 16);
  config.set("lr", 0.5);
  config.set("optimizer", "adam");
  config.set("batch_size", 8.0);
  const auto spec = with_config(parsed("{}"), config);
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->model.options.find("l1")->number(), 16);
  EXPECT_EQ(spec->lr, 0.5);
  EXPECT_EQ(spec->optimizer, OptimizerKind::kAdam);
  EXPECT_EQ(spec->batch_size, 8);
}

TEST(TrainerSpec, AParameterThatNothingUsesIsAnError) {
  Config config;
  config.set("l4", 16);
  const auto spec = with_config(parsed("{}"), config);
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().message, "the trainer uses no parameter 'l4'; did you mean \"l1\"?");
}

TrainerSpec varied(const TrainerSpec& spec, std::string_view name, Value value) {
  Config config;
  config.set(name, std::move(value));
  auto result = with_config(spec, config);
  EXPECT_TRUE(result.ok()) << name;
  return *std::move(result);
}

TEST(TrainerSpec, MembersOfAnArrayDifferInWhatIsTheirOwnAndAgreeInTheRest) {
  const TrainerSpec spec = parsed(R"({"model": "mlp"})");
  const std::vector<std::pair<const char*, Value>> own = {
      {"lr", 0.5},        {"momentum", 0.1}, {"nesterov", true},       {"schedule", "cosine"},
      {"epochs", 3},      {"warmup", 1.0},   {"label_smoothing", 0.1}, {"dropout", 0.3},
      {"clip_norm", 1.0}, {"seed", 4},       {"weight_decay", 0.01},   {"dampening", 0.2}};
  const std::vector<std::pair<const char*, Value>> shared = {
      {"batch_size", 8}, {"optimizer", "adam"},  {"hidden", 4},    {"depth", 3},
      {"flip", true},    {"activation", "gelu"}, {"data_seed", 1}, {"drop_last", true}};
  const auto names = shared_parameters(spec);
  const auto named = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (const auto& [name, value] : own) {
    EXPECT_TRUE(fusible(spec, varied(spec, name, value))) << name;
    EXPECT_FALSE(named(name)) << name;
  }
  for (const auto& [name, value] : shared) {
    EXPECT_FALSE(fusible(spec, varied(spec, name, value))) << name;
    EXPECT_TRUE(named(name)) << name;
  }
  EXPECT_FALSE(fusible(spec, parsed(R"({"model": "net"})")));
}

TEST(TrainerSpec, OfAUsersLayersOnlyProbabilitiesOfDropoutMayDiffer) {
  const TrainerSpec spec = parsed(R"({"model": {"drop": 0.2, "wide": 8, "layers": ["flatten",
      {"linear": "wide"}, {"dropout": "drop"}, {"linear": "outputs"}]}})");
  EXPECT_TRUE(fusible(spec, varied(spec, "drop", 0.0)));
  EXPECT_FALSE(fusible(spec, varied(spec, "wide", 9)));
  EXPECT_EQ(dropout_of(varied(spec, "drop", 0.4).model), std::vector<double>{0.4});
}

TEST(TrainerSpec, TheDescriptionListsEveryParameterOnce) {
  const std::string text = describe_trainer();
  for (const std::string& name : parameters_used(parsed("{}")))
    EXPECT_NE(text.find("\"name\": \"" + name + "\""), std::string::npos) << name;
}

}  // namespace
}  // namespace clavier::train
