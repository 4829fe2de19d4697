#include "report/gantt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "report/width.h"
#include "report/wording.h"

namespace clavier::report {
namespace {

constexpr std::size_t kMostBars = 20'000;
constexpr double kPlot = 1000;  // Pixels of the time axis.
constexpr double kTop = 48;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  return out;
}

/// The largest of 1, 2, 5 times a power of ten that divides the axis into five parts or more.
double tick_of(double span) {
  const double power = std::pow(10, std::floor(std::log10(span / 5)));
  for (const double factor : {5.0, 2.0})
    if (power * factor <= span / 5) return power * factor;
  return power;
}

/// Neighbouring numbers get hues far apart.
double hue(TrialId trial) { return std::fmod(static_cast<double>(trial.value) * 137.508, 360); }

class Drawing {
 public:
  Drawing(const Timeline& timeline, std::string title, double bound)
      : timeline_(timeline), title_(std::move(title)), bound_(bound) {
    const std::size_t lanes = std::max<std::size_t>(1, timeline.lanes().size());
    row_ = std::clamp(600.0 / static_cast<double>(lanes), 3.0, 24.0);
    span_ = std::max({seconds(timeline.now()), bound, 1e-6});
    std::size_t longest = 4;
    double y = kTop;
    for (const auto& [slot, lane] : timeline.lanes()) {
      top_[slot] = y;
      y += row_;
      longest = std::max(longest, name(slot, lane).size());
    }
    bottom_ = y;
    left_ = 16 + 7.0 * static_cast<double>(std::min<std::size_t>(longest, 40));
  }

  std::string svg() {
    header();
    axis();
    lanes();
    bars();
    if (bound_ > 0)
      out_ += fmt::format(
          "<line class=\"bound\" x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"{1}\" "
          "y2=\"{2:.1f}\"><title>lower bound: {3} s</title></line>\n",
          x(bound_), kTop - 6, bottom_ + 4, number(bound_));
    return out_ + "</svg>\n";
  }

 private:
  static std::string name(SlotId slot, const Lane& lane) {
    return fmt::format("{} {} ×{}", slot.value, clean(lane.host), number(lane.speed));
  }
  double x(double at) const { return left_ + kPlot * at / span_; }

  void header() {
    const double width = left_ + kPlot + 24, height = bottom_ + 40;
    out_ += fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
        "width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" aria-label=\"{2}\">\n",
        width, height, escaped(title_));
    out_ +=
        "<style>\n"
        "svg { background: #ffffff; font: 11px system-ui, sans-serif; }\n"
        "text { fill: #24292f; } .in { fill: #101418; pointer-events: none; }\n"
        ".title { font-size: 14px; font-weight: 600; } .lane { fill: #f1f3f5; }\n"
        ".grid { stroke: #d0d7de; } .gone { fill: #8c959f; opacity: .45; }\n"
        ".bound { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 5 3; }\n"
        ".bar:hover { stroke: #24292f; stroke-width: 1.5; }\n"
        "@media (prefers-color-scheme: dark) {\n"
        "svg { background: #14171b; } text { fill: #e6edf3; } .in { fill: #101418; }\n"
        ".lane { fill: #21262d; } .grid { stroke: #3d444d; } .bound { stroke: #ff7b72; }\n"
        ".bar:hover { stroke: #ffffff; } }\n"
        "</style>\n";
    out_ += fmt::format("<text class=\"title\" x=\"12\" y=\"22\">{}</text>\n", escaped(title_));
  }

  void axis() {
    const double tick = tick_of(span_);
    for (int i = 0; i * tick <= span_ * (1 + 1e-9); ++i) {
      const double at = x(i * tick);
      out_ += fmt::format(
          "<line class=\"grid\" x1=\"{0:.2f}\" x2=\"{0:.2f}\" y1=\"{1}\" y2=\"{2:.1f}\"/>"
          "<text x=\"{0:.2f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4} s</text>\n",
          at, kTop, bottom_, bottom_ + 18, number(i * tick));
    }
  }

