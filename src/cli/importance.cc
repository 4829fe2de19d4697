#include <fmt/format.h>

#include <ostream>

#include "app/run/importance.h"
#include "cli/commands.h"
#include "cli/formats.h"
#include "cli/studies.h"
#include "study/text.h"

namespace clavier::cli {
namespace {

std::string as_json(const app::StudyImportance& found, const ImportanceOptions& options,
                    const std::string& metric) {
  std::string shares;
  for (const app::ParameterShare& each : found.shares)
    shares += fmt::format(R"({}{{"parameter": {}, "share": {}, "low": {}, "high": {}}})",
                          shares.empty() ? "" : ", ", text::to_json(Value(each.parameter)),
                          each.share.value, each.share.low, each.share.high);
  return fmt::format(
      R"({{"method": "{}", "metric": {}, "quantile": {}, "trials": {}, "together": {}, )"
      R"("importances": [{}]}})"
      "\n",
      options.method, text::to_json(Value(metric)), options.quantile, found.trials, found.together,
      shares);
}

Result<app::StudyImportance> find(const app::RecordedStudy& study,
                                  const ImportanceOptions& options) {
  const auto method = options.method == "fanova" ? app::ImportanceMethod::kFanova
                                                 : app::ImportanceMethod::kPedAnova;
  return app::importance(study.state, study.spec.space, method,
                         {.quantile = options.quantile, .seed = study.spec.seed});
}

}  // namespace

int run_importance(const ImportanceOptions& options, Streams& streams) {
  const auto study = open_study(options.study, store::Metrics::kSkip);
  if (!study) return fail(streams, study.error());
  const auto found = find(*study, options);
  if (!found) return fail(streams, found.error());
  const std::string& metric = study->spec.objective.metric;
  if (options.json) {
    streams.data() << as_json(*found, options, metric);
    return kSuccess;
  }
  streams.out << fmt::format(
      "What {} depends on, by {} from {} trials{}\n\n", metric, options.method, found->trials,
      options.quantile < 1 ? fmt::format(", among the best {:g} of them", options.quantile)
                           : std::string());
  report::Table table({{.title = "parameter", .least = 8},
                       {.title = "share", .least = 5},
                       {.title = "from - to", .rank = 1}});
  for (const app::ParameterShare& each : found->shares)
    table.add({each.parameter, fmt::format("{:.3f}", each.share.value),
               fmt::format("{:.3f} - {:.3f}", each.share.low, each.share.high)});
  if (found->together > 0) table.add({"(together)", fmt::format("{:.3f}", found->together), ""});
  print(streams, table);
  return kSuccess;
}

}  // namespace clavier::cli
