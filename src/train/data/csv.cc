#include "train/data/csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "base/csv.h"
#include "base/nearest.h"
#include "base/utf8.h"

// A file is read twice: the first time to see what its columns are (`survey`), the second time for
// the values, so that it never stands in memory as text.
namespace clavier::train::data {
namespace {

constexpr std::string_view kSeparators = ",;\t";
constexpr std::size_t kMaxNamedCategories = 10 * kMaxCategories;
constexpr std::int64_t kFewRows = 10;        ///< In fewer, texts that all differ say nothing.
constexpr std::int64_t kNumbersPerTypo = 4;  ///< So many numbers per text: the text is wrong.

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string lower(std::string_view text) {
  std::string result(trimmed(text));
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool missing(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMissing = {
      "", "na", "n/a", "nan", "-nan", "+nan", "null", "none", "?", "<na>", "#n/a", "#na"};
  return std::find(kMissing.begin(), kMissing.end(), lower(text)) != kMissing.end();
}

/// A float: infinite if it is too large for one, 0 if it is too small.
std::optional<float> number(std::string_view text, char separator) {
  std::string changed;
  if (separator != ',' && std::count(text.begin(), text.end(), ',') == 1 &&
      text.find('.') == text.npos) {
    changed = text;
    std::replace(changed.begin(), changed.end(), ',', '.');
    text = changed;
  }
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  float value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || code == std::errc::invalid_argument) return std::nullopt;
  // from_chars does not say whether too large or too small.
  if (code == std::errc::result_out_of_range)
    value = std::strtof(std::string(text).c_str(), nullptr);
  return value;
}

/// "1,234.5": a number to people alone.
bool has_thousands(std::string_view text) {
  const auto digits = [&](std::size_t most) {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end >= 1 && end <= most;
  };
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (!digits(3) || !text.starts_with(',')) return false;
  while (text.starts_with(',')) {
    text.remove_prefix(1);
    if (text.size() < 3 || text.substr(0, 3).find_first_not_of("0123456789") != text.npos)
      return false;
    text.remove_prefix(3);
  }
  return text.empty() || text.starts_with('.');
}

constexpr std::string_view kThousands = ": write numbers without separators of thousands";

/// What the rows below the first show of a column.
struct Survey {
  std::int64_t missing = 0;
  std::int64_t numbers = 0;
  std::int64_t texts = 0;
  bool counts_rows = true;  ///< 0, 1, 2, … or 1, 2, 3, …
  float last = 0;
  std::set<std::string, std::less<>> different = {};  ///< One more than the limit at most.
  std::string text = {};                              ///< The first that is no number.
  std::string at = {};                                ///< "line N, byte B" of it.

