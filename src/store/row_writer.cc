#include <algorithm>
#include <bit>
#include <cmath>

#include "base/json.h"
#include "base/match.h"
#include "store/row.h"
#include "study/text.h"

/// Nearly all steps of a study are single reports, and their columns say all there is: no text is
/// made for them but that of the other metrics. Whatever the columns cannot hold to the bit (NaN,
/// the sign of zero, an objective that is not among the metrics) puts the whole report into `body`
/// as well, and the reader believes that. The rest of `About` only serves users' queries.
namespace clavier::store {
namespace {

constexpr std::size_t kNowhere = ~std::size_t{0};

/// SQLite keeps neither NaN nor the sign of zero.
bool fits_column(double number) {
  return !std::isnan(number) && !(number == 0 && std::signbit(number));
}

/// Where the objective stands among the metrics; kNowhere if it does not, bit by bit.
std::size_t place_of(const Report& report, std::string_view metric) {
  const auto at = std::ranges::find_if(report.metrics, [&](const Metric& each) {
    return each.name == metric &&
           std::bit_cast<std::uint64_t>(each.value) == std::bit_cast<std::uint64_t>(*report.value);
  });
  return at == report.metrics.end() ? kNowhere
                                    : static_cast<std::size_t>(at - report.metrics.begin());
}

/// Whom an input is about, for users' queries; the reader does not need it.
struct About {
  std::optional<std::int64_t> trial = {}, launch = {}, iteration = {};
};

About about(const Input& input) {
  return match(
      input, [](const Opened&) { return About{}; },
      [](const Signal& signal) {
        return match(
            signal, [](const Reported&) { return About{}; },
            [](const CheckpointSaved& saved) {
              const Checkpoint& checkpoint = saved.checkpoint;
              return About{checkpoint.trial.value, checkpoint.launch.value, checkpoint.step};
            },
            [](const CheckpointVoid& gone) {
              const Checkpoint& checkpoint = gone.checkpoint;
              return About{checkpoint.trial.value, checkpoint.launch.value, checkpoint.step};
            },
            [](const Exited& exited) {
              return About{exited.trial.value, exited.launch.value, {}};
            },
            [](const LaunchEnded& end) {
              return About{{}, end.launch.value, {}};
            },
            [](const Waiting& waiting) {
              return About{{}, waiting.launch.value, {}};
            },
            [](const NodeJoined&) { return About{}; }, [](const NodeLost&) { return About{}; },
            [](const Deadline&) { return About{}; });
      },
      [](const UserCommand& command) {
        return match(
            command,
            [](const PauseTrial& pause) {
              return About{pause.trial.value, {}, {}};
            },
            [](const ResumeTrial& resume) {
              return About{resume.trial.value, {}, {}};
            },
            [](const StopTrial& stop) {
              return About{stop.trial.value, {}, {}};
            },
            [](const auto&) { return About{}; });
      });
}

}  // namespace

const Row& RowWriter::write(const Step& step) {
  metrics_.clear();
  decisions_.clear();
  body_.clear();
  const Turn& turn = step.turn;
  row_ =
      Row{.id = turn.id.value, .time_us = microseconds(turn.time), .kind = text::kind(turn.input)};
  if (turn.late) add_to_body(R"({"late": true})");
  const Reported* reported = input_as<Reported>(turn.input);
  if (reported && reported->reports.size() == 1) {
    write_report(reported->reports.front());
  } else {
    const About whom = about(turn.input);
    row_.trial = whom.trial;
    row_.launch = whom.launch;
    row_.iteration = whom.iteration;
    add_to_body(text::to_json(turn.input));
  }
  add_to_body(text::to_json(step.fill));
  if (!body_.empty()) body_ += '}';
  write_decisions(turn);
  row_.metrics = metrics_;
  row_.decisions = decisions_;
  row_.body = body_;
  return row_;
}

void RowWriter::write_report(const Report& report) {
  row_.trial = report.trial.value;
  row_.launch = report.launch.value;
  row_.iteration = report.step;
  row_.value = report.value;
  row_.seconds = report.seconds;
  const std::size_t place = report.value ? place_of(report, metric_) : kNowhere;
  write_metrics(report, place);
  const bool columns_tell_all =
      fits_column(report.seconds) &&
      (report.value ? place != kNowhere && fits_column(*report.value) : true);
  if (!columns_tell_all)
    add_to_body(text::to_json(Input(Signal(Reported{{report}}))));
  else if (report.checkpoint)
    add_to_body(R"({"checkpoint": )" + text::to_json(*report.checkpoint) + '}');
}

void RowWriter::write_metrics(const Report& report, std::size_t place) {
  if (report.metrics.size() == (place == kNowhere ? 0u : 1u)) return;
  // The objective's place among the others is the number of blanks before them.
  if (place != kNowhere) metrics_.append(place, ' ');
  const char* separator = "{";
  for (std::size_t i = 0; i < report.metrics.size(); ++i) {
    if (i == place) continue;
    metrics_ += separator;
    separator = ", ";
    append_json(metrics_, report.metrics[i].name);
    metrics_ += ": ";
    append_json(metrics_, report.metrics[i].value);
  }
  metrics_ += '}';
}

void RowWriter::write_decisions(const Turn& turn) {
  if (turn.decisions.empty()) return;
  if (turn.decisions.size() == 1 && row_.trial && turn.decisions[0].reason.empty()) {
    const auto* go_on = std::get_if<Continue>(&turn.decisions[0].action);
    if (go_on && go_on->trial.value == *row_.trial && go_on->until >= 0 &&
        go_on->stretch == kForever)
      return append_json(decisions_, go_on->until);
  }
  const char* separator = "[";
  for (const Decision& decision : turn.decisions) {
    decisions_ += separator;
    separator = ", ";
    decisions_ += text::to_json(decision);
  }
  decisions_ += ']';
}

void RowWriter::add_to_body(std::string_view table) {
  if (table.size() <= 2) return;
  body_ += body_.empty() ? "{" : ", ";
  body_ += table.substr(1, table.size() - 2);
}

}  // namespace clavier::store
