#include "train/data/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace clavier::train::data {
namespace {

constexpr std::size_t kMaxColumns = 1 << 20;

struct Field {
  std::string text;
  std::size_t byte = 0;
};

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

class Reader {
 public:
  Reader(std::string_view text, std::string_view origin) : text_(text), origin_(origin) {
    if (text_.starts_with("\xef\xbb\xbf")) place_ = 3;
    auto line = text_.substr(0, text_.find('\n'));
    std::array<char, 3> candidates = {',', ';', '\t'};
    separator_ = *std::max_element(candidates.begin(), candidates.end(), [&](char a, char b) {
      return std::count(line.begin(), line.end(), a) < std::count(line.begin(), line.end(), b);
    });
  }

  std::size_t line() const { return row_line_; }

  /// Fills `row` (reusing its memory); false at the end. Empty lines are skipped.
  Result<bool> next(std::vector<Field>& row) {
    while (place_ < text_.size() && (text_[place_] == '\n' || text_[place_] == '\r')) end_line();
    row_line_ = line_;
    if (place_ >= text_.size()) return false;
    for (std::size_t column = 0;; ++column) {
      if (column == kMaxColumns) return error(place_, "too many columns");
      if (row.size() <= column) row.emplace_back();
      TRY(field(row[column]));
      if (place_ < text_.size() && text_[place_] == separator_) {
        ++place_;
        continue;
      }
      row.resize(column + 1);
      if (place_ < text_.size()) end_line();
      return true;
    }
  }

  Error error(std::size_t byte, std::string_view what) const {
    return corrupt(fmt::format("{}: line {}, byte {}: {}", origin_, row_line_, byte, what));
  }

 private:
  Status field(Field& out) {
    out.text.clear();
    out.byte = place_;
    if (place_ < text_.size() && text_[place_] == '"') return quoted(out);
    auto end = place_;
    while (end < text_.size() && text_[end] != separator_ && text_[end] != '\n' &&
           text_[end] != '\r')
      ++end;
    out.text = text_.substr(place_, end - place_);
    place_ = end;
    return ok_status();
  }

  Status quoted(Field& out) {
    for (++place_;; ++place_) {
      if (place_ >= text_.size()) return error(out.byte, "a quote is not closed");
      if (text_[place_] == '"') {
        ++place_;
        if (place_ >= text_.size() || text_[place_] != '"') break;
      }
      if (text_[place_] == '\n') ++line_;
      out.text += text_[place_];
    }
    if (place_ < text_.size() && text_[place_] != separator_ && text_[place_] != '\n' &&
        text_[place_] != '\r')
      return error(place_, "text after a closing quote");
    return ok_status();
  }

  void end_line() {
    if (text_[place_] == '\r' && place_ + 1 < text_.size() && text_[place_ + 1] == '\n') ++place_;
    ++place_;
    ++line_;
  }

  std::string_view text_;
  std::string_view origin_;
  char separator_ = ',';
  std::size_t place_ = 0;
  std::size_t line_ = 1;
  std::size_t row_line_ = 1;
};

std::string lower(std::string_view text) {
  std::string result(trimmed(text));
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

Result<std::size_t> find_label(const std::vector<Field>& first, bool header, std::string_view label,
                               const Reader& reader) {
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

Status append(const std::vector<Field>& row, std::size_t label, const Reader& reader,
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
  Reader reader(text, origin);
  std::vector<Field> row;
  if (!TRY(reader.next(row))) return reader.error(0, "the file is empty");
  if (row.size() < 2) return reader.error(0, "one column only: features and a label are needed");
  bool header = std::none_of(row.begin(), row.end(),
                             [](const Field& field) { return number(field.text).has_value(); });
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
