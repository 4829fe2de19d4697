#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>

#include "app/registry.h"
#include "app/study_file.h"
#include "app/this_node.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"

namespace clavier::cli {
namespace {

/// The configurations that the first trials will get if nothing is reported in between.
std::vector<Config> sampled(const app::StudySpec& spec, int samples) {
  const auto searcher = app::make_searcher(spec);
  State state(spec.objective, spec.trial.retries);
  Turn turn{.id = StepId{0}, .time = {}, .input = Opened{.seed = spec.seed, .trials = spec.trials}};
  std::vector<Config> configs;
  state.apply(turn);
  searcher->observe(turn, state);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(samples, spec.trials); ++i) {
    const auto suggestion = searcher->suggest(state, TrialId{i});
    const auto* config = std::get_if<Config>(&suggestion);
    if (!config) break;
    configs.push_back(*config);
    Fill fill;
    fill.created.push_back({.id = TrialId{i}, .config = *config, .directory = ""});
    state.apply(fill, turn.time);
  }
  return configs;
}

}  // namespace

int run_check(const CheckOptions& options, Streams& streams) {
  const auto spec = load_study(options.source);
  if (!spec) return fail(streams, spec.error());
  streams.out << app::to_toml(*spec);
  const auto configs = sampled(*spec, options.samples);
  if (!spec->space.parameters.empty() && !configs.empty()) {
    streams.out << "\n# The first configurations:\n";
    for (const Config& config : configs)
      streams.out << "#   " << report::short_config(config) << '\n';
  }
  if (configs.empty() && options.samples > 0)
    return fail(streams, invalid("no configuration was found that fulfils the constraints"));
  if (const std::string line = app::unused_gpus(*spec, app::gpus_of_this_host); !line.empty())
    streams.err << "clavier: " << line << '\n';
  const auto unused = app::unused_parameters(*spec);
  if (unused.empty()) return kSuccess;
  return fail(streams, invalid(fmt::format(
                           "the command does not use {}: write {{{}}} where the program takes it, "
                           "or remove it from [space]",
                           fmt::join(unused, ", "), unused.front())));
}

}  // namespace clavier::cli
