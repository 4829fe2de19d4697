#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "study/text.h"
#include "train/spec/data_table.h"
#include "train/spec/trainer_spec.h"
#include "train/trainer/coord_check.h"
#include "train/trainer/device.h"
#include "train/trainer/predict.h"
#include "train/trainer/run_trial.h"
#include "worker/trial_worker.h"

namespace {

using namespace clavier;

struct Options {
  std::string spec = "{}";
  std::string data_dir = {};
  bool test = false;
  bool describe = false;
  std::string config = "{}";
  std::string checkpoint = {};
  std::string predict = {};
  bool probabilities = false;
  train::CoordinateOptions coordinates = {};
  bool check_coordinates = false;
};

int fail(const Error& error) {
  fmt::print(stderr, "clavier-train: {}\n", error.message);
  return 1;
}

int run(const Options& options) {
  if (options.describe) {
    fmt::print("{}\n", train::describe_trainer());
    return 0;
  }
  const auto data_dir = options.data_dir.empty() ? train::data::default_data_dir()
                                                 : std::filesystem::path(options.data_dir);
  if (!options.predict.empty()) {
    train::use_few_threads();
    const auto prediction = train::predict(
        options.checkpoint, options.predict, data_dir,
        options.probabilities ? train::Probabilities::kOfAll : train::Probabilities::kOfLabel);
    if (!prediction.ok()) return fail(prediction.error());
    for (const std::string& remark : prediction->remarks) fmt::print(stderr, "{}\n", remark);
    fmt::print("{}", prediction->csv);
    return 0;
  }
  auto spec = train::parse_trainer(options.spec);
  if (!spec.ok()) return fail(spec.error());
  if (options.check_coordinates) {
    train::use_few_threads();
    const auto data = train::data::load_dataset(train::data_of(*spec).value(), data_dir);
    if (!data.ok()) return fail(data.error());
    const auto device = train::choose_device(spec->device);
    if (!device.ok()) return fail(device.error());
    const auto dtype = spec->dtype == train::Precision::kFloat64 ? at::kDouble : at::kFloat;
    const auto found = train::check_coordinates(*spec, train::to_device(*data, dtype, *device),
                                                *device, options.coordinates);
    if (!found.ok()) return fail(found.error());
    fmt::print("{}\n", to_text(train::to_json(options.coordinates, *found)));
    return 0;
  }
  auto plans = train::PlanStore::from_environment();
  if (!plans.ok()) return fail(plans.error());
  train::use_few_threads();
  train::keep_freed_memory();
  train::Trainer trainer(*std::move(spec), data_dir, *std::move(plans));
  if (!options.test)
    return worker::worker_main(
        [&](worker::LaunchContext& launch) { trainer.run(launch); },
        {.name = "clavier-train", .resume = true, .exploit = true, .members = train::kMostMembers});
  const auto config = text::config_from_json(options.config);
  if (!config.ok()) return fail(config.error());
  const auto result = trainer.test(*config, options.checkpoint);
  if (!result.ok()) return fail(result.error());
  fmt::print("{}\n", *result);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "The built-in trainer of clavier. Without --test or --describe it is a worker that "
      "`clavier run` starts."};
  app.add_option("--spec", options.spec, "the [trainer] table of a study file, as JSON");
  app.add_option("--data-dir", options.data_dir,
                 "where data sets lie (default: $CLAVIER_DATA, else ~/.cache/clavier)");
  app.add_flag("--describe", options.describe, "print models and parameters as JSON");
  auto* checkpoint = app.add_option("--checkpoint", options.checkpoint,
                                    "with --test and --predict: a checkpoint's directory");
  app.add_flag("--test", options.test, "print the held-out metrics of a checkpoint as JSON")
      ->needs(checkpoint);
  auto* predict = app.add_option("--predict", options.predict,
                                 "print what a checkpoint's model says of these data, as CSV")
                      ->needs(checkpoint);
  app.add_flag("--probabilities", options.probabilities, "with --predict: of all classes")
      ->needs(predict);
  auto* coordinates =
      app.add_flag("--coord-check", options.check_coordinates,
                   "print how large what each layer gives becomes, at several widths, as JSON");
  app.add_option("--scales", options.coordinates.scales,
                 "with --coord-check: what widths are divided by")
      ->needs(coordinates);
  app.add_option("--steps", options.coordinates.steps, "with --coord-check: batches")
      ->needs(coordinates);
  app.add_option("--seeds", options.coordinates.seeds, "with --coord-check: networks per width")
      ->needs(coordinates);
  app.add_option("--config", options.config, "with --test: the trial's configuration, as JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    return fail(io_error(error.what()));
  }
}
