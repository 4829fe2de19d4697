#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/console_view.h"
#include "report/leaders.h"
#include "study/observer.h"

namespace clavier::report {

struct ConsoleSize {
  std::size_t columns = 100;
  std::size_t rows = 24;
};

struct ConsoleOptions {
  /// Where the text goes, in whole lines. Must not block for long.
  std::function<void(std::string_view)> sink = nullptr;
  bool terminal = false;  ///< Redraws in place; else plain lines, without terminal codes.
  /// Only on a terminal; the caller turns it off for NO_COLOR.
  Colour colour = Colour::kOn;
  /// Asked before every drawing, so that a resized terminal is drawn anew at its new width.
  std::function<ConsoleSize()> size = [] { return ConsoleSize{}; };
  StudyDuration every = std::chrono::seconds(10);  ///< Between two tables when plain.
  std::size_t most_rows = 20;                      ///< Trials in a table.
  /// The first step of this run (the log's last + 1): earlier ones are not shown.
  StepId from = StepId{0};
  StudyView view = {};
};

/// Shows a running study to whoever started it. On a terminal: a block of lines, redrawn in place
/// at most every kRedraw of study time, with failures and remarks as lasting lines above it. Else:
/// a line per ended trial, and a table at most every `every` if something has happened. At the end:
/// the last table and a summary.
class Console final : public Observer {
 public:
  static constexpr StudyDuration kRedraw = std::chrono::milliseconds(200);

  explicit Console(ConsoleOptions options);

  Result<StepId> resume() override { return options_.from; }
  Status on_step(const Step& step, const State& state) override;
  Status on_idle(StudyTime now, const State& state) override;
  Status finish(const State& state) override;

  /// A line that stays, whatever is drawn: warnings of others belong here while a study runs.
  void say(std::string_view line);

 private:
  void start(const State& state);
  void note_ends(const Step& step, const State& state);
  void note_end(const Trial& trial, const State& state);
  void draw(StudyTime now, const State& state);
  void redraw(StudyTime now, const State& state);
  std::vector<std::string> block(StudyTime now, const State& state) const;
  /// Terminal codes that bring the cursor back to the start of what is drawn.
  std::string back_to_start() const;
  /// The block as text that overwrites what is under it.
  std::string overwrite() const;

  ConsoleOptions options_;
  Machines machines_;
  Leaders leaders_;
  bool started_ = false;
  std::vector<bool> ended_;  ///< Trials whose end was noted.
  std::optional<StudyTime> drawn_at_;
  bool changed_ = false;            ///< Since it was drawn.
  std::vector<std::string> drawn_;  ///< The lines on the terminal.
};

}  // namespace clavier::report
