#include "report/console.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "report/width.h"

namespace clavier::report {
namespace {

constexpr std::string_view kEndLine = "\x1b[K\n";  ///< Clears what is left of the line before.
constexpr std::string_view kClearBelow = "\x1b[J";

}  // namespace

Console::Console(ConsoleOptions options) : options_(std::move(options)) {
  CHECK(options_.sink && options_.size);
  if (!options_.terminal) options_.colour = Colour::kOff;
}

Status Console::on_step(const Step& step, const State& state) {
  machines_.apply(step);
  if (!started_) start(state);
  note_ends(step, state);
  changed_ = true;
  draw(step.turn.time, state);
  return {};
}

Status Console::on_idle(StudyTime now, const State& state) {
  draw(now, state);
  return {};
}

/// What happened in earlier runs is shown, but not told again.
void Console::start(const State& state) {
  started_ = true;
  for (const Trial& trial : state.trials()) {
    if (!trial.live()) leaders_.left(state, trial.id);
    ended_.push_back(ended(trial.status));
  }
}

/// A trial ends by its exit, or by a decision while it has no worker.
void Console::note_ends(const Step& step, const State& state) {
  const auto* exited = input_as<Exited>(step.turn);
  if (exited && state.known(exited->trial)) note_end(state.trial(exited->trial), state);
  for (const Decision& decision : step.turn.decisions)
    if (!std::holds_alternative<Continue>(decision.action) && state.known(subject(decision.action)))
      note_end(state.trial(subject(decision.action)), state);
}

void Console::note_end(const Trial& trial, const State& state) {
  if (trial.live()) return;
  leaders_.left(state, trial.id);
  if (!ended(trial.status)) return;
  const auto index = static_cast<std::size_t>(trial.id.value);
  if (index >= ended_.size()) ended_.resize(index + 1);
  if (ended_[index]) return;
  ended_[index] = true;
  if (!options_.terminal || trial.status == TrialStatus::kFailed) say(end_of(state, trial));
}

void Console::draw(StudyTime now, const State& state) {
  if (!drawn_at_ && !options_.terminal) drawn_at_ = now;
  const StudyDuration pause = options_.terminal ? kRedraw : options_.every;
  if (drawn_at_ && now - *drawn_at_ < pause) return;
  // The clock of a terminal goes on by itself.
  if (changed_ || options_.terminal) redraw(now, state);
}

void Console::redraw(StudyTime now, const State& state) {
  drawn_at_ = now;
  changed_ = false;
  std::vector<std::string> lines = block(now, state);
  if (!options_.terminal) {
    std::string out = "\n";
    for (const std::string& line : lines) out += line + "\n";
    return options_.sink(out + "\n");
  }
  const std::string back = back_to_start();
  drawn_ = std::move(lines);
  options_.sink(back + overwrite());
}

std::vector<std::string> Console::block(StudyTime now, const State& state) const {
  const ConsoleSize size = options_.size();
  // The last column stays free: a cursor beyond it would upset the clearing of the line.
  const std::size_t columns = std::max<std::size_t>(size.columns, 2) - 1;
  std::vector<std::string> lines;
  for (const std::string& line : header(options_.view, machines_, state, now))
    lines.push_back(fit(clean(line), columns));
  lines.front() = styled(lines.front(), Style::kBold, options_.colour);
  const std::size_t others = lines.size() + 3;  // titles, what is left out, the cursor's line
  std::size_t most = options_.most_rows;
  if (options_.terminal) most = std::min(most, size.rows > others ? size.rows - others : 0);
  const std::vector<TrialId> trials = leaders_.top(state, most);
  if (!trials.empty()) {
    const Table table = trial_table(options_.view, machines_, state, now, trials);
    for (std::string& line : table.lines(columns, options_.colour))
      lines.push_back(std::move(line));
    if (const std::size_t hidden = state.trials().size() - trials.size(); hidden > 0)
      lines.push_back(fit(fmt::format("and {} more", hidden), columns));
  }
  if (options_.terminal && lines.size() >= size.rows)
    lines.resize(std::max<std::size_t>(size.rows, 2) - 1);
  return lines;
}

std::string Console::back_to_start() const {
  if (drawn_.empty()) return {};
  // Where the terminal has become narrower, lines drawn before take more than one row.
  const std::size_t columns = std::max<std::size_t>(options_.size().columns, 1);
  std::size_t rows = 0;
  for (const std::string& line : drawn_)
    rows += std::max<std::size_t>((visible_width(line) + columns - 1) / columns, 1);
  return fmt::format("\x1b[{}F", rows);
}

std::string Console::overwrite() const {
  std::string out;
  for (const std::string& line : drawn_) out.append(line).append(kEndLine);
  return out.append(kClearBelow);
}

void Console::say(std::string_view line) {
  if (!options_.terminal) return options_.sink(clean(line) + "\n");
  options_.sink(back_to_start() + std::string(kClearBelow) + clean(line) + "\n" + overwrite());
}

Status Console::finish(const State& state) {
  if (changed_ || options_.terminal) redraw(state.now(), state);
  drawn_.clear();
  std::string out = options_.terminal ? "\n" : "";
  for (const std::string& line : summary(options_.view, state)) out += clean(line) + "\n";
  options_.sink(out);
  return {};
}

}  // namespace clavier::report