  bool only_numbers() const { return texts == 0 && numbers > 0; }
};

void observe(Survey& column, const CsvField& field, const CsvReader& reader) {
  auto text = trimmed(field.text);
  if (missing(text)) {
    ++column.missing;
    column.counts_rows = false;
    return;
  }
  auto value = number(text, reader.separator());
  auto seen = column.numbers + column.texts;
  if (column.different.size() <= kMaxNamedCategories && !column.different.contains(text))
    column.different.emplace(text);
  if (value) {
    column.counts_rows &= seen == 0 ? *value == 0 || *value == 1 : *value == column.last + 1;
    column.last = *value;
    ++column.numbers;
    return;
  }
  column.counts_rows = false;
  if (column.texts++ > 0) return;
  column.text = text;
  column.at = fmt::format("line {}, byte {}", reader.line(), field.byte);
}

/// NaN where there is none; the place of a category, NaN if it is unknown.
Result<float> value_of(const Column& column, const CsvField& field, const CsvReader& reader) {
  auto text = trimmed(field.text);
  if (missing(text)) return std::numeric_limits<float>::quiet_NaN();
  if (column.kind == Column::Kind::kCategory) {
    const auto& all = column.categories;
    auto at = std::lower_bound(all.begin(), all.end(), text);
    return at != all.end() && *at == text ? static_cast<float>(at - all.begin())
                                          : std::numeric_limits<float>::quiet_NaN();
  }
  auto value = number(text, reader.separator());
  if (!value || !std::isfinite(*value))
    return reader.error(field.byte,
                        fmt::format("\"{:.40}\" in column \"{}\" is no finite number{}", text,
                                    column.name, has_thousands(text) ? kThousands : ""));
  return *value;
}

/// The names in a header, else numbers from 1. Of equal ones the later get a number, as in pandas.
std::vector<std::string> names_of(const std::vector<CsvField>& first, bool header) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (std::size_t i = 0; i < first.size(); ++i) {
    std::string name(header ? trimmed(first[i].text) : std::string_view());
    if (name.empty()) name = fmt::format("{}", i + 1);
    const std::string plain = name;
    for (int k = 1; !taken.insert(name).second; ++k) name = fmt::format("{}.{}", plain, k);
    names.push_back(std::move(name));
  }
  return names;
}

/// Names of columns, categories and classes go into files that are UTF-8 only.
Status check_encoding(std::string_view text, std::string_view origin) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return corrupt(fmt::format("{}: the file is UTF-16: save it as UTF-8", origin));
  const std::size_t at = find_not_utf8(text);
  if (at == text.npos) return ok_status();
  return corrupt(fmt::format(
      "{}: line {}, byte {}: no UTF-8 (it may be Latin-1 or Windows-1252): save the file as UTF-8",
      origin, 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'),
      at));
}

class TableReader {
 public:
  TableReader(std::string_view text, const TableSpec& spec, std::string_view origin,
              std::span<const std::size_t> begins)
      : text_(text), spec_(spec), origin_(origin), begins_(begins) {
    table_.parts.resize(begins.size() + 1);
  }

  Result<Table> read() {
    TRY(survey());
    TRY(find_header());
    TRY(name_columns());
    TRY(find_kinds());
    TRY(fill());
    return std::move(table_);
  }

 private:
  Error error(std::string_view what) const { return corrupt(fmt::format("{}: {}", origin_, what)); }

  Status survey() {
    TRY(check_encoding(text_, origin_));
    CsvReader reader(text_, origin_, kSeparators);
    if (!TRY(reader.next(first_))) return reader.error(0, "the file is empty");
    columns_.resize(first_.size());
    std::vector<CsvField> row;
    for (; TRY(reader.next(row)); ++rows_below_) {
      // R writes a header without a name for the column of row names.
      if (rows_below_ == 0 && row.size() == first_.size() + 1) {
        first_.insert(first_.begin(), CsvField{});
        shifted_ = true;
        columns_.resize(row.size());
      }
      TRY(check_size(row, reader));
      for (std::size_t i = 0; i < row.size(); ++i) observe(columns_[i], row[i], reader);
    }
    separator_ = reader.separator();
    if (first_.size() < 2)
      return error("line 1, byte 0: one column only: features and a label are needed");
    return ok_status();
  }

  Status check_size(const std::vector<CsvField>& row, const CsvReader& reader) const {
    if (row.size() == first_.size()) return ok_status();
    return reader.error(row.back().byte,
                        fmt::format("{} fields instead of {}", row.size(), first_.size()));
  }

  std::optional<std::size_t> in_first(std::string_view name) const {
    for (std::size_t i = 0; i < first_.size(); ++i)
      if (trimmed(first_[i].text) == name) return i;
    return std::nullopt;
  }

  Status find_header() {
    table_.header = spec_.header ? *spec_.header : header_by_rule();
    if (!table_.header && shifted_) return error("line 2: one field more than in line 1");
    if (table_.header && rows_below_ == 0) return error("line 1: a header and no rows");
    return ok_status();
  }

