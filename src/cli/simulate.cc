#include "app/simulate_study.h"

#include <fmt/format.h>

#include <ostream>

#include "app/study_folder.h"
#include "cli/commands.h"
#include "cli/plans.h"
#include "cli/studies.h"
#include "report/wording.h"

namespace clavier::cli {
namespace {

Result<app::Simulated> simulate(const SimulateOptions& options, const app::StudySpec& spec,
                                Streams& streams) {
  const auto home = home_of(options.dir);
  app::SimulateOptions how{.home = home};
  how.warn = [&](const std::string& line) { streams.err << "clavier: " << line << '\n'; };
  if (options.keep) how.folder = TRY(app::make_study_folder(home, spec.name)).root;
  return app::simulate_study(spec, how);
}

Result<app::StudySpec> spec_for(const SimulateOptions& options, int repetition) {
  StudySource source = options.source;
  auto spec = TRY(load_study(source, options.dir));
  if (!options.seed && repetition == 0) return spec;
  const std::uint64_t seed =
      options.seed.value_or(spec.seed) + static_cast<std::uint64_t>(repetition);
  source.set.push_back(fmt::format("study.seed={}", seed));
  if (repetition > 0) source.set.push_back(fmt::format("study.name={}-seed{}", spec.name, seed));
  return load_study(source, options.dir);
}

Result<int> simulate_all(const SimulateOptions& options, Streams& streams) {
  std::vector<double> makespans, ratios;
  for (int i = 0; i < options.repeat; ++i) {
    const app::StudySpec spec = TRY(spec_for(options, i));
    const app::Simulated done = TRY(simulate(options, spec, streams));
    if (i > 0) streams.out << '\n';
    if (options.repeat > 1) streams.out << fmt::format("seed          {}\n", spec.seed);
    streams.out << account_of(spec, done, Account::kSimulated)
                << fmt::format("trace hash    {:016x}\n", done.hash);
    if (i == 0) TRY(write_traces(spec, done, options.traces));
    makespans.push_back(done.makespan());
    ratios.push_back(done.ratio());
  }
  if (options.repeat > 1)
    streams.out << fmt::format("\nover {}: makespan {} s, ratio {}\n",
                               report::count(options.repeat, "seed"), mean_and_deviation(makespans),
                               mean_and_deviation(ratios));
  return kSuccess;
}

}  // namespace

int run_simulate(const SimulateOptions& options, Streams& streams) {
  const auto status = simulate_all(options, streams);
  return status ? *status : fail(streams, status.error());
}

}  // namespace clavier::cli
