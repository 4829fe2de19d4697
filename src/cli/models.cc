#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ostream>

#include "app/run/held_out.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"
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
  return app::predict(study, TRY(find_trial_or_best(study.state, options.trial)), wanted);
}

}  // namespace

int run_test(const TestOptions& options, Streams& streams) {
  const auto study = open_study(options.study, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  const auto trial = find_trial_or_best(study->state, options.trial);
  if (!trial) return fail(streams, trial.error());
  const auto held_out = app::test_trial(*study, *trial,
                                        options.data_dir ? std::filesystem::path(*options.data_dir)
                                                         : train::data::default_data_dir());
  if (!held_out) return fail(streams, held_out.error());
  streams.out << fmt::format("trial {} of {}: {}\ncheckpoint {}\n", trial->value,
                             study->folder.name(),
                             report::short_config(study->state.trial(*trial).best_config()),
                             report::model_words(study->state.trial(*trial), ""));
  for (const Metric& metric : held_out->metrics)
    streams.out << fmt::format("{}: {}\n", metric.name, report::number(metric.value));
  return kSuccess;
}

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