  bool header_by_rule() const {
    bool no_number = true, comes_again = false, counts = first_.size() >= 3;
    for (std::size_t i = 0; i < first_.size(); ++i) {
      auto text = trimmed(first_[i].text);
      auto value = number(text, separator_);
      if (!missing(text) && !value && columns_[i].only_numbers()) return true;
      no_number &= !value.has_value();
      comes_again |= columns_[i].different.contains(text) && !text.empty();
      counts &= value == static_cast<float>(i);
    }
    // A number names a column by its position, unless there are not so many.
    auto only_here = [&](std::string_view name) {
      auto at = in_first(name);
      const auto position = number(name, separator_);
      return at && (!position || *position > static_cast<float>(first_.size())) &&
             !columns_[*at].different.contains(name);
    };
    return (no_number && !comes_again) || counts || shifted_ || only_here(spec_.label) ||
           std::any_of(spec_.ignore.begin(), spec_.ignore.end(), only_here) ||
           std::any_of(spec_.categories.begin(), spec_.categories.end(), only_here);
  }

  Status name_columns() {
    for (std::string& name : names_of(first_, table_.header))
      table_.columns.push_back({.name = std::move(name)});
    if (!table_.header) {
      // The row is data, so its column has one value more than was surveyed.
      CsvReader reader(text_, origin_, kSeparators);
      TRY(reader.next(first_));
      for (std::size_t i = 0; i < first_.size(); ++i) observe(columns_[i], first_[i], reader);
    }
    return ok_status();
  }

