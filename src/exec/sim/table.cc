#include "exec/sim/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/csv.h"
#include "base/files.h"
#include "base/nearest.h"
#include "exec/sim/config_text.h"
#include "exec/sim/recorded.h"
#include "study/domain.h"

namespace clavier::exec {
namespace {

using Row = std::vector<CsvField>;

template <typename Number>
std::optional<Number> parsed(std::string_view field) {
  Number number{};
  const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), number);
  if (code != std::errc() || end != field.data() + field.size()) return {};
  return number;
}

Value cell_value(const std::string& field) {
  if (field == "true" || field == "false") return Value(field == "true");
  if (const auto whole = parsed<std::int64_t>(field)) return Value(*whole);
  if (const auto real = parsed<double>(field)) return Value(*real);
  return Value(field);
}

struct Columns {
  enum class Role { kParameter, kStep, kSeconds, kMetric };
  std::vector<std::string> names;
  std::vector<Role> roles;
};

Result<Columns> columns_of(const Row& header, const CsvReader& reader, const Space& space) {
  Columns columns;
  for (const CsvField& field : header) columns.names.push_back(field.text);
  const auto count = [&](Columns::Role role) { return std::ranges::count(columns.roles, role); };
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string& name = columns.names[i];
    if (name.empty()) return reader.error(fmt::format("column {} has no name", i + 1));
    if (std::ranges::count(columns.names, name) > 1)
      return reader.error(fmt::format("there are two columns '{}'", name));
    const bool parameter =
        std::ranges::find(space.parameters, name, &Parameter::name) != space.parameters.end();
    columns.roles.push_back(parameter           ? Columns::Role::kParameter
                            : name == "step"    ? Columns::Role::kStep
                            : name == "seconds" ? Columns::Role::kSeconds
                                                : Columns::Role::kMetric);
  }
  if (count(Columns::Role::kStep) == 0) return reader.error("there is no column 'step'");
  if (count(Columns::Role::kParameter) == 0)
    return reader.error("no column is named as a parameter of the search space");
  if (count(Columns::Role::kMetric) == 0) return reader.error("there is no column with a metric");
  return columns;
}

struct Measurement {
  Config config;
  RecordedReport report;
};

Result<Measurement> measurement(const Row& row, const Columns& columns, const CsvReader& reader) {
  if (row.size() != columns.names.size())
    return reader.error(
        fmt::format("{} fields under {} columns", row.size(), columns.names.size()));
  Measurement out;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string& name = columns.names[i];
    const std::string& text = row[i].text;
    const auto wrong = [&](std::string_view wanted) {
      return reader.error(fmt::format("'{}' under '{}' is no {}", text, name, wanted));
    };
    switch (columns.roles[i]) {
      case Columns::Role::kParameter:
        if (!text.empty()) out.config.set(name, cell_value(text));
        break;
      case Columns::Role::kStep: {
        const auto step = parsed<Steps>(text);
        if (!step || *step < 1) return wrong("step; steps are whole numbers from 1");
        out.report.step = *step;
        break;
      }
      case Columns::Role::kSeconds: {
        const auto seconds = parsed<double>(text);
        if (!seconds || !(*seconds > 0)) return wrong("duration above 0");
        out.report.seconds = *seconds;
        break;
      }
      case Columns::Role::kMetric: {
        if (text.empty()) break;
        const auto value = parsed<double>(text);
        if (!value) return wrong("number");
        out.report.metrics.push_back({name, *value});
        break;
      }
    }
  }
  return out;
}

/// Leaves in a configuration only what the table has columns for.
class Restricted {
 public:
  explicit Restricted(const Columns& columns) {
    for (std::size_t i = 0; i < columns.names.size(); ++i)
      if (columns.roles[i] == Columns::Role::kParameter) names_.push_back(columns.names[i]);
  }
  Config operator()(const Config& config) const {
    Config out;
    for (const std::string& name : names_)
      if (const Value* const value = config.find(name)) out.set(name, *value);
    return out;
  }

 private:
  std::vector<std::string> names_;
};

Result<std::vector<RecordedTrial>> trials_of(CsvReader& reader, const Columns& columns) {
  std::vector<RecordedTrial> trials;
  std::unordered_map<std::string, std::size_t> index;
  Row row;
  while (TRY(reader.next(row))) {
    Measurement made = TRY(measurement(row, columns, reader));
    const auto [at, is_new] = index.emplace(config_text(made.config), trials.size());
    if (is_new) trials.push_back({std::move(made.config)});
    auto& reports = trials[at->second].reports;
    const auto place =
        std::ranges::lower_bound(reports, made.report.step, {}, &RecordedReport::step);
    if (place != reports.end() && place->step == made.report.step)
      return reader.error(fmt::format("step {} of {} is there twice", made.report.step, at->first));
    reports.insert(place, std::move(made.report));
  }
  return trials;
}

/// Parameters that no measurement depends on, each with the column that may be meant.
std::vector<std::string> missing_columns(const Columns& columns, std::string_view name,
                                         const Space& space) {
  std::vector<std::string> others, notes;
  for (std::size_t i = 0; i < columns.names.size(); ++i)
    if (columns.roles[i] == Columns::Role::kMetric) others.push_back(columns.names[i]);
  for (const Parameter& parameter : space.parameters) {
    const bool varies = cardinality(parameter.domain) != 1;  // constants and computed ones do not
    if (!varies || std::ranges::count(columns.names, parameter.name) > 0) continue;
    const std::string near = nearest(parameter.name, others);
    notes.push_back(fmt::format("{} has no column for the parameter '{}': nothing depends on it{}",
                                name, parameter.name,
                                near.empty() ? "" : fmt::format("; is it '{}'?", near)));
  }
  return notes;
}

}  // namespace

Result<Curve> table_curve(std::string_view csv, std::string_view name, const Space& space) {
  CsvReader reader(csv, name);
  Row header;
  if (!TRY(reader.next(header))) return reader.error("the table is empty");
  const Columns columns = TRY(columns_of(header, reader, space));
  std::vector<RecordedTrial> trials = TRY(trials_of(reader, columns));
  if (trials.empty()) return reader.error("the table has a header but no rows");
  const Curve by_columns = TRY(recorded_curve(std::move(trials)));

  // A row belongs to a configuration whatever its trial's number.
  Curve curve;
  curve.notes = missing_columns(columns, name, space);
  curve.metrics = [by_columns, only = Restricted(columns)](const Config& config, TrialId,
                                                           Steps step, std::uint64_t seed) {
    return by_columns.metrics(only(config), TrialId{}, step, seed);
  };
  curve.steps = [by_columns, only = Restricted(columns)](const Config& config) {
    return by_columns.steps(only(config));
  };
  curve.cost = [by_columns, only = Restricted(columns)](const Config& config, Steps step) {
    return by_columns.cost(only(config), step);
  };
  curve.error = [by_columns, only = Restricted(columns), table = std::string(name)](
                    const Config& config, TrialId, Steps step) -> std::string {
    if (by_columns.error(only(config), TrialId{}, step).empty()) return {};
    return fmt::format("{} has no row for {}", table, config_text(only(config)));
  };
  return curve;
}

Result<Curve> table_curve(const std::filesystem::path& file, const Space& space) {
  return table_curve(TRY(read_file(file, kMaxTableBytes)), file.string(), space);
}

}  // namespace clavier::exec
