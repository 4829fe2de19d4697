#include "report/table.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "report/width.h"

namespace clavier::report {
namespace {

constexpr std::size_t kGap = 2;

std::string_view code(Style style) {
  switch (style) {
    case Style::kPlain: return "";
    case Style::kBold: return "\x1b[1m";
    case Style::kFaint: return "\x1b[2m";
    case Style::kGood: return "\x1b[32m";
    case Style::kBad: return "\x1b[31m";
  }
  return "";
}

/// Takes one column of text off the widest that may still be cut; false if none may.
bool cut_widest(std::vector<std::size_t>& widths, const std::vector<std::size_t>& least) {
  std::size_t widest = widths.size();
  for (std::size_t i = 0; i < widths.size(); ++i)
    if (widths[i] > least[i] && (widest == widths.size() || widths[i] > widths[widest])) widest = i;
  if (widest == widths.size()) return false;
  --widths[widest];
  return true;
}

}  // namespace

std::string styled(std::string_view text, Style style, Colour colour) {
  if (colour == Colour::kOff || style == Style::kPlain) return std::string(text);
  return std::string(code(style)) + std::string(text) + "\x1b[0m";
}

std::size_t visible_width(std::string_view text) {
  std::string bare;
  while (!text.empty()) {
    const std::size_t escape = text.find('\x1b');
    bare += text.substr(0, escape);
    if (escape == std::string_view::npos) break;
    const std::size_t end = text.find('m', escape);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return width(bare);
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) column.title = clean(column.title);
}

void Table::add(std::vector<std::string> cells, Style style) {
  CHECK(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = clean(cell);
  rows_.push_back({std::move(cells), style});
}

std::size_t Table::Shape::total() const {
  const std::size_t gaps = widths.empty() ? 0 : kGap * (widths.size() - 1);
  return std::accumulate(widths.begin(), widths.end(), gaps);
}

Table::Shape Table::shape(std::size_t width) const {
  std::vector<std::size_t> natural;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = report::width(columns_[i].title);
    for (const Row& row : rows_) widest = std::max(widest, report::width(row.cells[i]));
    natural.push_back(widest);
  }
  Shape shape;
  shape.shown.resize(columns_.size());
  std::iota(shape.shown.begin(), shape.shown.end(), std::size_t{0});
  while (true) {
    std::vector<std::size_t> least;
    shape.widths.clear();
    for (const std::size_t i : shape.shown) {
      shape.widths.push_back(natural[i]);
      least.push_back(std::min(natural[i], columns_[i].least));
    }
    while (width > 0 && shape.total() > width && cut_widest(shape.widths, least)) {
    }
    if (width == 0 || shape.total() <= width) return shape;
    const auto last = std::ranges::max_element(
        shape.shown, [&](auto a, auto b) { return columns_[a].rank < columns_[b].rank; });
    if (last == shape.shown.end() || columns_[*last].rank == 0) return shape;
    shape.shown.erase(last);
  }
}

std::string Table::line(const std::vector<std::string>& cells, const Shape& shape) const {
  std::string out;
  for (std::size_t i = 0; i < shape.shown.size(); ++i) {
    const std::string text = fit(cells[shape.shown[i]], shape.widths[i]);
    const std::string pad(shape.widths[i] - report::width(text), ' ');
    if (i > 0) out.append(kGap, ' ');
    out += columns_[shape.shown[i]].align == Align::kLeft ? text + pad : pad + text;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::vector<std::string> Table::lines(std::size_t width, Colour colour) const {
  const Shape shape = this->shape(width);
  const auto cut = [&](std::string text) {
    return width == 0 ? std::move(text) : fit(text, width);
  };
  std::vector<std::string> titles, lines;
  // Titles are cut in their middle: names that begin alike stay apart.
  for (const Column& column : columns_) titles.push_back(column.title);
  for (std::size_t i = 0; i < shape.shown.size(); ++i)
    titles[shape.shown[i]] = fit_ends(titles[shape.shown[i]], shape.widths[i]);
  lines.push_back(styled(cut(line(titles, shape)), Style::kBold, colour));
  for (const Row& row : rows_)
    lines.push_back(styled(cut(line(row.cells, shape)), row.style, colour));
  return lines;
}

}  // namespace clavier::report