  /// By name, else by its number from 1.
  Result<std::size_t> find(const std::string& wanted) const {
    for (std::size_t i = 0; table_.header && i < table_.columns.size(); ++i)
      if (table_.columns[i].name == wanted) return i;
    std::size_t position = 0;
    auto [end, code] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), position);
    if (code == std::errc() && end == wanted.data() + wanted.size() && position >= 1 &&
        position <= table_.columns.size())
      return position - 1;
    if (!table_.header)
      return error(
          fmt::format("line 1, byte 0: no column \"{}\": the file has no header, give a "
                      "number from 1 to {}, or set header = true",
                      wanted, table_.columns.size()));
    std::vector<std::string> names;
    for (const Column& column : table_.columns) names.push_back(column.name);
    return error(
        fmt::format("line 1, byte 0: no column \"{}\"{}", wanted, suggestion(wanted, names)));
  }

  Result<std::size_t> find_label() const {
    if (!spec_.label.empty()) return find(spec_.label);
    auto named = [&](std::string_view name) -> std::optional<std::size_t> {
      for (std::size_t i = 0; table_.header && i < table_.columns.size(); ++i)
        if (lower(table_.columns[i].name) == name && table_.columns[i].used()) return i;
      return std::nullopt;
    };
    for (const char* usual : {"label", "target", "class"})
      if (auto at = named(usual)) return *at;
    // Beside x, y is a coordinate.
    if (auto y = named("y"); y && !named("x")) return *y;
    for (std::size_t i = table_.columns.size(); i-- > 0;)
      if (table_.columns[i].used() && columns_[i].numbers + columns_[i].texts > 0) return i;
    return error("no column has a value");
  }

  Status find_kinds() {
    for (const std::string& name : spec_.ignore) leave_out(TRY(find(name)), "as the study says");
    auto label = TRY(find_label());
    if (!table_.columns[label].used())
      return error(fmt::format("column \"{}\" has the labels and cannot be ignored",
                               table_.columns[label].name));
    label_ = label;
    table_.label_column = table_.columns[label].name;
    table_.columns[label].kind = Column::Kind::kLabel;
    table_.columns[label].missing = columns_[label].missing;
    for (const std::string& name : spec_.categories) {
      auto at = TRY(find(name));
      if (table_.columns[at].used()) table_.columns[at].kind = Column::Kind::kCategory;
    }
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (table_.columns[i].used()) TRY(find_kind(i));
    table_.width = std::count_if(table_.columns.begin(), table_.columns.end(),
                                 [](const Column& column) { return column.used(); });
    if (table_.width == 0) return error("no column is left to learn from");
    return ok_status();
  }

  void leave_out(std::size_t i, std::string why) {
    table_.columns[i].kind = Column::Kind::kLeftOut;
    table_.columns[i].why = std::move(why);
  }

  /// "id", "index", "PassengerId", and pandas' "Unnamed: 0".
  static bool names_rows(std::string_view name) {
    auto small = lower(name);
    return small == "index" || small == "row" || small == "unnamed: 0" || small.ends_with("id");
  }

  Status find_kind(std::size_t i) {
    Column& column = table_.columns[i];
    const Survey& seen = columns_[i];
    column.missing = seen.missing;
    const bool wanted = column.kind == Column::Kind::kCategory;
    const auto values = seen.numbers + seen.texts;
    if (values == 0) {
      leave_out(i, "no value in it");
    } else if (wanted) {
      if (seen.different.size() > kMaxNamedCategories)
        return error(fmt::format("column \"{}\" has more than {} categories", column.name,
                                 kMaxNamedCategories));
      column.categories.assign(seen.different.begin(), seen.different.end());
    } else if (i == 0 && shifted_) {
      leave_out(i, "it has no name: the name of the row");
    } else if (table_.header && seen.counts_rows && i == 0 && trimmed(first_[0].text).empty()) {
      leave_out(i, "it has no name: the number of the row");
    } else if (table_.header && seen.counts_rows && values > 2 && names_rows(column.name)) {
      leave_out(i, "it counts the rows");
    } else if (seen.texts > 0) {
      return find_category(i);
    }
    return ok_status();
  }

  Status find_category(std::size_t i) {
    Column& column = table_.columns[i];
    const Survey& seen = columns_[i];
    if (separator_ == ',' && has_thousands(seen.text))
      return error(fmt::format(
          "{}: \"{:.40}\" in column \"{}\"{}, or name the column in ignore or categories", seen.at,
          seen.text, column.name, kThousands));
    if (seen.numbers >= kNumbersPerTypo * seen.texts)
      return error(
          fmt::format("{}: \"{:.40}\" in column \"{}\" is no number, nearly all others "
                      "are; mend it, or name the column in ignore or categories",
                      seen.at, seen.text, column.name));
    if (seen.different.size() > kMaxCategories)
      leave_out(i, fmt::format("more than {} different texts", kMaxCategories));
    else if (seen.numbers + seen.texts >= kFewRows &&
             static_cast<std::int64_t>(seen.different.size()) == seen.numbers + seen.texts)
      leave_out(i, "all its texts differ");
    else
      column.kind = Column::Kind::kCategory,
      column.categories.assign(seen.different.begin(), seen.different.end());
    return ok_status();
  }

  Status fill() {
    CsvReader reader(text_, origin_, kSeparators);
    std::vector<CsvField> row;
    if (table_.header) TRY(reader.next(row));
    std::size_t part = 0;
    while (TRY(reader.next(row))) {
      TRY(check_size(row, reader));
      while (part < begins_.size() && row.front().byte >= begins_[part]) ++part;
      if (!TRY(append(row, reader))) {
        ++table_.dropped;
        continue;
      }
      ++table_.rows;
      ++table_.parts[part];
    }
    if (table_.rows == 0) return error("every row lacks a value");
    return ok_status();
  }

  /// False if the row is to be dropped.
  Result<bool> append(const std::vector<CsvField>& row, const CsvReader& reader) {
    const auto before = table_.inputs.size();
    for (std::size_t i = 0; i < row.size(); ++i) {
      const Column& column = table_.columns[i];
      if (!column.used()) continue;
      auto value = TRY(value_of(column, row[i], reader));
      if (std::isnan(value) && spec_.missing == Missing::kRefuse)
        return reader.error(row[i].byte, fmt::format("no value in column \"{}\"", column.name));
      if (std::isnan(value) && spec_.missing == Missing::kDrop) {
        table_.inputs.resize(before);
        return false;
      }
      table_.inputs.push_back(value);
    }
    auto label = trimmed(row[label_].text);
    const bool none = label.empty() || (columns_[label_].only_numbers() && missing(label));
    if (none && spec_.missing == Missing::kDrop) {
      table_.inputs.resize(before);
      return false;
    }
    if (none)
      return reader.error(row[label_].byte,
                          "the label is missing; missing = \"drop\" leaves such rows out");
    auto& text = table_.labels.emplace_back(label);
    if (columns_[label_].only_numbers() && separator_ != ',')
      std::replace(text.begin(), text.end(), ',', '.');
    return true;
  }

  std::string_view text_;
  const TableSpec& spec_;
  std::string_view origin_;
  std::span<const std::size_t> begins_;
  std::vector<CsvField> first_;
  std::vector<Survey> columns_;
  std::int64_t rows_below_ = 0;
  bool shifted_ = false;
  char separator_ = ',';
  std::size_t label_ = 0;
  Table table_;
};

