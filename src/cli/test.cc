#include <fmt/format.h>

#include <ostream>

#include "app/held_out.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "train/data/dataset.h"

namespace clavier::cli {

int run_test(const TestOptions& options, Streams& streams) {
  const auto study = open_study(options.study, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  if (!options.trial && !study->state.best())
    return fail(streams, not_found("no trial has reported a finite value yet"));
  const Result<TrialId> trial =
      options.trial ? find_trial(study->state, *options.trial) : *study->state.best();
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

}  // namespace clavier::cli
