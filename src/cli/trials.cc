#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/commands.h"
#include "cli/formats.h"
#include "cli/studies.h"
#include "report/width.h"
#include "report/wording.h"
#include "study/text.h"

namespace clavier::cli {
namespace {

using Kind = report::TrialColumn::Kind;

constexpr std::size_t kReasonColumns = 60;

/// What a table shows unless columns are asked for.
bool usual(const report::TrialColumn& column) {
  constexpr std::string_view kFacts[] = {"trial", "status", "step",  "time",
                                         "best",  "rank",   "reason"};
  if (column.kind == Kind::kMetric) return !report::about_the_work(column.name);
  return column.kind != Kind::kFact || std::ranges::find(kFacts, column.name) != std::end(kFacts);
}

report::Column heading(const report::TrialColumn& column) {
  const bool is_text =
      column.name == "status" || column.name == "reason" || column.name == "directory";
  const int rank = column.name == "reason"           ? 4
                   : column.kind == Kind::kMetric    ? 3
                   : column.kind == Kind::kParameter ? 2
                   : column.name == "time"           ? 1
                                                     : 0;
  return {.title = column.name,
          .align = is_text ? report::Align::kLeft : report::Align::kRight,
          .rank = rank};
}

std::string cell(const report::TrialColumn& column, const Trial& trial) {
  const Value value = column.value(trial);
  if (value == Value()) return "";
  if (column.name == "time" && column.kind == Kind::kFact)
    return report::elapsed(from_seconds(*value.number()));
  // Whole reasons are for --columns into a file, and for `clavier show`.
  if (column.name == "reason" && column.kind == Kind::kFact)
    return report::fit(report::clean(report::short_value(value)), kReasonColumns);
  return report::short_value(value);
}

void show_table(const app::RecordedStudy& study, const std::vector<report::TrialColumn>& columns,
                const std::vector<TrialId>& ids, Streams& streams) {
  std::vector<report::Column> headings;
  for (const report::TrialColumn& column : columns) headings.push_back(heading(column));
  report::Table table(std::move(headings));
  const auto front = study.state.front();
  for (const TrialId id : ids) {
    const Trial& trial = study.state.trial(id);
    std::vector<std::string> cells;
    for (const report::TrialColumn& column : columns) cells.push_back(cell(column, trial));
    const report::Style style = std::ranges::binary_search(front, id)  ? report::Style::kBold
                                : trial.status == TrialStatus::kFailed ? report::Style::kBad
                                                                       : report::Style::kPlain;
    table.add(std::move(cells), style);
  }
  print(streams, table);
}

void show_csv(const app::RecordedStudy& study, const std::vector<report::TrialColumn>& columns,
              const std::vector<TrialId>& ids, std::ostream& out) {
  std::vector<std::string> names;
  for (const report::TrialColumn& column : columns) names.push_back(column.name);
  out << csv_row(names);
  for (const TrialId id : ids) {
    std::vector<std::string> cells;
    for (const report::TrialColumn& column : columns)
      cells.push_back(csv_cell(column.value(study.state.trial(id))));
    out << csv_row(cells);
  }
}

/// With chosen columns a flat object, else facts with the configuration and the metrics nested.
void show_json(const app::RecordedStudy& study, const report::LastMetrics& metrics,
               const std::vector<report::TrialColumn>& columns, const std::vector<TrialId>& ids,
               bool flat, std::ostream& out) {
  out << "[";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Trial& trial = study.state.trial(ids[i]);
    std::string object;
    const auto key = [&](std::string_view name) {
      object += object.empty() ? "{" : ", ";
      append_json(object, name);
      object += ": ";
    };
    for (const report::TrialColumn& column : columns) {
      if (!flat && column.kind != Kind::kFact) continue;
      key(column.name);
      text::append(object, column.value(trial));
    }
    if (!flat) {
      key("config");
      object += text::to_json(trial.config);
      key("metrics");
      object += text::to_json(metrics.of(trial.id));
    }
    out << (i ? ",\n " : "") << strict_json(object) << "}";
  }
  out << "]\n";
}

}  // namespace

int run_trials(const TrialsOptions& options, Streams& streams) {
  // Parsing every metric of a long log takes seconds; a plain table does without.
  const bool plain = options.format == Format::kTable && options.columns.empty() && !options.sort;
  report::LastMetrics metrics;
  const auto take = [&](const Step& step, const State&) { metrics.take(step); };
  const auto study =
      open_study(options.study, plain ? store::Metrics::kSkip : store::Metrics::kParse, take);
  if (!study) return fail(streams, study.error());
  const auto all = report::trial_columns(view_of(*study), metrics);
  std::vector<report::TrialColumn> columns;
  if (!options.columns.empty()) {
    auto picked = pick(all, options.columns);
    if (!picked) return fail(streams, picked.error());
    columns = *std::move(picked);
  } else {
    for (const report::TrialColumn& column : all)
      if (options.format != Format::kTable || usual(column)) columns.push_back(column);
  }
  const Objectives& objective = study->spec.objective;
  const std::string best = objective.several()            ? "rank"
                           : objective.mode == Mode::kMax ? "-best"
                                                          : "best";
  const std::string order = options.sort ? *options.sort : options.top ? best : "trial";
  auto ids = report::sorted(study->state, all, order);
  if (!ids) return fail(streams, ids.error());
  if (options.top && ids->size() > *options.top) ids->resize(*options.top);
  switch (options.format) {
    case Format::kTable: show_table(*study, columns, *ids, streams); break;
    case Format::kCsv: show_csv(*study, columns, *ids, streams.data()); break;
    case Format::kJson:
      show_json(*study, metrics, columns, *ids, !options.columns.empty(), streams.data());
      break;
  }
  return kSuccess;
}

}  // namespace clavier::cli
