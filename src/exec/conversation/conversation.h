#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exec/conversation/trial_log.h"
#include "exec/conversation/worker_fate.h"
#include "exec/executor.h"
#include "study/time.h"
#include "worker/line_buffer.h"
#include "worker/protocol.h"

namespace clavier::exec {

/// Of what a trial reports after it was told to leave, so much is taken. A step or two are under
/// way then; what floods the log is a program that ignores what it is told.
inline constexpr int kMaxLateReports = 1000;

/// What is behind a conversation: a process of this machine, or whoever speaks for one elsewhere.
/// All calls come from the conversation, on the loop's thread, and do not block.
class WorkerBackend {
 public:
  virtual ~WorkerBackend() = default;

  /// Passes a line on, now or soon. False: the worker does not read what it is told.
  virtual bool write(std::string_view line) = 0;
  /// Asks the worker to end, and sees to it that it does. Once is enough.
  virtual void terminate() = 0;
  /// It has not ended, long after `terminate`.
  virtual void kill() = 0;
  /// Hands over (`hear_output`, `hear_error`) whatever the worker has printed until now.
  virtual void catch_up() = 0;
  /// The study takes over a checkpoint that the worker has named; `path` relative to the study.
  /// Fails if there is none.
  virtual Status keep(const std::string& path) = 0;
  /// Fails, with the reason, if nothing can start from it.
  virtual Status check(const std::string& path) = 0;
  /// A checkpoint could not be written for want of room.
  virtual void out_of_room(const std::string& why) = 0;
  /// Every trial of the launch has exited. It is for the backend to end the launch (`end_launch`),
  /// if the worker may stay for the next one, or to `dismiss` the worker.
  virtual void all_exited(bool may_stay) = 0;
};

struct ConversationOptions {
  std::filesystem::path study = {};  ///< The study's folder, absolute.
  std::string metric = {};           ///< The objective's name, to be found in reports.
  std::int64_t first_trial = 0;      ///< What workers are told that the first trial's number is.
  std::int64_t log_limit_bytes = 0;  ///< Of a trial's stdout and stderr, each.
  std::optional<StudyDuration> time_limit = {};  ///< Wall time of one attempt; then it failed.
  /// How long a worker may take to obey before it is terminated.
  StudyDuration obey_stop{};
  StudyDuration obey_pause{};
  StudyDuration leave{};  ///< From `dismiss` to its end.
  StudyDuration grace{};  ///< From `terminate` to its end; kGuardGrace later it is killed.
};

/// What all conversations of one executor hear, in order.
struct Heard {
  std::deque<Signal> signals = {};
  std::int64_t reports = 0;
  std::int64_t ignored = 0;  ///< Messages that made no sense: garbage, strangers, latecomers.
};

/// The talk with one worker, launch after launch, in the words of docs/worker-protocol.md: says
/// what the tuner wants, makes signals of what the worker says, judges what is out of place, and
/// loses patience. Knows neither processes nor clocks: whoever owns the worker hands over bytes as
/// they come, tells of its end, and calls `look` at `deadline`.
class Conversation {
 public:
  /// `options`, `backend`, `heard` and `log`, which gets what belongs to no trial, must outlive it.
  Conversation(const ConversationOptions& options, WorkerBackend& backend, Heard& heard,
               LogFile& log)
      : options_(options), backend_(backend), heard_(heard), log_(log) {}

  /// Begins a launch by telling the worker to start it; `starts` is what it is told of each member.
  /// A worker that turns out not to take such a launch refuses it.
  /// REQUIRES: no launch is under way.
  void begin(Order order, const std::vector<worker::StartLine>& starts, StudyTime now);
  /// To a trial of this launch; dropped if it has left.
  void send(const Message& message, StudyTime now);
  /// No further launch comes: the worker is to leave.
  void dismiss(StudyTime now);
  /// REQUIRES: a launch is under way and all its trials have exited. The worker is free then.
  void end_launch();
  /// The order, as if the launch had not been tried; nothing, and nothing changes, if none is under
  /// way or something was already wanted of it.
  std::optional<Order> take_back();

