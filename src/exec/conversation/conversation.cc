#include "exec/conversation/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/match.h"
#include "exec/start_line.h"

// A worker is another's program: it may say anything at any time, crossing with what it is told. So
// each thing it says is first asked whom it concerns (`concerned`), and what concerns nobody is
// written down and dropped; nothing it says is ever asserted on. A wish outlives its message: the
// worker may answer it by its own end, late or not at all, and only then is it known what became of
// the trial. Hence a wish is kept until the exit, which is judged by it (worker_fate.h), a stop
// replaces whatever was wished before, and nothing else does but what is held against the worker.
// The end comes last: what a dead worker had still written counts before its death does.
namespace clavier::exec {
namespace {

// Of a worker's own words in our complaints about them.
constexpr std::size_t kQuoteBytes = 120;

}  // namespace

// --- what it is told ---

void Conversation::begin(Order order, const std::vector<worker::StartLine>& starts, StudyTime now) {
  CHECK(!run_ && !starts.empty() && starts.size() == order.launch.members.size() &&
        starts.size() == order.members.size());
  const std::filesystem::path relative = order.members.front().directory;
  std::vector<Party> parties;
  for (std::size_t i = 0; i < starts.size(); ++i)
    parties.push_back({.trial = order.launch.members[i].trial,
                       .relative = order.members[i].directory,
                       .step = starts[i].step,
                       .last_report = now});
  run_.emplace(
      Run{.order = std::move(order),
          .parties = std::move(parties),
          .started = now,
          .output = LogFile(options_.study, relative / "stdout", options_.log_limit_bytes),
          .error = LogFile(options_.study, relative / "stderr", options_.log_limit_bytes)});
  ++launches_;
  patience_.reset();
  for (const worker::StartLine& start : starts) tell(start, now);
}

bool Conversation::live() const {
  return run_ && !std::ranges::all_of(run_->parties, &Party::exited);
}

Conversation::Party* Conversation::party(TrialId trial) {
  if (!run_) return nullptr;
  const auto found = std::ranges::find(run_->parties, trial, &Party::trial);
  return found == run_->parties.end() || found->exited ? nullptr : &*found;
}

void Conversation::tell(const worker::ToWorker& message, StudyTime now) {
  line_.clear();
  worker::encode(message, line_);
  if (!backend_.write(line_))
    terminate(Wish::kFail, "the worker does not read what it is told", now);
}

void Conversation::send(const Message& message, StudyTime now) {
  Party* const to = party(message.trial);
  if (!to || message.launch != launch()) return;
  match(
      message.content,
      [&](const ContinueTo& go_on) {
        to->last_report = now;
        // A script that reports on its output never reads: it would only fill the wire.
        if (!run_->plain_reports) tell(line(go_on, options_.study, named(*to)), now);
      },
      [&](const StopNow&) { wish(*to, Wish::kStop, now); },
      [&](const PauseNow&) { wish(*to, Wish::kPause, now); },
      [&](const ExploitFrom& content) { exploit(*to, content, now); });
}

void Conversation::wish(Party& party, Wish wish, StudyTime now) {
  if (party.wish == wish || (party.wish != Wish::kNone && wish != Wish::kStop)) return;
  // Nothing heard yet: a bare script, or one that has done nothing worth saving.
  if (!heard_line_) return terminate(party, wish, std::move(party.complaint), now);
  party.wish = wish;
  const bool stop = wish != Wish::kPause;
  party.patience = now + (stop ? options_.obey_stop : options_.obey_pause);
  if (stop)
    tell(worker::StopLine{named(party)}, now);
  else
    tell(worker::PauseLine{named(party)}, now);
}

/// As the worker knows it, where it must be said whom a message is for.
std::optional<TrialId> Conversation::named(const Party& party) const {
  if (run_->parties.size() == 1) return {};
  return TrialId{party.trial.value + options_.first_trial};
}

void Conversation::exploit(Party& party, const ExploitFrom& content, StudyTime now) {
  if (!hello_ || !hello_->exploit)
    return terminate(party, Wish::kFail,
                     "this worker cannot take over another trial's weights: its hello does not "
                     "say 'exploit'",
                     now);
  if (const Status usable = backend_.check(content.donor.path); !usable.ok()) {
    party.complaint = usable.error().message;
    heard_.signals.push_back(CheckpointVoid{content.donor, party.complaint});
    return wish(party, Wish::kVoid, now);
  }
  party.step = content.donor.step;
  party.last_report = now;
  tell(line(content, options_.study, named(party)), now);
}

/// Why the launch is not one for this worker, as far as it has said what it is; empty if it is.
std::string Conversation::why_unfit() const {
  const auto members = std::ssize(run_->parties);
  if (members > (hello_ ? hello_->takes.members : 1))
    return fmt::format("a launch of {} trials needs a worker that trains so many at once: {}",
                       members,
                       hello_ ? fmt::format("the hello of this one takes {} ('takes': 'members')",
                                            hello_->takes.members)
                              : "this command has said no hello");
  // It would run at full speed.
  const auto speed = emulated_speed(run_->order);
  if (!speed || (hello_ && hello_->paced)) return {};
  return fmt::format(
      "slot {} emulates a speed of {:g}, which needs a worker that paces itself "
      "(clavier.py or <clavier/clavier.h>): {}; give the slot no 'speed', or use "
      "such a worker",
      run_->order.slots.front().id.value, *speed,
      hello_ ? "the hello of this one does not say 'paced'" : "this command has said no hello");
}

/// True if the worker does not take what it has been given; then its trials are refused.
bool Conversation::refuse_unfit(StudyTime now) {
  const std::string why = live() ? why_unfit() : std::string();
  if (why.empty()) return false;
  terminate(Wish::kRefuse, why, now);
  return true;
}

void Conversation::terminate(StudyTime now) {
  if (std::exchange(terminated_, true)) return;
  patience_ = now + options_.grace + kGuardGrace;
  backend_.terminate();
}

void Conversation::terminate(Wish wish, const std::string& complaint, StudyTime now) {
  if (run_)
    for (Party& each : run_->parties)
      if (each.wish != Wish::kRefuse) {
        each.wish = wish;
        each.complaint = complaint;
      }
  terminate(now);
}

/// It costs the others of the launch what they did since their last checkpoint.
void Conversation::terminate(Party& party, Wish wish, std::string complaint, StudyTime now) {
  if (party.wish != Wish::kRefuse) {
    party.wish = wish;
    party.complaint = std::move(complaint);
  }
  terminate(now);
}

void Conversation::dismiss(StudyTime now) {
  if (!terminated_) patience_ = now + options_.leave;
  if (hello_ && hello_->several) tell(worker::QuitLine{}, now);
}

// --- what it says ---

void Conversation::hear_wire(std::string_view bytes, StudyTime now) {
  wire_lines_.feed(
      bytes, [&](std::string_view line) { take_line(line, now); },
      [&](std::string_view beginning) {
        ignore(fmt::format("a line longer than {} bytes: {}…", worker::kMaxLineBytes, beginning));
      });
}

void Conversation::hear_output(std::string_view bytes, StudyTime now) {
  (run_ ? run_->output : log_).append(bytes);
  if (!heard_line_)
    output_lines_.feed(
        bytes, [&](std::string_view line) { take_plain(line, now); }, [](std::string_view) {});
}

void Conversation::hear_error(std::string_view bytes) { (run_ ? run_->error : log_).append(bytes); }

void Conversation::hear_no_more(StudyTime now) {
  wire_lines_.finish([&](std::string_view line) { take_line(line, now); });
  if (!heard_line_) output_lines_.finish([&](std::string_view line) { take_plain(line, now); });
}

void Conversation::take_plain(std::string_view line, StudyTime now) {
  if (!run_) return;
  auto report = worker::scan_plain(line);
  if (!report) return explain_plain(line);
  run_->plain_reports = true;
  take(std::move(*report), now);
}

/// Most lines are the program's log. One that was meant to be a report is missed by its author.
void Conversation::explain_plain(std::string_view line) {
  if (options_.metric.empty() || line.find(options_.metric) == line.npos) return;
  if (const std::string why = worker::why_no_report(line); !why.empty())
    ignore(fmt::format("a report: {}: {}", why, line.substr(0, kQuoteBytes)));
}

void Conversation::take_line(std::string_view line, StudyTime now) {
  heard_line_ = true;
  auto message = worker::decode_from_worker(line);
  if (!message.ok())
    return ignore(fmt::format("{}: {}", message.error().message, line.substr(0, kQuoteBytes)));
  std::visit([&](auto&& content) { take(std::move(content), now); }, std::move(*message));
}

void Conversation::take(worker::HelloLine&& hello, StudyTime now) {
  if (hello_) return ignore("a second hello");
  if (hello.version > worker::kProtocolVersion) {
    const auto text = fmt::format("the worker speaks version {} of the protocol, we speak {}",
                                  hello.version, worker::kProtocolVersion);
    ignore(text);
    return terminate(Wish::kRefuse, text, now);
  }
  hello_ = std::move(hello);
  refuse_unfit(now);
}

/// Whose it is; nobody's, and that is written down, if it names others or its trial has exited.
Conversation::Party* Conversation::concerned(std::optional<TrialId> trial,
                                             std::optional<LaunchId> launch,
                                             std::string_view what) {
  if (!live()) {
    ignore(fmt::format("{} of a trial that has ended", what));
    return nullptr;
  }
  const LaunchId ours = this->launch();
  if (!trial && run_->parties.size() > 1) {
    ignore(fmt::format("{} that names none of the {} trials of launch {}", what,
                       run_->parties.size(), ours.value));
    return nullptr;
  }
  const TrialId own{run_->parties.front().trial.value + options_.first_trial};
  const TrialId about = trial.value_or(own);
  Party* const whose = party(TrialId{about.value - options_.first_trial});
  if (whose && launch.value_or(ours) == ours) {
    run_->taken_up = true;
    return whose;
  }
  ignore(fmt::format("{} of trial {}, launch {}, by the worker of trial {}, launch {}", what,
                     about.value, launch.value_or(ours).value, own.value, ours.value));
  return nullptr;
}

void Conversation::take(worker::ReportLine&& line, StudyTime now) {
  Party* const from = concerned(line.trial, line.launch, "a report");
  if (!from || refuse_unfit(now)) return;
  if (from->wish != Wish::kNone && ++from->late > kMaxLateReports) {
    ++heard_.ignored;
    return;
  }
  const Steps step = line.step.value_or(from->step + 1);
  if (step < 0 || step >= kForever) return ignore(fmt::format("a report of step {}", step));
  const bool measured = line.seconds && std::isfinite(*line.seconds) && *line.seconds >= 0;
  Report report{.trial = from->trial,
                .launch = launch(),
                .step = step,
                .value = {},
                .seconds = measured ? *line.seconds : seconds(now - from->last_report),
                .metrics = std::move(line.metrics)};
  const auto objective = std::ranges::find(report.metrics, options_.metric, &Metric::name);
  if (objective != report.metrics.end()) report.value = objective->value;
  if (!line.checkpoint.empty()) report.checkpoint = accept(*from, step, line.checkpoint);
  from->step = step;
  from->last_report = now;
  ++heard_.reports;
  // Whoever reports again is at the next boundary.
  if (std::ranges::find(run_->boundary, report.trial, &Report::trial) != run_->boundary.end())
    close_boundary();
  run_->boundary.push_back(std::move(report));
  if (!line.more) close_boundary();
}

/// What was reported together is decided on together.
void Conversation::close_boundary() {
  if (run_->boundary.empty()) return;
  heard_.signals.push_back(Reported{std::exchange(run_->boundary, {})});
}

void Conversation::take(worker::CheckpointLine&& line, StudyTime) {
  Party* const from = concerned(line.trial, line.launch, "a checkpoint");
  if (!from) return;
  close_boundary();
  // A full disk is no fault of the trial, which goes on.
  if (!line.error.empty()) {
    backend_.out_of_room(line.error);
    if (++run_->complaints <= kMaxComplaints)
      run_->error.note(fmt::format("[clavier] {}\n", line.error));
    return;
  }
  auto checkpoint = accept(*from, line.step.value_or(from->step), line.checkpoint);
  if (checkpoint) heard_.signals.push_back(CheckpointSaved{std::move(*checkpoint)});
}

std::optional<Checkpoint> Conversation::accept(Party& party, Steps step, const std::string& name) {
  const std::string path = party.relative + "/" + name;
  if (!worker::valid_checkpoint_name(name))
    ignore(fmt::format("a checkpoint named '{}': not a plain name", name));
  else if (step < 0 || step >= kForever)
    ignore(fmt::format("checkpoint '{}' of step {}", name, step));
  else if (party.checkpoints.contains(name))
    ignore(fmt::format("checkpoint '{}': that name has been used before", name));
  else if (!backend_.keep(path).ok())
    ignore(fmt::format("checkpoint '{}': no such directory in {}", name, party.relative));
  else {
    party.checkpoints.insert(name);
    return Checkpoint{party.trial, launch(), step, path};
  }
  return std::nullopt;
}

void Conversation::take(worker::ExitedLine&& line, StudyTime now) {
  Party* const from = concerned(line.trial, line.launch, "an exit");
  if (!from || refuse_unfit(now)) return;
  // What it printed before these words belongs to this trial, as far as it is there.
  backend_.catch_up();
  const bool failed = line.kind == ExitKind::kFailed;
  if (auto fate = overruled(from->wish, from->complaint))
    exit(*from, fate->kind, std::move(fate->error));
  else
    exit(*from, line.kind,
         failed ? error_with_cause(std::move(line.error), run_->error.tail().lines()) : "");
  if (!live()) backend_.all_exited(hello_ && hello_->several && !line.leaving && !terminated_);
}

void Conversation::ignore(std::string_view what) {
  ++heard_.ignored;
  if (!run_) return log_.note(fmt::format("[clavier] ignored {}\n", what));
  if (++run_->complaints > kMaxComplaints) return;
  if (run_->complaints == 1) run_->first_ignored = what;
  run_->error.note(fmt::format("[clavier] ignored {}\n", what));
}

// --- a launch ends ---

void Conversation::exit(Party& party, ExitKind kind, std::string error) {
  close_boundary();
  Exited exited{party.trial, launch(), kind, std::move(error)};
  if (kind == ExitKind::kFailed || kind == ExitKind::kLost) {
    exited.log_tail = run_->error.tail().lines();
    if (exited.log_tail.empty()) exited.log_tail = run_->output.tail().lines();
  }
  // One that ended well may have meant to report.
  if (kind == ExitKind::kCompleted && run_->complaints > 0)
    exited.log_tail =
        fmt::format("{} {} ignored, the first: {}", run_->complaints,
                    run_->complaints == 1 ? "line was" : "lines were", run_->first_ignored);
  heard_.signals.push_back(std::move(exited));
  party.exited = true;
  party.patience.reset();
}

void Conversation::end_launch() {
  CHECK(run_ && !live());
  for (const Party& each : run_->parties)
    if (const int dropped = each.late - kMaxLateReports; dropped > 0)
      log_.note(fmt::format("[clavier] trial {}: {} reports dropped after it was told to leave\n",
                            each.trial.value, dropped));
  heard_.signals.push_back(LaunchEnded{launch()});
  run_.reset();
}

std::optional<Order> Conversation::take_back() {
  const auto wanted = [](const Party& each) { return each.wish != Wish::kNone; };
  if (!run_ || std::ranges::any_of(run_->parties, wanted)) return std::nullopt;
  std::optional<Order> order = std::move(run_->order);
  run_.reset();
  return order;
}

void Conversation::end(const std::optional<GuardReport>& report, bool unread, StudyTime now) {
  if (report && report->kind == GuardReport::Kind::kEnded && report->end.ok()) refuse_unfit(now);
  if (!run_) return;
  for (Party& each : run_->parties) {
    if (each.exited) continue;
    WorkerFate fate = judge({.report = report,
                             .wish = each.wish,
                             .terminated = terminated_,
                             .takes_several = hello_ && hello_->several,
                             .never_read = launches_ > 1 && unread && !run_->taken_up,
                             .complaint = each.complaint,
                             .last_error_line = run_->error.tail().last_line(),
                             .error_tail = run_->error.tail().lines()});
    exit(each, fate.kind, std::move(fate.error));
  }
  end_launch();
}

// --- time ---

std::optional<StudyTime> Conversation::time_is_up() const {
  const auto at_work = [](const Party& each) { return each.wish == Wish::kNone && !each.exited; };
  if (!options_.time_limit || !run_ || terminated_ || std::ranges::none_of(run_->parties, at_work))
    return std::nullopt;
  return run_->started + *options_.time_limit;
}

StudyTime Conversation::deadline() const {
  StudyTime next = patience_.value_or(kNever);
  if (run_ && !terminated_)
    for (const Party& each : run_->parties) next = std::min(next, each.patience.value_or(kNever));
  return std::min(next, time_is_up().value_or(kNever));
}

void Conversation::look(StudyTime now) {
  if (deadline() > now) return;
  if (const auto limit = time_is_up(); limit && *limit <= now)
    return terminate(Wish::kTimeLimit,
                     fmt::format("the time limit of {:g} s for one attempt was reached",
                                 seconds(*options_.time_limit)),
                     now);
  if (!terminated_) return terminate(now);
  // Whoever was to kill it has not, stopped or stuck itself.
  patience_ = now + kGuardGrace;
  backend_.kill();
}

}  // namespace clavier::exec