  void lanes() {
    for (const auto& [slot, lane] : timeline_.lanes()) {
      const double y = top_.at(slot);
      out_ += fmt::format(
          "<rect class=\"lane\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{}\" height=\"{:.2f}\"/>\n",
          left_, y + row_ * 0.08, kPlot, row_ * 0.84);
      if (row_ >= 9)
        out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.2f}\" text-anchor=\"end\">{}</text>\n",
                            left_ - 6, y + row_ / 2 + 4, escaped(name(slot, lane)));
      auto gone = lane.gone;
      if (lane.gone_since) gone.emplace_back(*lane.gone_since, timeline_.now());
      for (const auto& [from, to] : gone)
        out_ += fmt::format(
            "<rect class=\"gone\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\">"
            "<title>not there: {} s to {} s</title></rect>\n",
            x(seconds(from)), y, x(seconds(to)) - x(seconds(from)), row_, number(seconds(from)),
            number(seconds(to)));
    }
  }

  void bars() {
    const auto legs = timeline_.legs();
    for (std::size_t i = 0; i < std::min(legs.size(), kMostBars); ++i) bar(legs[i]);
    if (legs.size() > kMostBars)
      out_ += fmt::format("<text x=\"12\" y=\"38\">{} later bars are left out</text>\n",
                          legs.size() - kMostBars);
  }

  void bar(const Leg& leg) {
    if (!top_.contains(leg.slot)) return;
    const double from = x(seconds(leg.start));
    const double width = std::max(0.4, x(seconds(leg.end)) - from);
    const double y = top_.at(leg.slot) + row_ * 0.08;
    out_ += fmt::format(
        "<rect class=\"bar\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" "
        "rx=\"1\" fill=\"hsl({:.0f} 62% {}%)\"><title>trial {}, steps {} to {}\n"
        "slot {}, {} s to {} s{}{}</title></rect>\n",
        from, y, width, row_ * 0.84, hue(leg.trial), leg.trial.value % 2 == 0 ? 74 : 64,
        leg.trial.value, leg.from, leg.to, leg.slot.value, number(seconds(leg.start)),
        number(seconds(leg.end)), leg.moved ? "\nmoved here" : "",
        leg.cost > 0 ? fmt::format("\ncost {}", number(leg.cost)) : "");
    const std::string label = std::to_string(leg.trial.value);
    if (row_ >= 11 && width > 7.0 * static_cast<double>(label.size()) + 4)
      out_ += fmt::format(
          "<text class=\"in\" x=\"{:.2f}\" y=\"{:.2f}\" text-anchor=\"middle\">{}</text>\n",
          from + width / 2, top_.at(leg.slot) + row_ / 2 + 4, label);
  }

  const Timeline& timeline_;
  std::string title_;
  double bound_;
  double row_ = 20, left_ = 80, bottom_ = 0, span_ = 1;
  std::map<SlotId, double> top_;
  std::string out_;
};

char cell_of(TrialId trial) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  return kDigits[static_cast<std::size_t>(trial.value) % kDigits.size()];
}

}  // namespace

std::string gantt_svg(const Timeline& timeline, const std::string& title, double bound) {
  return Drawing(timeline, title, bound).svg();
}

std::vector<std::string> gantt_text(const Timeline& timeline, std::size_t width, std::size_t rows) {
  std::vector<SlotId> slots;
  for (const auto& [slot, lane] : timeline.lanes()) slots.push_back(slot);
  std::ranges::stable_sort(slots, [&](SlotId a, SlotId b) {
    return timeline.lanes().at(a).speed > timeline.lanes().at(b).speed;
  });
  const std::size_t shown = std::min(rows, slots.size());
  const auto label = [&](SlotId slot) {
    return fmt::format("slot {:<3} ×{:<6}", slot.value, number(timeline.lanes().at(slot).speed));
  };
  constexpr std::size_t kLabel = 18;
  const std::size_t columns =
      std::clamp<std::size_t>(width > kLabel + 2 ? width - kLabel : 0, 20, 120);
  const double cell = std::max(seconds(timeline.now()), 1e-9) / static_cast<double>(columns);
  std::map<SlotId, std::vector<std::pair<double, char>>> cells;
  for (std::size_t i = 0; i < shown; ++i) cells[slots[i]].resize(columns, {0, '.'});
  for (const Leg& leg : timeline.legs()) {
    const auto row = cells.find(leg.slot);
    if (row == cells.end()) continue;
    const double from = seconds(leg.start) / cell, to = seconds(leg.end) / cell;
    for (auto at = static_cast<std::size_t>(from); at < columns && static_cast<double>(at) < to;
         ++at) {
      const double part =
          std::min(to, static_cast<double>(at + 1)) - std::max(from, static_cast<double>(at));
      if (part > std::max(row->second[at].first, 0.25))
        row->second[at] = {part, cell_of(leg.trial)};
    }
  }
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < shown; ++i) {
    std::string line = label(slots[i]) + "|";
    for (const auto& [part, character] : cells[slots[i]]) line += character;
    lines.push_back(line + "|");
  }
  if (shown < slots.size())
    lines.push_back(fmt::format("and {} slower slots", slots.size() - shown));
  return lines;
}

}  // namespace clavier::report
