#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>

#include "app/file/study_file.h"
#include "app/registry/registry.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "study/text.h"
#include "worker/environment.h"

namespace clavier::cli {
namespace {

/// The configurations that the first trials will get if nothing is reported in between. Fails where
/// the constraints leave none for one of them.
Result<std::vector<Config>> sampled(const app::StudySpec& spec, int samples) {
  const auto searcher = app::make_searcher(spec);
  State state(spec.objective, spec.trial.retries);
  Turn turn{.id = StepId{0}, .time = {}, .input = Opened{.seed = spec.seed, .trials = spec.trials}};
  std::vector<Config> configs;
  state.apply(turn);
  searcher->observe(turn, state);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(samples, spec.trials); ++i) {
    const auto suggestion = searcher->suggest(state, TrialId{i});
    if (const auto* none = std::get_if<search::Exhausted>(&suggestion); none && !none->why.empty())
      return invalid(none->why);
    const auto* config = std::get_if<Config>(&suggestion);
    if (!config) break;
    configs.push_back(*config);
    Fill fill;
    fill.created.push_back({.id = TrialId{i}, .config = *config, .directory = ""});
    state.apply(fill, turn.time);
  }
  return configs;
}

/// A value may hold a line break, which would end the comment.
std::string one_line(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("\n\r", at)) != std::string::npos; at += 2)
    text.replace(at, 1, text[at] == '\n' ? "\\n" : "\\r");
  return text;
}

}  // namespace

int run_check(const CheckOptions& options, Streams& streams) {
  const auto spec = load_study(options.source, {}, ForMachine::kThis);
  if (!spec) return fail(streams, spec.error());
  streams.out << app::to_toml(*spec);
  print_notes(*spec, streams);
  if (!spec->worker && !spec->trainer) streams.err << "clavier: " << app::kNothingToRun << '\n';
  const auto configs = sampled(*spec, options.samples);
  if (!configs) return fail(streams, configs.error());
  if (!spec->space.parameters.empty() && !configs->empty()) {
    streams.out << "\n# The first configurations:\n";
    for (const Config& config : *configs)
      streams.out << "#   " << one_line(report::short_config(config)) << '\n';
  }
  for (const Config& config : *configs)
    if (const auto bytes = text::to_json(config).size(); bytes > worker::kMaxConfigBytes)
      return fail(streams,
                  invalid(fmt::format("a configuration takes {} bytes as text, and at most "
                                      "{} fit into a worker's environment",
                                      bytes, worker::kMaxConfigBytes)));
  const auto unused = app::unused_parameters(*spec);
  if (unused.empty()) return kSuccess;
  return fail(streams, invalid(fmt::format(
                           "the command does not use {}: write {{{}}} where the program takes it, "
                           "or remove it from [space]",
                           fmt::join(unused, ", "), unused.front())));
}

}  // namespace clavier::cli
