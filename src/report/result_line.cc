#include "report/result_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/csv.h"
#include "base/json.h"

namespace clavier::report {
namespace {

/// Ray's own columns, in the order of its result files. `config` is not in progress.csv.
enum Own {
  kTimestamp,
  kCheckpointName,
  kShouldCheckpoint,
  kDone,
  kIteration,
  kTrialId,
  kDate,
  kSeconds,
  kTotalSeconds,
  kHost,
  kConfig,
  kSecondsSinceRestore,
  kIterationsSinceRestore,
  kExperimentTag,
  kOwnColumns,
};
constexpr std::string_view kNames[kOwnColumns] = {
    "timestamp",
    "checkpoint_dir_name",
    "should_checkpoint",
    "done",
    "training_iteration",
    "trial_id",
    "date",
    "time_this_iter_s",
    "time_total_s",
    "hostname",
    "config",
    "time_since_restore",
    "iterations_since_restore",
    "experiment_tag",
};

int own_column(std::string_view name) {
  const auto* const at = std::ranges::find(kNames, name);
  return at == std::end(kNames) ? -1 : static_cast<int>(at - kNames);
}

/// Calls one of the handlers with the column's content; `none` for an absent one.
template <typename Text, typename Whole, typename Real, typename Truth, typename None>
void tell(const ResultLine& line, int own, Text text, Whole whole, Real real, Truth truth,
          None none) {
  switch (static_cast<Own>(own)) {
    case kTimestamp: return whole(line.timestamp_s);
    case kCheckpointName: return line.checkpoint_name.empty() ? none() : text(line.checkpoint_name);
    case kShouldCheckpoint: return truth(!line.checkpoint_name.empty());
    case kDone: return truth(line.done);
    case kIteration: return whole(line.iteration);
    case kTrialId: return text(std::string_view(line.source.trial_name));
    case kDate: return text(line.date);
    case kSeconds: return real(line.seconds);
    case kTotalSeconds: return real(line.total_seconds);
    case kHost: return text(std::string_view(line.source.host));
    case kConfig: return none();
    case kSecondsSinceRestore: return real(line.seconds_since_restore);
    case kIterationsSinceRestore: return whole(line.iterations_since_restore);
    case kExperimentTag: return text(std::string_view(line.source.experiment_tag));
    case kOwnColumns: break;
  }
}

void append_json_column(std::string& out, const ResultLine& line, int own) {
  if (own == kConfig) {
    out += line.source.config_json;
    return;
  }
  tell(
      line, own, [&](std::string_view text) { append_json(out, text); },
      [&](std::int64_t whole) { append_json(out, whole); },
      [&](double real) { append_json(out, real); },
      [&](bool truth) { out += truth ? "true" : "false"; }, [&] { out += "null"; });
}

void append_number(std::string& out, double number) {
  if (std::isfinite(number))
    append_json(out, number);
  else
    out += std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
}

void append_csv_column(std::string& out, const ResultLine& line, int own) {
  tell(
      line, own, [&](std::string_view text) { append_csv(out, text); },
      [&](std::int64_t whole) { append_json(out, whole); },
      [&](double real) { append_number(out, real); },
      [&](bool truth) { out += truth ? "True" : "False"; }, [] {});
}

}  // namespace

void append_result_json(std::string& out, const ResultLine& line) {
  out += '{';
  for (const Metric& metric : line.metrics) {
    if (own_column(metric.name) >= 0) continue;
    append_json(out, metric.name);
    out += ": ";
    append_json(out, metric.value);
    out += ", ";
  }
  for (int own = 0; own < kOwnColumns; ++own) {
    out += own == 0 ? "\"" : ", \"";
    out += kNames[own];
    out += "\": ";
    append_json_column(out, line, own);
  }
  out += "}\n";
}

ProgressColumns::Column ProgressColumns::column(std::string name) {
  const int own = own_column(name);
  return {std::move(name), own};
}

ProgressColumns ProgressColumns::of(const ResultLine& line) {
  ProgressColumns result;
  for (const Metric& metric : line.metrics) {
    const bool repeated =
        std::ranges::find(result.columns_, metric.name, &Column::name) != result.columns_.end();
    if (!repeated && own_column(metric.name) < 0) result.columns_.push_back(column(metric.name));
  }
  for (int own = 0; own < kOwnColumns; ++own)
    if (own != kConfig) result.columns_.push_back(column(std::string(kNames[own])));
  return result;
}

Result<ProgressColumns> ProgressColumns::parse(std::string_view header) {
  CsvReader reader(header, "progress.csv");
  std::vector<CsvField> names;
  TRY(reader.next(names));
  ProgressColumns result;
  for (CsvField& name : names) result.columns_.push_back(column(std::move(name.text)));
  return result;
}

void ProgressColumns::append_header(std::string& out) const {
  const char* separator = "";
  for (const Column& each : columns_) {
    out += separator;
    append_csv(out, each.name);
    separator = ",";
  }
  out += "\r\n";
}

void ProgressColumns::append_row(std::string& out, const ResultLine& line) const {
  const auto& metrics = line.metrics;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& each = columns_[i];
    if (i > 0) out += ',';
    if (each.own >= 0) {
      append_csv_column(out, line, each.own);
    } else if (i < metrics.size() && metrics[i].name == each.name) {
      append_number(out, metrics[i].value);
    } else if (const auto at = std::ranges::find(metrics, each.name, &Metric::name);
               at != metrics.end()) {
      append_number(out, at->value);
    }
  }
  out += "\r\n";
}

}  // namespace clavier::report
