#include "cli/plans.h"

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "cli/studies.h"
#include "report/console_view.h"
#include "report/gantt.h"
#include "report/wording.h"

namespace clavier::cli {
namespace {

Status write_file(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return io_error(fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  return {};
}

std::string time_text(double length) {
  const std::string exact = fmt::format("{:.6g} s", length);
  return length < 60 ? exact : fmt::format("{} ({})", report::elapsed(from_seconds(length)), exact);
}

}  // namespace

std::string account_of(const app::StudySpec& spec, const app::Simulated& done, Account account) {
  const State& state = done.state;
  const report::Timeline& timeline = done.timeline;
  std::string out;
  const auto line = [&](std::string_view what, const std::string& words) {
    out += fmt::format("{:<13} {}\n", what, words);
  };
  line("study",
       fmt::format("{}: {} on {}, {} planner", spec.name,
                   report::count(static_cast<std::int64_t>(state.trials().size()), "trial"),
                   report::count(static_cast<std::int64_t>(timeline.lanes().size()), "slot"),
                   spec.planner.algorithm));
  if (account == Account::kSimulated && state.finished()) line("ended", state.finished()->reason);
  if (account == Account::kSimulated) line("trials", report::counts(state, false));
  line("makespan", time_text(done.makespan()));
  if (done.bound > 0)
    line("lower bound", fmt::format("{}; ratio {:.3f}", time_text(done.bound), done.ratio()));
  if (timeline.cost() > 0) line("cost", report::number(timeline.cost()));
  line("utilisation", fmt::format("{:.1f} % of the slots' speed", 100 * timeline.utilisation()));
  line("launches", fmt::format("{}; {} to a slot without the checkpoint", timeline.launches(),
                               report::count(timeline.moves(), "move")));
  if (account == Account::kSimulated) line("best", best_text(state));
  return out;
}

Status write_traces(const app::StudySpec& spec, const app::Simulated& done,
                    const TraceOptions& options) {
  if (options.trace) TRY(write_file(*options.trace, done.timeline.csv()));
  if (!options.gantt) return {};
  std::string title = fmt::format("{} — {} planner, {} s", spec.name, spec.planner.algorithm,
                                  report::number(done.makespan()));
  if (done.bound > 0) title += fmt::format(", {:.3f} × the lower bound", done.ratio());
  return write_file(*options.gantt, report::gantt_svg(done.timeline, title, done.bound));
}

std::string mean_and_deviation(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (values.size() < 2) return report::number(mean);
  return fmt::format("{} ± {}", report::number(mean),
                     report::number(std::sqrt(squares / static_cast<double>(values.size() - 1))));
}

}  // namespace clavier::cli
