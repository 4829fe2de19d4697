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
#include "train/spec/trainer_spec.h"
#include "train/trainer/device.h"
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
  auto spec = train::parse_trainer(options.spec);
  if (!spec.ok()) return fail(spec.error());
  train::use_few_threads();
  train::Trainer trainer(*std::move(spec), options.data_dir.empty()
                                               ? train::data::default_data_dir()
                                               : std::filesystem::path(options.data_dir));
  if (!options.test)
    return worker::worker_main([&](worker::TrialContext& context) { trainer.run(context); },
                               {.name = "clavier-train", .resume = true, .exploit = true});
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
  auto* checkpoint =
      app.add_option("--checkpoint", options.checkpoint, "with --test: a checkpoint's directory");
  app.add_flag("--test", options.test, "print the held-out metrics of a checkpoint as JSON")
      ->needs(checkpoint);
  app.add_option("--config", options.config, "with --test: the trial's configuration, as JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    return fail(io_error(error.what()));
  }
}