  /// Bytes of its wire, its standard output and its standard error.
  void hear_wire(std::string_view bytes, StudyTime now);
  void hear_output(std::string_view bytes, StudyTime now);
  void hear_error(std::string_view bytes);
  /// All three are at their end.
  void hear_no_more(StudyTime now);
  /// The worker is gone, and with it what has not exited. `unread`: it left before it had read all
  /// that it was told. REQUIRES: `hear_no_more` was called.
  void end(const std::optional<GuardReport>& report, bool unread, StudyTime now);

  /// When `look` is due; kNever if not.
  StudyTime deadline() const;
  void look(StudyTime now);

  /// Nothing between launches.
  const Order* order() const { return run_ ? &run_->order : nullptr; }
  /// A trial of the launch is yet to exit.
  bool live() const;
  const std::optional<worker::HelloLine>& hello() const { return hello_; }
  int launches() const { return launches_; }

  static constexpr StudyDuration kGuardGrace = std::chrono::seconds(30);
  static constexpr int kMaxComplaints = 20;  ///< Written to a trial's log; the rest is counted.

 private:
  /// A trial of the launch.
  struct Party {
    TrialId trial;
    std::string relative;     ///< Its directory, from the study's folder.
    Steps step = 0;           ///< Last reported; at first that of the checkpoint.
    StudyTime last_report{};  ///< Or when it was last told to go on.
    Wish wish = Wish::kNone;
    std::string complaint = {};
    std::optional<StudyTime> patience = {};  ///< When it should have obeyed.
    int late = 0;                            ///< Reports since it was told to leave.
    bool exited = false;                     ///< Its `Exited` is out.
    std::set<std::string> checkpoints = {};  ///< Names that it has used.
  };
  /// A launch, from its start until the worker is free or gone.
  struct Run {
    Order order;
    std::vector<Party> parties;
    StudyTime started{};
    std::vector<Report> boundary = {};  ///< Reports to which others are still to come.
    bool taken_up = false;              ///< The worker has said something about it.
    bool plain_reports = false;         ///< It reports on standard output.
    int complaints = 0;
    std::string first_ignored = {};
    LogFile output;
    LogFile error;
  };

  LaunchId launch() const { return run_->order.launch.id; }
  Party* party(TrialId trial);
  void tell(const worker::ToWorker& message, StudyTime now);
  void wish(Party& party, Wish wish, StudyTime now);
  void exploit(Party& party, const ExploitFrom& content, StudyTime now);
  std::string why_unfit() const;
  bool refuse_unfit(StudyTime now);
  std::optional<TrialId> named(const Party& party) const;
  void terminate(StudyTime now);
  void terminate(Wish wish, const std::string& complaint, StudyTime now);
  void terminate(Party& party, Wish wish, std::string complaint, StudyTime now);

  void take_plain(std::string_view line, StudyTime now);
  void explain_plain(std::string_view line);
  void take_line(std::string_view line, StudyTime now);
  void take(worker::HelloLine&& hello, StudyTime now);
  void take(worker::ReportLine&& report, StudyTime now);
  void take(worker::CheckpointLine&& checkpoint, StudyTime now);
  void take(worker::ExitedLine&& exited, StudyTime now);
  Party* concerned(std::optional<TrialId> trial, std::optional<LaunchId> launch,
                   std::string_view what);
  void close_boundary();
  std::optional<Checkpoint> accept(Party& party, Steps step, const std::string& name);
  void exit(Party& party, ExitKind kind, std::string error);
  void ignore(std::string_view what);
  std::optional<StudyTime> time_is_up() const;

  const ConversationOptions& options_;
  WorkerBackend& backend_;
  Heard& heard_;
  LogFile& log_;
  worker::LineBuffer wire_lines_;
  worker::LineBuffer output_lines_;
  std::string line_;
  bool heard_line_ = false;  ///< It speaks the protocol: its standard output is only a log.
  std::optional<worker::HelloLine> hello_ = {};
  int launches_ = 0;
  std::optional<Run> run_ = {};
  bool terminated_ = false;
  std::optional<StudyTime> patience_ = {};  ///< When it should have left or, terminated, ended.
};

}  // namespace clavier::exec
