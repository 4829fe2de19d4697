#include <fmt/format.h>

#include <ostream>
#include <unordered_map>

#include "cli/commands.h"
#include "cli/formats.h"
#include "cli/studies.h"
#include "study/text.h"

namespace clavier::cli {
namespace {

/// Every report of every trial: trial, step, time, and each metric by name.
struct ReportRow {
  TrialId trial;
  Steps step = 0;
  StudyTime time{};
  double seconds = 0;
  std::vector<Metric> metrics = {};
};

void reports_as_csv(const std::vector<ReportRow>& rows, std::ostream& out) {
  report::Names metrics;
  for (const ReportRow& row : rows)
    for (const Metric& metric : row.metrics) metrics.add(metric.name);
  report::Names header({"trial", "step", "time", "seconds"});
  std::unordered_map<std::string, std::size_t> columns;
  for (const std::string& name : metrics.all()) {
    if (!header.add(name) && !header.add("metric." + name)) continue;
    columns.emplace(name, header.all().size() - 1);
  }
  out << csv_row(header.all());
  for (const ReportRow& row : rows) {
    std::vector<std::string> cells{fmt::format("{}", row.trial.value), fmt::format("{}", row.step),
                                   csv_cell(seconds(row.time)), csv_cell(row.seconds)};
    cells.resize(header.all().size());
    for (const Metric& metric : row.metrics)
      if (const auto column = columns.find(metric.name); column != columns.end())
        cells[column->second] = csv_cell(metric.value);
    out << csv_row(cells);
  }
}

void reports_as_json(const std::vector<ReportRow>& rows, std::ostream& out) {
  out << "[";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ReportRow& row = rows[i];
    out << strict_json(fmt::format(
        R"({}{{"trial": {}, "step": {}, "time": {}, "seconds": {}, "metrics": {}}})",
        i ? ",\n " : "", row.trial.value, row.step, text::to_json(Value(seconds(row.time))),
        text::to_json(Value(row.seconds)), text::to_json(row.metrics)));
  }
  out << "]\n";
}

}  // namespace

int run_export(const ExportOptions& options, Streams& streams) {
  if (options.content == ExportContent::kTrials)
    return run_trials(
        {.study = options.study, .columns = options.columns, .format = options.format}, streams);
  std::vector<ReportRow> rows;
  const auto study =
      open_study(options.study, store::Metrics::kParse, [&](const Step& step, const State&) {
        const auto* reported = input_as<Reported>(step.turn);
        if (!reported) return;
        for (const Report& report : reported->reports)
          rows.push_back(
              {report.trial, report.step, step.turn.time, report.seconds, report.metrics});
      });
  if (!study) return fail(streams, study.error());
  if (options.format == Format::kJson)
    reports_as_json(rows, streams.data());
  else
    reports_as_csv(rows, streams.data());
  return kSuccess;
}

}  // namespace clavier::cli
