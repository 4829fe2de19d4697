#include "worker/trial_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <system_error>
#include <thread>
#include <utility>

#include "base/match.h"
#include "study/foldable.h"

namespace clavier::worker {

double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

void steady_sleep(double until) {
  using Clock = std::chrono::steady_clock;
  const std::chrono::duration<double> since_origin(until);
  std::this_thread::sleep_until(
      Clock::time_point(std::chrono::ceil<Clock::duration>(since_origin)));
}

TrialSession::TrialSession(StartLine start, Link& link, Stopwatch stopwatch, Sleep sleep)
    : start_(std::move(start)),
      link_(link),
      stopwatch_(std::move(stopwatch)),
      sleep_(std::move(sleep)),
      directory_(start_.directory),
      last_(start_.step),
      since_(stopwatch_()),
      due_(since_),
      until_(start_.until) {}

ExitedLine TrialSession::exited(ExitKind kind) const {
  return {start_.trial, start_.launch, kind, {}};
}

/// A failure of ours is the cause of whatever the training code makes of it.
ExitedLine TrialSession::fail(std::string_view error) const {
  ExitedLine line = exited(ExitKind::kFailed);
  line.error = one_line(failure_.empty() ? error : failure_);
  if (line.error.empty()) line.error = "failed without a message";
  return line;
}

ExitedLine TrialSession::leave() const {
  if (!failure_.empty()) return fail(failure_);
  switch (told_) {
    case Told::kNothing: return exited(ExitKind::kCompleted);
    case Told::kPause: return exited(ExitKind::kPaused);
    case Told::kStop:
    case Told::kQuit: break;
  }
  return exited(ExitKind::kStopped);
}

const std::filesystem::path& TrialSession::directory() const {
  if (!directory_exists_) {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    if (error && failure_.empty())
      failure_ = fmt::format("cannot create the trial's directory {}: {}", directory_.string(),
                             error.message());
    directory_exists_ = !error;
  }
  return directory_;
}

std::optional<std::filesystem::path> TrialSession::checkpoint() const {
  if (start_.checkpoint.empty()) return {};
  return start_.checkpoint;
}

bool TrialSession::should_stop() const {
  if (told_ == Told::kNothing) take_all_that_came();
  return told_ != Told::kNothing || !failure_.empty();
}

void TrialSession::take(ToWorker message) const {
  match(
      std::move(message),
      // Only between trials; the tuner never sends it here, and a stray one changes nothing.
      [](StartLine) {}, [&](ContinueLine go_on) { until_ = go_on.until; },
      [&](StopLine) { told_ = Told::kStop; }, [&](PauseLine) { told_ = Told::kPause; },
      [&](ExploitLine exploit) { exploit_ = std::move(exploit); },
      [&](QuitLine) { told_ = Told::kQuit; });
}

void TrialSession::take_all_that_came() const {
  while (told_ == Told::kNothing) {
    auto message = link_.receive(Link::Wait::kNo);
    if (!message) return;
    take(*std::move(message));
  }
}

/// Whether it had to wait.
bool TrialSession::wait_for_decision() {
  bool waited = false;
  while (told_ == Told::kNothing && !exploit_ && last_ >= until_) {
    waited = true;
    take(link_.receive(Link::Wait::kYes).value_or(QuitLine{}));
  }
  return waited;
}

/// Returns the moment when the steps were done that have just been worked off.
double TrialSession::wait_for_pace(Steps steps) {
  due_ += static_cast<double>(std::max<Steps>(steps, 0)) * start_.step_seconds;
  if (stopwatch_() < due_) sleep_(due_);
  return stopwatch_();
}

void TrialSession::take_over(ExploitLine exploit) {
  start_.checkpoint = std::move(exploit.checkpoint);
  start_.config = std::move(exploit.config);
  start_.step = last_ = exploit.step;
  until_ = exploit.until;
  saved_last_ = true;
  ++takeovers_;
}

/// Whether the way from the last report to `step` reached or passed a multiple of the interval.
bool TrialSession::due(Steps step) const {
  const Steps every = start_.checkpoints.every;
  return every > 0 && step / every > last_ / every;
}

/// Whether the study keeps the weights of its best step and this is it; from now on it is.
bool TrialSession::is_best(const std::vector<Metric>& metrics) {
  const auto& objective = start_.checkpoints.best;
  if (!objective) return false;
  const auto metric = std::ranges::find(metrics, objective->metric, &Metric::name);
  if (metric == metrics.end() || !std::isfinite(metric->value) ||
      (start_.best && !objective->better(metric->value, *start_.best)))
    return false;
  start_.best = metric->value;
  return true;
}

std::string TrialSession::save_now(const Save& save) {
  directory();
  if (!failure_.empty()) return {};
  auto name = write_checkpoint(directory_, last_, start_.launch, save);
  if (!name) {
    const Error& why = name.error();
    if (why.code == ErrorCode::kUnavailable)
      link_.send(CheckpointLine{start_.trial, start_.launch, last_, "", one_line(why.message)});
    else
      failure_ = why.message;
    return {};
  }
  saved_last_ = true;
  return *std::move(name);
}

std::string TrialSession::save_when_there_is_room(const Save& save) {
  std::string name = save_now(save);
  for (int i = 0; name.empty() && failure_.empty() && told_ == Told::kPause && i < kMaxWaitsForRoom;
       ++i) {
    sleep_(stopwatch_() + kSecondsBetweenTries);
    if (auto message = link_.receive(Link::Wait::kNo)) take(*std::move(message));
    name = save_now(save);
  }
  return name;
}

void TrialSession::save_on_leaving(const Save& save) {
  if (saved_last_ || !save) return;
  if (told_ == Told::kPause || (told_ == Told::kStop && start_.checkpoints.at_end)) {
    std::string name = save_when_there_is_room(save);
    if (!name.empty()) link_.send(CheckpointLine{start_.trial, start_.launch, last_, name});
  }
}

Status TrialSession::check_report(const std::vector<Metric>& metrics, Steps step) const {
  if (step < 0 || step > kMostSteps)
    return invalid(
        fmt::format("the reported step is {}: steps count from 0 to {}", step, kMostSteps));
  return check_metrics(metrics);
}

Verdict TrialSession::report(const std::vector<Metric>& metrics, std::optional<Steps> step,
                             const Save& save) {
  if (left_) return Verdict::kLeave;
  say(metrics, step, save);
  return settle(save);
}

void TrialSession::say(const std::vector<Metric>& metrics, std::optional<Steps> step,
                       const Save& save) {
  ReportLine line{start_.trial, start_.launch, step.value_or(last_ + 1), {}, metrics};
  if (const Status fine = check_report(metrics, *line.step); !fine && failure_.empty())
    failure_ = fine.error().message;
  done_ = stopwatch_();
  const Steps steps = *line.step - last_;
  const bool best = is_best(metrics);
  const bool wants_checkpoint = save && (best || due(*line.step));
  saved_last_ = false;
  last_ = *line.step;
  if (wants_checkpoint && failure_.empty()) line.checkpoint = save_now(save);
  if (start_.step_seconds > 0 && failure_.empty()) done_ = wait_for_pace(steps);
  line.seconds = done_ - since_;
  if (failure_.empty()) link_.send(std::move(line));
}

Verdict TrialSession::settle(const Save& save) {
  bool waited = false;
  if (failure_.empty()) {
    take_all_that_came();
    waited = wait_for_decision();
    save_on_leaving(save);
    if (exploit_) take_over(*std::exchange(exploit_, {}));
  }
  // What else a report costs is part of the emulated step that follows.
  since_ = start_.step_seconds > 0 && !waited ? done_ : stopwatch_();
  if (waited) due_ = since_;
  left_ = told_ != Told::kNothing || !failure_.empty();
  return left_ ? Verdict::kLeave : Verdict::kGoOn;
}

}  // namespace clavier::worker
