#include "cli/formats.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/csv.h"
#include "study/text.h"

namespace clavier::cli {

std::string csv_row(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i) out += ',';
    append_csv(out, cells[i]);
  }
  return out + "\r\n";
}

std::string strict_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool quoted = false;
  while (!json.empty()) {
    std::size_t taken = 1;
    if (quoted && json.front() == '\\') {
      taken = 2;
    } else if (json.front() == '"') {
      quoted = !quoted;
    } else if (!quoted && json.starts_with("NaN")) {
      out += "null";
      json.remove_prefix(3);
      continue;
    } else if (const std::string_view word = json.substr(json.front() == '-' ? 1 : 0);
               !quoted && word.starts_with("Infinity")) {
      taken = json.size() - word.size() + std::string_view("Infinity").size();
      out += fmt::format("\"{}\"", json.substr(0, taken));
      json.remove_prefix(taken);
      continue;
    }
    out += json.substr(0, taken);
    json.remove_prefix(std::min(taken, json.size()));
  }
  return out;
}

std::string csv_cell(const Value& value) { return value == Value() ? "" : text::plain(value); }

}  // namespace clavier::cli
