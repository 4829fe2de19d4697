#include "exec/sim/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exec/sim/config_text.h"
#include "exec/sim/recorded.h"

namespace clavier::exec {
namespace {

using Row = std::vector<std::string>;

/// Reads rows of comma separated fields.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string_view name) : rest_(text), name_(name) {}

  Error error(std::string_view what) const {
    return invalid(fmt::format("{}:{}: {}", name_, line_, what));
  }
  /// Nothing at the end. Empty lines are passed over.
  Result<std::optional<Row>> next() {
    while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) pass(1);
    if (rest_.empty()) return std::optional<Row>();
    line_ = next_line_;
    Row row;
    row.push_back(TRY(field()));
    while (!rest_.empty() && rest_.front() == ',') {
      pass(1);
      row.push_back(TRY(field()));
    }
    return std::optional(std::move(row));
  }

 private:
  std::string_view pass(std::size_t count) {
    const std::string_view passed = rest_.substr(0, count);
    next_line_ += static_cast<std::size_t>(std::ranges::count(passed, '\n'));
    rest_.remove_prefix(count);
    return passed;
  }

  Result<std::string> field() {
    if (rest_.empty() || rest_.front() != '"')
      return std::string(pass(std::min(rest_.find_first_of(",\r\n"), rest_.size())));
    std::string quoted;
    for (;;) {
      pass(1);
      const std::size_t quote = rest_.find('"');
      if (quote == std::string_view::npos) return error("a quoted field is never closed");
      quoted += pass(quote);
      pass(1);
      if (rest_.empty() || rest_.front() != '"') break;
      quoted += '"';  // a doubled one stands for itself
    }
    if (!rest_.empty() && rest_.find_first_of(",\r\n") != 0)
      return error("a quoted field goes on after its closing quotation mark");
    return quoted;
  }

  std::string_view rest_;
  std::string_view name_;
  std::size_t line_ = 1;  ///< Where the row just read begins.
  std::size_t next_line_ = 1;
};

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
  Columns columns{header, {}};
  const auto count = [&](Columns::Role role) { return std::ranges::count(columns.roles, role); };
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string& name = header[i];
    if (name.empty()) return reader.error(fmt::format("column {} has no name", i + 1));
    if (std::ranges::count(header, name) > 1)
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
    const auto wrong = [&](std::string_view wanted) {
      return reader.error(fmt::format("'{}' under '{}' is no {}", row[i], name, wanted));
    };
    switch (columns.roles[i]) {
      case Columns::Role::kParameter:
        if (!row[i].empty()) out.config.set(name, cell_value(row[i]));
        break;
      case Columns::Role::kStep: {
        const auto step = parsed<Steps>(row[i]);
        if (!step || *step < 1) return wrong("step; steps are whole numbers from 1");
        out.report.step = *step;
        break;
      }
      case Columns::Role::kSeconds: {
        const auto seconds = parsed<double>(row[i]);
        if (!seconds || !(*seconds > 0)) return wrong("duration above 0");
        out.report.seconds = *seconds;
        break;
      }
      case Columns::Role::kMetric: {
        if (row[i].empty()) break;
        const auto value = parsed<double>(row[i]);
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
  for (;;) {
    const auto row = TRY(reader.next());
    if (!row) break;
    Measurement made = TRY(measurement(*row, columns, reader));
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

}  // namespace

Result<Curve> table_curve(std::string_view csv, std::string_view name, const Space& space) {
  CsvReader reader(csv, name);
  const auto header = TRY(reader.next());
  if (!header) return reader.error("the table is empty");
  const Columns columns = TRY(columns_of(*header, reader, space));
  std::vector<RecordedTrial> trials = TRY(trials_of(reader, columns));
  if (trials.empty()) return reader.error("the table has a header but no rows");
  const Curve by_columns = TRY(recorded_curve(std::move(trials)));

  // A row belongs to a configuration whatever its trial's number.
  Curve curve;
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
  std::error_code failure;
  const auto bytes = std::filesystem::file_size(file, failure);
  if (failure) return not_found(fmt::format("{}: {}", file.string(), failure.message()));
  if (bytes > kMaxTableBytes)
    return invalid(fmt::format("{}: a table has at most {} bytes, this one has {}", file.string(),
                               kMaxTableBytes, bytes));
  std::ifstream in(file, std::ios::binary);
  std::string text(bytes, '\0');
  in.read(text.data(), static_cast<std::streamsize>(bytes));
  if (!in) return io_error(fmt::format("{}: cannot be read", file.string()));
  return table_curve(text, file.string(), space);
}

}  // namespace clavier::exec
