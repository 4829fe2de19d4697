#include "cli/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"
#include "cli/studies.h"
#include "study/text.h"

namespace clavier::cli {
namespace {

using Kind = TrialColumn::Kind;

std::vector<TrialColumn> facts(const app::RecordedStudy& study) {
  const auto now = study.state.now();
  const bool runs = study.folder.is_running();
  return {
      {"trial", Kind::kFact, [](const Trial& t) { return Value(t.id.value); }},
      {"status", Kind::kFact,
       [runs](const Trial& t) { return Value(std::string(status_word(t.status, runs))); }},
      {"step", Kind::kFact, [](const Trial& t) { return t.reports ? Value(t.step) : Value(); }},
      {"time", Kind::kFact,
       [now](const Trial& t) {
         return Value(seconds(t.busy + (t.live() ? now - t.launched : StudyDuration{})));
       }},
      {"best", Kind::kFact, [](const Trial& t) { return t.best ? Value(t.best->value) : Value(); }},
      {"best_step", Kind::kFact,
       [](const Trial& t) { return t.best ? Value(t.best->step) : Value(); }},
      {"reports", Kind::kFact, [](const Trial& t) { return Value(t.reports); }},
      {"attempts", Kind::kFact, [](const Trial& t) { return Value(t.attempts); }},
      {"failures", Kind::kFact, [](const Trial& t) { return Value(t.failures); }},
      {"reason", Kind::kFact,
       [](const Trial& t) { return t.reason.empty() ? Value() : Value(t.reason); }},
      {"directory", Kind::kFact, [](const Trial& t) { return Value(t.directory); }},
  };
}

TrialColumn metric_column(const app::RecordedStudy& study, const std::string& name) {
  const bool is_objective = name == study.spec.objective.metric;
  return {name, Kind::kMetric, [name, is_objective](const Trial& t) {
            for (const Metric& metric : t.metrics)
              if (metric.name == name) return Value(metric.value);
            if (is_objective && !t.history.empty()) return Value(t.history.back().value);
            return Value();
          }};
}

/// Less is sorted first.
double sort_key(const Value& value, double sign) {
  const auto number = value.number();
  return number && !std::isnan(*number) ? sign * *number : std::numeric_limits<double>::infinity();
}

}  // namespace

std::vector<TrialColumn> trial_columns(const app::RecordedStudy& study) {
  std::vector<TrialColumn> all = facts(study);
  const auto add = [&](TrialColumn column, std::string_view prefix) {
    const auto taken = std::ranges::find(all, column.name, &TrialColumn::name);
    if (taken != all.end()) column.name = fmt::format("{}.{}", prefix, column.name);
    if (std::ranges::find(all, column.name, &TrialColumn::name) == all.end())
      all.push_back(std::move(column));
  };
  std::vector<std::string> metrics{study.spec.objective.metric};
  for (const Trial& trial : study.state.trials())
    for (const Metric& metric : trial.metrics)
      if (std::ranges::find(metrics, metric.name) == metrics.end()) metrics.push_back(metric.name);
  for (const Parameter& parameter : study.spec.space.parameters)
    add({parameter.name, Kind::kParameter,
         [name = parameter.name](const Trial& t) {
           const Value* value = t.config.find(name);
           return value ? *value : Value();
         }},
        "config");
  for (const std::string& metric : metrics) add(metric_column(study, metric), "metric");
  return all;
}

Result<std::vector<TrialColumn>> pick(const std::vector<TrialColumn>& all,
                                      const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const TrialColumn& column : all) known.push_back(column.name);
  std::vector<TrialColumn> picked;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(all, name, &TrialColumn::name);
    if (found == all.end())
      return invalid(fmt::format("no column \"{}\"{}", name, suggestion(name, known)));
    picked.push_back(*found);
  }
  return picked;
}

Result<std::vector<TrialId>> sorted(const app::RecordedStudy& study,
                                    const std::vector<TrialColumn>& all, std::string_view by) {
  const bool reversed = by.starts_with('-');
  if (reversed) by.remove_prefix(1);
  const TrialColumn column = std::move(TRY(pick(all, {std::string(by)})).front());
  const bool best_first = by == "best" || (column.kind == TrialColumn::Kind::kMetric &&
                                           by == study.spec.objective.metric);
  const bool upward = best_first ? study.spec.objective.mode == Mode::kMin : true;
  const double sign = upward != reversed ? 1 : -1;
  struct Row {
    TrialId id;
    bool has_value;
    double key;
    std::string text;
  };
  std::vector<Row> rows;
  for (const Trial& trial : study.state.trials()) {
    const Value value = column.value(trial);
    const auto* text = value.as<std::string>();
    rows.push_back({trial.id, value != Value(), sort_key(value, sign), text ? *text : ""});
  }
  std::ranges::stable_sort(rows, [&](const Row& a, const Row& b) {
    if (a.has_value != b.has_value) return a.has_value;
    if (a.text != b.text) return reversed ? b.text < a.text : a.text < b.text;
    return a.key < b.key;
  });
  std::vector<TrialId> ids;
  for (const Row& row : rows) ids.push_back(row.id);
  return ids;
}

std::string csv_row(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i) out += ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      out += cells[i];
      continue;
    }
    out += '"';
    for (const char c : cells[i]) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }
  return out + "\r\n";
}

std::string csv_cell(const Value& value) { return value == Value() ? "" : text::plain(value); }

}  // namespace clavier::cli
