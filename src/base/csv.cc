#include "base/csv.h"

#include <fmt/format.h>

#include <algorithm>

namespace clavier {
namespace {

constexpr std::size_t kMaxColumns = 1 << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

char most_frequent(std::string_view text, std::string_view separators) {
  std::vector<std::size_t> counts(separators.size());
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    if (const auto at = separators.find(c); at != separators.npos) ++counts[at];
  }
  const auto most = std::max_element(counts.begin(), counts.end());
  return separators[static_cast<std::size_t>(most - counts.begin())];
}

}  // namespace

CsvReader::CsvReader(std::string_view text, std::string_view origin, std::string_view separators)
    : text_(text), origin_(origin) {
  if (text_.starts_with(kByteOrderMark)) place_ = kByteOrderMark.size();
  separator_ = most_frequent(text_.substr(place_), separators);
}

Result<bool> CsvReader::next(std::vector<CsvField>& row) {
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

Error CsvReader::error(std::string_view what) const {
  return corrupt(fmt::format("{}: line {}: {}", origin_, row_line_, what));
}
Error CsvReader::error(std::size_t byte, std::string_view what) const {
  return corrupt(fmt::format("{}: line {}, byte {}: {}", origin_, row_line_, byte, what));
}

bool CsvReader::at_end() const {
  return place_ >= text_.size() || text_[place_] == separator_ || text_[place_] == '\n' ||
         text_[place_] == '\r';
}

Status CsvReader::field(CsvField& out) {
  out.text.clear();
  out.byte = place_;
  if (place_ < text_.size() && text_[place_] == '"') return quoted(out);
  const std::size_t start = place_;
  while (!at_end()) ++place_;
  out.text = text_.substr(start, place_ - start);
  return ok_status();
}

Status CsvReader::quoted(CsvField& out) {
  for (++place_;; ++place_) {
    if (place_ >= text_.size()) return error(out.byte, "a quote is not closed");
    if (text_[place_] == '"') {
      ++place_;
      // A doubled one stands for itself.
      if (place_ >= text_.size() || text_[place_] != '"') break;
    }
    if (text_[place_] == '\n') ++line_;
    out.text += text_[place_];
  }
  return at_end() ? ok_status() : Status(error(place_, "text after a closing quote"));
}

void append_csv(std::string& out, std::string_view field) {
  if (field.find_first_of(",\"\r\n") == field.npos) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void CsvReader::end_line() {
  if (text_[place_] == '\r' && place_ + 1 < text_.size() && text_[place_ + 1] == '\n') ++place_;
  ++place_;
  ++line_;
}

}  // namespace clavier
