#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "store/row.h"
#include "study/text.h"

namespace clavier::store {
namespace {

/// Error texts of the parts name no column; this does.
template <typename T>
Result<T> in_column(Result<T> result, std::string_view column) {
  if (result.ok()) return result;
  return invalid(fmt::format("{}: {}", column, result.error().message));
}

Result<std::vector<Metric>> read_metrics(const Row& row, std::string_view metric) {
  std::vector<Metric> metrics;
  std::size_t place = 0;
  if (!row.metrics.empty()) {
    place = std::min(row.metrics.find_first_not_of(' '), row.metrics.size());
    metrics = TRY(in_column(text::metrics_from_json(row.metrics), "metrics"));
  }
  if (row.value) {
    place = std::min(place, metrics.size());
    metrics.insert(metrics.begin() + static_cast<std::ptrdiff_t>(place),
                   Metric{std::string(metric), *row.value});
  }
  return metrics;
}

Result<Report> read_report(const Row& row, const Json& body, std::string_view metric,
                           Metrics metrics) {
  if (!row.trial || !row.launch || !row.iteration)
    return invalid("a report without trial, launch or iteration");
  Report report{.trial = {*row.trial},
                .launch = {*row.launch},
                .step = *row.iteration,
                .value = row.value,
                .seconds = row.seconds.value_or(0)};
  if (metrics == Metrics::kParse) report.metrics = TRY(read_metrics(row, metric));
  if (const Json* checkpoint = body.find("checkpoint"))
    report.checkpoint = TRY(in_column(text::checkpoint_from_json(*checkpoint), "body"));
  return report;
}

Result<Input> read_input(const Row& row, const Json& body, std::string_view metric,
                         Metrics metrics) {
  if (row.kind == "report" && !body.find("reports")) {
    Reported reported;
    reported.reports.push_back(TRY(read_report(row, body, metric, metrics)));
    return Input(Signal(std::move(reported)));
  }
  Input input = TRY(in_column(text::input_from_json(row.kind, body), "body"));
  if (metrics == Metrics::kSkip && row.kind == "report")
    for (Report& report : std::get<Reported>(std::get<Signal>(input)).reports)
      report.metrics.clear();
  return input;
}

Result<std::vector<Decision>> read_decisions(const Row& row) {
  std::vector<Decision> decisions;
  if (row.decisions.empty()) return decisions;
  if (row.decisions.front() != '[') {
    if (!row.trial) return invalid("decisions: a step without a trial");
    Continue go_on{.trial = {*row.trial}};
    const char* last = row.decisions.data() + row.decisions.size();
    const auto [end, error] = std::from_chars(row.decisions.data(), last, go_on.until);
    if (error != std::errc{} || end != last || go_on.until < 0)
      return invalid("decisions: neither a step nor a list");
    decisions.push_back({go_on, {}});
    return decisions;
  }
  const Json json = TRY(in_column(Json::parse(row.decisions), "decisions"));
  for (const Json& each : *json.as<Json::List>())
    decisions.push_back(TRY(in_column(text::decision_from_json(each), "decisions")));
  return decisions;
}

}  // namespace

Result<Step> read_row(const Row& row, std::string_view metric, Metrics metrics) {
  Json body;
  if (!row.body.empty()) {
    body = TRY(in_column(Json::parse(row.body), "body"));
    if (!body.as<Json::Table>()) return invalid("body: not a table");
  }
  Step step;
  step.turn.id = {row.id};
  step.turn.time = study_time(row.time_us);
  step.turn.input = TRY(read_input(row, body, metric, metrics));
  step.turn.decisions = TRY(read_decisions(row));
  if (row.body.empty()) return step;
  const Json* late = body.find("late");
  step.turn.late = late && late->as<bool>() && *late->as<bool>();
  step.fill = TRY(in_column(text::fill_from_json(body), "body"));
  return step;
}

}  // namespace clavier::store
