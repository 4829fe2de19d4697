#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ostream>

#include "app/held_out.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "train/data/bytes.h"
#include "train/data/dataset.h"

namespace clavier::cli {
namespace {

/// Of the trial named, else of the study's best.
Result<std::string> prediction(const PredictOptions& options) {
  const app::Wanted wanted{
      options.data,
      options.data_dir ? std::filesystem::path(*options.data_dir) : train::data::default_data_dir(),
      options.probabilities};
  if (options.checkpoint) return app::predict(*options.checkpoint, wanted);
  const auto study = TRY(open_study(options.study, store::Metrics::kSkip));
  if (!options.trial && !study.state.best())
    return not_found("no trial has reported a finite value yet");
  const TrialId trial =
      options.trial ? TRY(find_trial(study.state, *options.trial)) : *study.state.best();
  return app::predict(study, trial, wanted);
}

}  // namespace

int run_predict(const PredictOptions& options, Streams& streams) {
  const auto csv = prediction(options);
  if (!csv) return fail(streams, csv.error());
  if (!options.out) {
    streams.out << *csv;
    return kSuccess;
  }
  const std::array<std::span<const std::byte>, 1> parts = {train::data::as_bytes(*csv)};
  const Status written = train::data::write_file(*options.out, parts);
  return written.ok() ? kSuccess : fail(streams, written.error());
}

}  // namespace clavier::cli
