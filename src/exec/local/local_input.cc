#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "base/match.h"
#include "exec/local/channels.h"
#include "exec/local/local_executor.h"

namespace clavier::exec {
namespace {

// Of a worker's own words in our complaints about them.
constexpr std::size_t kQuoteBytes = 120;

bool is_directory(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

std::vector<Signal> LocalExecutor::wait(StudyTime deadline) {
  if (!announced_) {
    announced_ = true;
    signals_.push_front(NodeJoined{options_.node});
  }
  while (signals_.empty()) {
    run_timers();
    if (now() >= deadline) return {Deadline{}};
    bool woken = false;
    for (const Poller::Event& event : poller_.wait(timeout(deadline))) {
      if (event.key == kWakerKey)
        woken = waker_.drain();
      else
        handle(event);
    }
    if (woken) return {};
  }
  return take_signals();
}

std::vector<Signal> LocalExecutor::take_signals() {
  for (const std::string& complaint : durable_.take_complaints())
    log_.note(fmt::format("[clavier] {}\n", complaint));
  const auto count = static_cast<std::ptrdiff_t>(std::min(signals_.size(), kMaxSignals));
  std::vector<Signal> result(std::make_move_iterator(signals_.begin()),
                             std::make_move_iterator(signals_.begin() + count));
  signals_.erase(signals_.begin(), signals_.begin() + count);
  return result;
}

// --- time ---

std::optional<StudyTime> LocalExecutor::time_is_up(const LocalWorker& worker) const {
  const bool limited = options_.time_limit && worker.run && !worker.terminated &&
                       worker.run->wish == Wish::kNone && !worker.run->exited;
  if (!limited) return std::nullopt;
  return worker.run->started + *options_.time_limit;
}

std::optional<std::chrono::microseconds> LocalExecutor::timeout(StudyTime deadline) const {
  StudyTime next = held_.empty() ? deadline : std::min(deadline, try_again_);
  for (const auto& [id, worker] : workers_) {
    if (worker->patience) next = std::min(next, *worker->patience);
    if (const auto limit = time_is_up(*worker)) next = std::min(next, *limit);
  }
  if (next == kNever) return std::nullopt;
  return std::max(next - now(), StudyDuration(0));
}

void LocalExecutor::run_timers() {
  const StudyTime time = now();
  if (!held_.empty() && try_again_ <= time) start_held();
  for (const auto& [id, worker] : workers_) {
    if (const auto limit = time_is_up(*worker); limit && *limit <= time)
      terminate(*worker, Wish::kTimeLimit,
                fmt::format("the time limit of {:g} s for one attempt was reached",
                            seconds(*options_.time_limit)));
    else if (!worker->patience || *worker->patience > time)
      continue;
    else if (worker->terminated)
      kill_guard(*worker);
    else
      terminate(*worker, worker->run ? worker->run->wish : Wish::kNone, "");
  }
}

/// It was to kill and has not, stopped or stuck itself.
void LocalExecutor::kill_guard(LocalWorker& worker) {
  worker.patience = now() + LocalWorker::kGuardGrace;
  worker.process.kill_guard();
}

// --- descriptors ---

void LocalExecutor::handle(const Poller::Event& event) {
  const auto found = workers_.find(worker_of(event.key));
  if (found == workers_.end()) return;  // It ended earlier in this round.
  LocalWorker& worker = *found->second;
  switch (channel_of(event.key)) {
    case Channel::kWire:
      if (event.writable && worker.process.wire) {
        worker.process.flush();
        watch_writing(worker);
      }
      if (event.readable) read_wire(worker);
      return;
    case Channel::kOutput: read_output(worker); return;
    case Channel::kError: read_error(worker); return;
    case Channel::kEnd: finish(worker); return;
  }
}

std::string_view LocalExecutor::read_some(Fd& from, std::vector<char>& buffer) {
  if (!from) return {};
  const ssize_t size = ::read(from.get(), buffer.data(), buffer.size());
  if (size > 0) return {buffer.data(), static_cast<std::size_t>(size)};
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  const int why = size < 0 ? errno : 0;
  poller_.forget(from.get());
  from.reset();
  errno = why;
  return {};
}

bool LocalExecutor::read_wire(LocalWorker& worker) {
  const bool open = static_cast<bool>(worker.process.wire);
  const std::string_view bytes = read_some(worker.process.wire, wire_buffer_);
  // It closed its end without having read all we wrote.
  if (open && !worker.process.wire && errno == ECONNRESET) worker.left_unread = true;
  worker.wire_lines.feed(
      bytes, [&](std::string_view line) { take_line(worker, line); },
      [&](std::string_view beginning) {
        ignore(worker,
               fmt::format("a line longer than {} bytes: {}…", worker::kMaxLineBytes, beginning));
      });
  return !bytes.empty();
}

bool LocalExecutor::read_output(LocalWorker& worker) {
  const std::string_view bytes = read_some(worker.process.output, output_buffer_);
  if (bytes.empty()) return false;
  (worker.run ? worker.run->output : log_).append(bytes);
  if (!worker.heard)
    worker.output_lines.feed(
        bytes, [&](std::string_view line) { take_plain(worker, line); }, [](std::string_view) {});
  return true;
}

bool LocalExecutor::read_error(LocalWorker& worker) {
  const std::string_view bytes = read_some(worker.process.error, output_buffer_);
  if (bytes.empty()) return false;
  (worker.run ? worker.run->error : log_).append(bytes);
  return true;
}

// What a worker printed before it said `exited` belongs to that trial, as far as it is there.
void LocalExecutor::catch_up_on_output(LocalWorker& worker) {
  constexpr int kMaxReads = 16;
  for (int i = 0; i < kMaxReads && read_output(worker); ++i) {
  }
  for (int i = 0; i < kMaxReads && read_error(worker); ++i) {
  }
}

void LocalExecutor::finish_lines(LocalWorker& worker) {
  worker.wire_lines.finish([&](std::string_view line) { take_line(worker, line); });
  if (!worker.heard)
    worker.output_lines.finish([&](std::string_view line) { take_plain(worker, line); });
}

// --- messages ---

void LocalExecutor::take_plain(LocalWorker& worker, std::string_view line) {
  if (!worker.run) return;
  auto report = worker::scan_plain(line);
  if (!report) return explain_plain(worker, line);
  worker.run->plain_reports = true;
  take(worker, std::move(*report));
}

/// Most lines are the program's log. One that was meant to be a report is missed by its author.
void LocalExecutor::explain_plain(LocalWorker& worker, std::string_view line) {
  if (worker.heard || options_.metric.empty() || line.find(options_.metric) == line.npos) return;
  if (const std::string why = worker::why_no_report(line); !why.empty())
    ignore(worker, fmt::format("a report: {}: {}", why, line.substr(0, kQuoteBytes)));
}

void LocalExecutor::take_line(LocalWorker& worker, std::string_view line) {
  worker.heard = true;
  auto message = worker::decode_from_worker(line);
  if (!message.ok())
    return ignore(worker,
                  fmt::format("{}: {}", message.error().message, line.substr(0, kQuoteBytes)));
  std::visit([&](auto&& content) { take(worker, std::move(content)); }, std::move(*message));
}

void LocalExecutor::take(LocalWorker& worker, worker::HelloLine&& hello) {
  if (worker.hello) return ignore(worker, "a second hello");
  if (hello.version > worker::kProtocolVersion) {
    const auto text = fmt::format("the worker speaks version {} of the protocol, we speak {}",
                                  hello.version, worker::kProtocolVersion);
    ignore(worker, text);
    return terminate(worker, Wish::kRefuse, text);
  }
  worker.hello = std::move(hello);
  refuse_unpaced(worker);
}

bool LocalExecutor::concerns(LocalWorker& worker, std::optional<TrialId> trial,
                             std::optional<LaunchId> launch, std::string_view what) {
  const bool live = worker.run && !worker.run->exited;
  const TrialId own{live ? worker.run->trial.value + options_.first_trial : -1};
  if (live && trial.value_or(own) == own &&
      launch.value_or(worker.run->launch) == worker.run->launch)
    return worker.run->taken_up = true;
  if (!live)
    ignore(worker, fmt::format("{} of a trial that has ended", what));
  else
    ignore(worker,
           fmt::format("{} of trial {}, launch {}, by the worker of trial {}, launch {}", what,
                       trial.value_or(own).value, launch.value_or(worker.run->launch).value,
                       own.value, worker.run->launch.value));
  return false;
}

void LocalExecutor::take(LocalWorker& worker, worker::ReportLine&& line) {
  if (!concerns(worker, line.trial, line.launch, "a report") || refuse_unpaced(worker)) return;
  WorkerRun& run = *worker.run;
  if (run.wish != Wish::kNone && ++run.late > kMaxLateReports) {
    ++counters_.ignored;
    return;
  }
  const Steps step = line.step.value_or(run.step + 1);
  if (step < 0 || step >= kForever) return ignore(worker, fmt::format("a report of step {}", step));
  const StudyTime time = now();
  const bool measured = line.seconds && std::isfinite(*line.seconds) && *line.seconds >= 0;
  Report report{.trial = run.trial,
                .launch = run.launch,
                .step = step,
                .value = {},
                .seconds = measured ? *line.seconds : seconds(time - run.last_report),
                .metrics = std::move(line.metrics)};
  const auto objective = std::ranges::find(report.metrics, options_.metric, &Metric::name);
  if (objective != report.metrics.end()) report.value = objective->value;
  if (!line.checkpoint.empty()) report.checkpoint = accept(worker, step, line.checkpoint);
  run.step = step;
  run.last_report = time;
  ++counters_.reports;
  Reported reported;
  reported.reports.push_back(std::move(report));
  signals_.push_back(std::move(reported));
}

void LocalExecutor::take(LocalWorker& worker, worker::CheckpointLine&& line) {
  if (!concerns(worker, line.trial, line.launch, "a checkpoint")) return;
  if (!line.error.empty()) return miss_checkpoint(worker, line.error);
  auto checkpoint = accept(worker, line.step.value_or(worker.run->step), line.checkpoint);
  if (checkpoint) signals_.push_back(CheckpointSaved{std::move(*checkpoint)});
}

/// A full disk is no fault of the trial, which goes on; but nothing more is started.
void LocalExecutor::miss_checkpoint(LocalWorker& worker, const std::string& why) {
  // What it had written is removed by now: with twice as much it may fit.
  constexpr std::int64_t kMargin = std::int64_t{1} << 20;
  full_disk_ = FullDisk{now(), 2 * room_on_disk() + kMargin};
  if (++worker.run->complaints <= LocalWorker::kMaxComplaints)
    worker.run->error.note(fmt::format("[clavier] {}\n", why));
  if (warned_ && now() - *warned_ < kBetweenWarnings) return;
  warned_ = now();
  options_.warn(fmt::format(
      "the disk is full: {}; no trial is started until there is room, then all goes on", why));
}

std::optional<Checkpoint> LocalExecutor::accept(LocalWorker& worker, Steps step,
                                                const std::string& name) {
  WorkerRun& run = *worker.run;
  if (!worker::valid_checkpoint_name(name))
    ignore(worker, fmt::format("a checkpoint named '{}': not a plain name", name));
  else if (step < 0 || step >= kForever)
    ignore(worker, fmt::format("checkpoint '{}' of step {}", name, step));
  else if (!is_directory(run.directory + "/" + name))
    ignore(worker, fmt::format("checkpoint '{}': no such directory in {}", name, run.relative));
  else if (!run.checkpoints.insert(name).second)
    ignore(worker, fmt::format("checkpoint '{}': that name has been used before", name));
  else {
    const std::string path = run.relative + "/" + name;
    durable_.keep(path);
    full_disk_.reset();
    return Checkpoint{run.trial, run.launch, step, path};
  }
  return std::nullopt;
}

void LocalExecutor::take(LocalWorker& worker, worker::ExitedLine&& line) {
  if (!concerns(worker, line.trial, line.launch, "an exit") || refuse_unpaced(worker)) return;
  catch_up_on_output(worker);
  WorkerRun& run = *worker.run;
  const bool failed = line.kind == ExitKind::kFailed;
  if (run.wish == Wish::kTimeLimit || run.wish == Wish::kFail)
    exit(worker, ExitKind::kFailed, run.complaint);
  else if (run.wish == Wish::kVoid)
    exit(worker, ExitKind::kLost, run.complaint);
  else
    exit(worker, line.kind,
         failed ? error_with_cause(std::move(line.error), run.error.tail().lines()) : "");
  // While others wait for room, nobody stays without a trial: what it holds is what they lack.
  const bool again =
      options_.warm && held_.empty() && worker.hello && worker.hello->several && !line.leaving &&
      !worker.terminated && worker.process.wire &&
      (options_.max_trials_per_worker <= 0 || worker.launches < options_.max_trials_per_worker);
  if (!again) return dismiss(worker);
  for (const SlotId slot : worker.run->slots) idle_[slot] = &worker;
  end_launch(worker);
  worker.patience.reset();
}

void LocalExecutor::ignore(LocalWorker& worker, std::string_view what) {
  ++counters_.ignored;
  if (!worker.run) return log_.note(fmt::format("[clavier] ignored {}\n", what));
  if (++worker.run->complaints > LocalWorker::kMaxComplaints) return;
  if (worker.run->complaints == 1) worker.run->first_ignored = what;
  worker.run->error.note(fmt::format("[clavier] ignored {}\n", what));
}

}  // namespace clavier::exec
