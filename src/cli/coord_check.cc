#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "app/run/held_out.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/table.h"
#include "train/data/dataset.h"

namespace clavier::cli {
namespace {

/// Changes that grow or shrink by less than this power of the width count as alike: networks of
/// finite width and few seeds are no flatter (docs/trainer.md).
constexpr double kFlat = 0.25;

/// The trainer's answer for one layer after some batches.
struct Row {
  std::string layer;
  std::int64_t step = 0;
  std::vector<double> magnitude = {};
  double slope = 0;
};

Result<std::vector<Row>> rows_of(const std::string& answer) {
  const auto wrong = [&] { return corrupt("the trainer's answer makes no sense: " + answer); };
  const auto json = Json::parse(answer);
  const auto* list = json ? json->find_as<Json::List>("coordinates") : nullptr;
  if (!list || list->empty()) return wrong();
  std::vector<Row> rows;
  for (const Json& each : *list) {
    const auto* layer = each.find_as<std::string>("layer");
    const auto* step = each.find_as<std::int64_t>("step");
    const auto* sizes = each.find_as<Json::List>("magnitude");
    const Json* slope = each.find("slope");
    if (!layer || !step || !sizes || !slope) return wrong();
    Row& row = rows.emplace_back(Row{*layer, *step});
    // What is no number, JSON has none for: a training that diverged.
    for (const Json& size : *sizes) row.magnitude.push_back(size.number().value_or(NAN));
    row.slope = slope->number().value_or(NAN);
  }
  return rows;
}

std::vector<std::string> lines_of(const std::vector<Row>& rows, const CoordCheckOptions& options) {
  std::vector<report::Column> columns = {{.title = "layer"}};
  for (const double scale : options.scales)
    columns.push_back({.title = fmt::format("1/{:g}", scale), .align = report::Align::kRight});
  columns.push_back({.title = "slope", .align = report::Align::kRight});
  report::Table table(std::move(columns));
  for (const Row& row : rows) {
    if (row.step != options.steps) continue;
    std::vector<std::string> cells = {row.layer};
    for (const double size : row.magnitude) cells.push_back(fmt::format("{:.3g}", size));
    cells.push_back(fmt::format("{:+.2f}", row.slope));
    table.add(std::move(cells));
  }
  return table.lines(0);
}

std::string verdict(const std::vector<Row>& rows, std::int64_t steps) {
  const Row* steepest = nullptr;
  for (const Row& row : rows) {
    if (row.step != steps) continue;
    if (std::isnan(row.slope))
      return fmt::format("{} diverged at some width: lower the learning rate", row.layer);
    if (!steepest || std::abs(row.slope) > std::abs(steepest->slope)) steepest = &row;
  }
  if (std::abs(steepest->slope) <= kFlat)
    return fmt::format(
        "alike at every width (at most width^{:+.2f}, {}): hyperparameters should transfer",
        steepest->slope, steepest->layer);
  return fmt::format(
      "not alike: what {} gives changes with width^{:+.2f}; hyperparameters found at one of these "
      "widths are hardly right at another",
      steepest->layer, steepest->slope);
}

Result<std::string> ask(const CoordCheckOptions& options) {
  const auto spec = TRY(load_study(options.source, {}, ForMachine::kThis));
  if (!spec.trainer)
    return unavailable("coord-check is for the built-in trainer; this study runs your own program");
  std::vector<std::string> arguments = {"--coord-check"};
  for (const auto& [name, number] :
       {std::pair{"--steps", options.steps}, {"--seeds", options.seeds}})
    arguments.insert(arguments.end(), {name, std::to_string(number)});
  arguments.emplace_back("--scales");
  for (const double scale : options.scales) arguments.push_back(fmt::format("{}", scale));
  return app::ask_trainer(
      spec, spec.working_directory,
      options.data_dir ? std::filesystem::path(*options.data_dir) : train::data::default_data_dir(),
      arguments);
}

}  // namespace

int run_coord_check(const CoordCheckOptions& options, Streams& streams) {
  for (std::size_t i = 0; i < options.scales.size(); ++i)
    if (std::ranges::count(options.scales, options.scales[i]) > 1)
      return fail(streams, invalid(fmt::format("--scales has {:g} twice", options.scales[i])));
  const auto answer = ask(options);
  if (!answer) return fail(streams, answer.error());
  if (options.json) {
    streams.out << *answer;
    return kSuccess;
  }
  const auto rows = rows_of(*answer);
  if (!rows) return fail(streams, rows.error());
  streams.out << fmt::format(
      "What layers give after {} batches less what they gave at first, "
      "by width:\n",
      options.steps);
  for (const std::string& line : lines_of(*rows, options)) streams.out << line << '\n';
  streams.out << verdict(*rows, options.steps) << '\n';
  return kSuccess;
}

}  // namespace clavier::cli
