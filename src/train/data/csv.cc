#include "train/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/csv.h"

namespace clavier::train::data {
namespace {

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<float> number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  float value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string lower(std::string_view text) {
  std::string result(trimmed(text));
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

Result<std::size_t> find_label(const std::vector<CsvField>& first, bool header,
                               std::string_view label, const CsvReader& reader) {
  if (label.empty()) {
    if (header)
      for (std::string_view usual : {"label", "target", "class", "y"})
        for (std::size_t i = 0; i < first.size(); ++i)
          if (lower(first[i].text) == usual) return i;
    return first.size() - 1;
  }
  if (header)
    for (std::size_t i = 0; i < first.size(); ++i)
      if (trimmed(first[i].text) == label) return i;
  std::size_t position = 0;
  auto [end, code] = std::from_chars(label.data(), label.data() + label.size(), position);
  if (code == std::errc() && end == label.data() + label.size() && position >= 1 &&
      position <= first.size())
    return position - 1;
  std::vector<std::string_view> names;
  if (header)
    for (const auto& field : first) names.push_back(trimmed(field.text));
  return reader.error(
      0, header ? fmt::format("no column \"{}\"; there are {}", label, fmt::join(names, ", "))
                : fmt::format("no column \"{}\": the file has no header, give a "
                              "number from 1 to {}",
                              label, first.size()));
}

Status append(const std::vector<CsvField>& row, std::size_t label, const CsvReader& reader,
              Table& table) {
  if (row.size() != static_cast<std::size_t>(table.width) + 1)
    return reader.error(row.back().byte,
                        fmt::format("{} fields instead of {}", row.size(), table.width + 1));
  std::size_t feature = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    auto text = trimmed(row[i].text);
    if (i == label) {
      if (text.empty()) return reader.error(row[i].byte, "the label is missing");
      table.labels.emplace_back(text);
      continue;
    }
    auto value = number(text);
    if (!value || !std::isfinite(*value)) {
      auto column = table.columns.empty() ? fmt::format("{}", i + 1)
                                          : fmt::format("\"{}\"", table.columns[feature]);
      return reader.error(row[i].byte, text.empty()
                                           ? fmt::format("no number in column {}", column)
                                           : fmt::format("\"{:.40}\" in column {} is no finite "
                                                         "number",
                                                         text, column));
    }
    table.features.push_back(*value);
    ++feature;
  }
  ++table.rows;
  return ok_status();
}

}  // namespace

Result<Table> parse_csv(std::string_view text, std::string_view label, std::string_view origin) {
  CsvReader reader(text, origin, ",;\t");
  std::vector<CsvField> row;
  if (!TRY(reader.next(row))) return reader.error(0, "the file is empty");
  if (row.size() < 2) return reader.error(0, "one column only: features and a label are needed");
  bool header = std::none_of(row.begin(), row.end(),
                             [](const CsvField& field) { return number(field.text).has_value(); });
  auto label_at = TRY(find_label(row, header, label, reader));

  Table table;
  table.width = static_cast<std::int64_t>(row.size()) - 1;
  table.label_column = fmt::format("{}", label_at + 1);
  if (header) {
    table.label_column = trimmed(row[label_at].text);
    for (std::size_t i = 0; i < row.size(); ++i)
      if (i != label_at) table.columns.emplace_back(trimmed(row[i].text));
  } else {
    TRY(append(row, label_at, reader, table));
  }
  while (TRY(reader.next(row))) TRY(append(row, label_at, reader, table));
  if (table.rows == 0) return reader.error(text.size(), "a header and no rows");
  return table;
}

}  // namespace clavier::train::data
