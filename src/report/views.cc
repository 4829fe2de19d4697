#include "report/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/nearest.h"
#include "report/front.h"
#include "report/wording.h"
#include "study/text.h"

namespace clavier::report {
namespace {

using Kind = TrialColumn::Kind;

std::vector<TrialColumn> facts(const Viewed& study) {
  const auto now = study.now;
  const bool runs = study.runs;
  return {
      {"trial", Kind::kFact, [](const Trial& t) { return Value(t.id.value); }},
      {"status", Kind::kFact,
       [runs](const Trial& t) { return Value(std::string(status_word(t, runs))); }},
      {"step", Kind::kFact, [](const Trial& t) { return t.reports ? Value(t.step) : Value(); }},
      {"time", Kind::kFact,
       [now](const Trial& t) {
         return Value(seconds(t.busy + (t.live() ? now - t.launched : StudyDuration{})));
       }},
      {"best", Kind::kFact, [](const Trial& t) { return t.best ? Value(t.best->value) : Value(); }},
      {"best_step", Kind::kFact,
       [](const Trial& t) { return t.best ? Value(t.best->step) : Value(); }},
      {"reports", Kind::kFact, [](const Trial& t) { return Value(t.reports); }},
      {"bracket", Kind::kFact, [](const Trial& t) { return Value(std::int64_t{t.bracket}); }},
      {"attempts", Kind::kFact, [](const Trial& t) { return Value(t.attempts); }},
      {"failures", Kind::kFact, [](const Trial& t) { return Value(t.failures); }},
      {"launch", Kind::kFact,
       [](const Trial& t) { return t.launch.valid() ? Value(t.launch.value) : Value(); }},
      {"reason", Kind::kFact,
       [](const Trial& t) {
         const auto reason = reason_of(t);
         return reason.empty() ? Value() : Value(std::string(reason));
       }},
      {"directory", Kind::kFact, [](const Trial& t) { return Value(t.directory); }},
  };
}

TrialColumn metric_column(const Viewed& study, const LastMetrics& metrics,
                          const std::string& name) {
  const bool is_objective = name == study.state.objective().metric;
  return {name, Kind::kMetric, [&metrics, name, is_objective](const Trial& t) {
            if (const auto last = metrics.of(t.id, name)) return Value(*last);
            if (is_objective && !t.history.empty()) return Value(t.history.back().value);
            return Value();
          }};
}

/// In place of the best value, where there are several.
void standings_columns(const State& state, std::vector<TrialColumn>& all) {
  const auto of = [](const auto& by_trial, const Trial& t) {
    return by_trial.at(static_cast<std::size_t>(t.id.value));
  };
  const auto best = std::ranges::find(all, "best", &TrialColumn::name);
  *best = {"rank", Kind::kFact,
           [of, by_trial =
                    std::make_shared<const decltype(ranks(state))>(ranks(state))](const Trial& t) {
             const auto rank = of(*by_trial, t);
             return rank ? Value(*rank) : Value();
           }};
  // Takes a while, and is seldom asked for.
  all.insert(best + 1,
             {"hypervolume", Kind::kFact,
              [of, &state, by_trial = std::make_shared<std::vector<double>>()](const Trial& t) {
                if (by_trial->empty()) *by_trial = hypervolumes(state);
                return Value(of(*by_trial, t));
              }});
}

/// Less is sorted first, NaN last, after both infinities, whatever the direction.
std::pair<bool, double> sort_key(const Value& value, double sign) {
  const auto number = value.number();
  const bool sorts = number && !std::isnan(*number);
  return {!sorts, sorts ? sign * *number : 0};
}

}  // namespace

std::string_view condition(const State& state, bool runs) {
  const auto& finished = state.finished();
  if (state.asked() && !finished) return "asked";
  if (runs) return "running";
  // Whoever closes a run in order waits until the last trial has left.
  if (!finished) return state.count(TrialStatus::kRunning) > 0 ? "interrupted" : "paused";
  switch (finished->kind) {
    case FinishKind::kDone:
    case FinishKind::kStopRule: break;
    case FinishKind::kUser: return "stopped";
    case FinishKind::kFailure: return "failed";
  }
  return "finished";
}

std::string best_text(const State& state) {
  const auto front = state.front();
  if (front.empty()) return "none yet";
  if (front.size() > 1)
    return fmt::format("front of {} trials ({})", front.size(), numbers_text(front));
  const Trial& best = state.trial(front.front());
  return fmt::format("{} (trial {}{})",
                     values_text(state.objective(), best.best->value, best.best->further),
                     best.id.value, best.status == TrialStatus::kFailed ? ", failed" : "");
}

std::string_view reason_of(const Trial& trial) {
  const bool goes_on = trial.status == TrialStatus::kPending ||
                       (trial.status == TrialStatus::kRunning && trial.decided == Decided::kNone);
  return goes_on ? std::string_view() : std::string_view(trial.reason);
}

Names::Names(std::vector<std::string> first) {
  for (const std::string& name : first) add(name);
}

bool Names::add(const std::string& name) {
  const bool is_new = known_.emplace(name, all_.size()).second;
  if (is_new) all_.push_back(name);
  return is_new;
}

void LastMetrics::take(const Step& step) {
  const auto* reported = input_as<Reported>(step.turn);
  if (!reported || step.turn.late) return;
  for (const Report& report : reported->reports)
    for (const Metric& metric : report.metrics) {
      names_.add(metric.name);
      values_[report.trial.value][metric.name] = metric.value;
    }
}

std::optional<double> LastMetrics::of(TrialId trial, const std::string& name) const {
  const auto values = values_.find(trial.value);
  if (values == values_.end()) return {};
  const auto value = values->second.find(name);
  return value == values->second.end() ? std::nullopt : std::optional(value->second);
}

std::vector<Metric> LastMetrics::of(TrialId trial) const {
  std::vector<Metric> all;
  if (const auto values = values_.find(trial.value); values != values_.end())
    for (const auto& [name, value] : values->second) all.push_back({name, value});
  std::ranges::sort(all, {}, [&](const Metric& metric) { return names_.index(metric.name); });
  return all;
}

std::vector<TrialColumn> trial_columns(const Viewed& study, const LastMetrics& metrics) {
  std::vector<TrialColumn> all = facts(study);
  if (study.state.objective().several()) standings_columns(study.state, all);
  Names taken;
  for (const TrialColumn& column : all) taken.add(column.name);
  const auto add = [&](TrialColumn column, std::string_view prefix) {
    const std::string longer = fmt::format("{}.{}", prefix, column.name);
    if (!taken.add(column.name)) {
      if (!taken.add(longer)) return;
      column.name = longer;
    }
    all.push_back(std::move(column));
  };
  for (const Parameter& parameter : study.space.parameters)
    add({parameter.name, Kind::kParameter,
         [name = parameter.name](const Trial& t) {
           const Value* value = t.config.find(name);
           return value ? *value : Value();
         }},
        "config");
  const Objectives& objective = study.state.objective();
  for (const Objective& each : objective.all())
    add(metric_column(study, metrics, each.metric), "metric");
  for (const std::string& name : metrics.names())
    if (!objective.find(name)) add(metric_column(study, metrics, name), "metric");
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

Result<std::vector<TrialId>> sorted(const State& state, const std::vector<TrialColumn>& all,
                                    std::string_view by) {
  const bool reversed = by.starts_with('-');
  if (reversed) by.remove_prefix(1);
  const TrialColumn column = std::move(TRY(pick(all, {std::string(by)})).front());
  const double sign = reversed ? -1 : 1;
  struct Row {
    TrialId id;
    bool has_value;
    std::pair<bool, double> key;
    std::string text;
  };
  std::vector<Row> rows;
  for (const Trial& trial : state.trials()) {
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

}  // namespace clavier::report