/// Where each column used stands in the file.
Result<std::vector<std::size_t>> places_of(const std::vector<const Column*>& used,
                                           const std::vector<Column>& columns,
                                           const std::vector<CsvField>& first, bool& header,
                                           const CsvReader& reader) {
  const auto names = names_of(first, true);
  std::map<std::string_view, std::size_t> place_of;
  for (std::size_t i = 0; i < names.size(); ++i) place_of.emplace(names[i], i);
  std::vector<std::size_t> places;
  std::vector<std::string> absent;
  for (const Column* column : used) {
    const auto found = place_of.find(column->name);
    if (found == place_of.end()) absent.push_back(column->name);
    places.push_back(found == place_of.end() ? 0 : found->second);
  }
  header = absent.empty();
  if (header) return places;
  const bool numbers = std::any_of(first.begin(), first.end(), [&](const CsvField& field) {
    return number(trimmed(field.text), reader.separator()).has_value();
  });
  // Without a header: the columns of the training data, or these without the labels.
  std::vector<std::size_t> all, without_labels;
  std::size_t labels_before = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].used()) all.push_back(i), without_labels.push_back(i - labels_before);
    labels_before += columns[i].kind == Column::Kind::kLabel;
  }
  if (numbers && absent.size() == used.size()) {
    if (first.size() == columns.size()) return all;
    if (first.size() + 1 == columns.size()) return without_labels;
  }
  return reader.error(
      0, fmt::format("the model was trained on columns that are not there: {}; there are {}",
                     fmt::join(absent, ", "), fmt::join(names, ", ")));
}

}  // namespace

Result<Table> parse_csv(std::string_view text, const TableSpec& spec, std::string_view origin,
                        std::span<const std::size_t> begins) {
  return TableReader(text, spec, origin, begins).read();
}

Result<Table> parse_csv_for(std::string_view text, const std::vector<Column>& columns,
                            std::string_view origin) {
  std::vector<const Column*> used;
  for (const Column& column : columns)
    if (column.used()) used.push_back(&column);
  TRY(check_encoding(text, origin));
  CsvReader reader(text, origin, kSeparators);
  std::vector<CsvField> row;
  if (!TRY(reader.next(row))) return reader.error(0, "the file is empty");
  const std::size_t fields = row.size();
  Table table{.columns = columns, .width = std::ssize(used)};
  const auto places = TRY(places_of(used, columns, row, table.header, reader));
  for (bool more = !table.header || TRY(reader.next(row)); more; more = TRY(reader.next(row))) {
    if (row.size() != fields)
      return reader.error(row.back().byte,
                          fmt::format("{} fields instead of {}", row.size(), fields));
    for (std::size_t i = 0; i < used.size(); ++i)
      table.inputs.push_back(TRY(value_of(*used[i], row[places[i]], reader)));
    ++table.rows;
  }
  return table;
}

}  // namespace clavier::train::data
