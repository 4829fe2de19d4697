#include "exec/local/local_executor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "exec/local/channels.h"
#include "exec/local/slot_environment.h"
#include "exec/local/worker_tree.h"
#include "exec/start_line.h"
#include "study/gang.h"
#include "worker/command_line.h"
#include "worker/environment.h"

// What is said to a worker and made of what it says is its conversation's; here are only processes
// and their room. A start may fail for want of something that others hold, which is no fault of its
// trial: so everything that can be checked is checked before anything is taken, and a launch that
// has to wait is left exactly as it came. Those that wait keep their order and their slots (the
// tuner believes them at work), and while any waits, workers that have nothing to do leave. Slots
// are free only when the process is gone, or known to be idle: its memory is theirs until then.
namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

// What a start takes for a moment, and what is to be left where others run.
constexpr rlim_t kStartDescriptors = 16;
constexpr rlim_t kSpareDescriptors = 16;

Status make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0777) == 0 || errno == EEXIST) return ok_status();
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error) return ok_status();
  const auto why =
      fmt::format("cannot create the trial's directory {}: {}", directory, error.message());
  return is_shortage(error.value()) ? unavailable(why) : io_error(why);
}

// Whether the other side is still there; takes nothing from the stream.
bool connected(const Fd& wire) {
  char byte = 0;
  return wire && (::recv(wire.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0 || errno == EAGAIN);
}

std::int64_t whole_milliseconds(StudyDuration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

}  // namespace

Result<std::unique_ptr<LocalExecutor>> LocalExecutor::create(LocalOptions options,
                                                             const Waker& waker) {
  CHECK(!options.command.empty() && options.study.is_absolute());
  std::error_code error;
  if (!fs::is_directory(options.study, error))
    return not_found(fmt::format("the study's folder {} is not there", options.study.string()));
  Poller poller = TRY(Poller::create());
  auto watched = poller.watch(waker.fd(), kWakerKey);
  if (!watched.ok()) return watched.error();
  return std::unique_ptr<LocalExecutor>(
      new LocalExecutor(std::move(options), waker, std::move(poller)));
}

LocalExecutor::LocalExecutor(LocalOptions options, const Waker& waker, Poller poller)
    : options_(std::move(options)),
      talk_options_{.study = options_.study,
                    .metric = options_.metric,
                    .first_trial = options_.first_trial,
                    .log_limit_bytes = options_.log_limit_bytes,
                    .time_limit = options_.time_limit,
                    .obey_stop = options_.obey_stop,
                    .obey_pause = options_.obey_pause,
                    .leave = options_.leave,
                    .grace = options_.grace},
      waker_(waker),
      poller_(std::move(poller)),
      base_environment_(own_environment()),
      mark_(run_mark(options_.study)),
      log_(options_.study, "workers.log", options_.log_limit_bytes),
      durable_(options_.study),
      wire_buffer_(kReadBytes),
      output_buffer_(kReadBytes) {}

LocalExecutor::~LocalExecutor() {
  for (const auto& [id, worker] : workers_)
    worker->process.kill();  // All at once, then one by one.
}

StudyTime LocalExecutor::now() const {
  return StudyTime(
      std::chrono::duration_cast<StudyDuration>(std::chrono::steady_clock::now() - origin_));
}

// Workers never outlive their tuner.
bool LocalExecutor::replay(const Step&) { return false; }

// --- a launch begins ---

void LocalExecutor::start(Order order) {
  if (!held_.empty() && !is_warm_for(order))
    return hold(std::move(order), "others wait for room before it");
  if (const Status started = try_start(order); !started.ok())
    hold(std::move(order), started.error().message);
}

/// Fails if it has to wait, and leaves it as it is then; whatever else is wrong has been told.
Status LocalExecutor::try_start(Order& order) {
  TRY(check_disk());
  if (!is_warm_for(order)) TRY(check_descriptors());
  for (const Member& member : order.launch.members) {
    const Status usable = member.from ? check(member.from->path) : ok_status();
    if (usable.ok()) continue;
    heard_.signals.push_back(CheckpointVoid{*member.from, usable.error().message});
    give_up(order, ExitKind::kLost, usable.error().message);
    return ok_status();
  }
  const Status started = launch(order);
  if (started.ok() || started.error().code == ErrorCode::kUnavailable) return started;
  give_up(order, ExitKind::kRefused, started.error().message);
  return ok_status();
}

/// Where others run, some descriptors are left for the log, checkpoints and whoever asks about the
/// study.
Status LocalExecutor::check_descriptors() const {
  const rlim_t wanted = kStartDescriptors + (workers_.empty() ? 0 : kSpareDescriptors);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return ok_status();
  const Fd lowest(::fcntl(waker_.fd(), F_DUPFD_CLOEXEC, 0));
  if (lowest && static_cast<rlim_t>(lowest.get()) + wanted <= limit.rlim_cur) return ok_status();
  return unavailable(
      fmt::format("cannot start a worker: Too many open files (ulimit -n is {})", limit.rlim_cur));
}

std::int64_t LocalExecutor::room_on_disk() const {
  struct statvfs disk {};
  if (::statvfs(options_.study.c_str(), &disk) != 0) return 0;
  return static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
}

Status LocalExecutor::check_disk() {
  if (!full_disk_) return ok_status();
  if (room_on_disk() < full_disk_->wanted_bytes && now() - full_disk_->since < kDiskPause)
    return unavailable("the disk is full: a checkpoint could not be written");
  full_disk_.reset();  // There is room, or somebody has to try whether there is.
  return ok_status();
}

void LocalExecutor::hold(Order order, const std::string& why) {
  if (told_to_wait_.insert(order.launch.id).second) {
    log_.note(fmt::format("[clavier] launch {} waits: {}\n", order.launch.id.value, why));
    heard_.signals.push_back(Waiting{order.launch.id, why});
  }
  if (held_.empty() && (!warned_ || now() - *warned_ >= kBetweenWarnings)) {
    warned_ = now();
    options_.warn(why + "; trials wait for room and go on by themselves");
  }
  for (const Share& share : order.launch.shares) taken_.insert(share.slot);
  held_.push_back(std::move(order));
  back_off();
  // Warm workers without a trial hold what others could use.
  while (!idle_.empty()) dismiss(*idle_.begin()->second);
}

void LocalExecutor::back_off() {
  try_again_ = now() + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
}

void LocalExecutor::start_held() {
  while (!held_.empty()) {
    Order& order = held_.front();
    for (const Share& share : order.launch.shares) taken_.erase(share.slot);
    if (!try_start(order).ok()) {
      for (const Share& share : order.launch.shares) taken_.insert(share.slot);
      return back_off();
    }
    held_.pop_front();
  }
}

/// True if the message was for a launch that waits. A trial that is not to run leaves it, and the
/// others wait on.
bool LocalExecutor::let_go(const Message& message) {
  const auto held =
      std::ranges::find(held_, message.launch, [](const Order& order) { return order.launch.id; });
  if (held == held_.end()) return false;
  const bool pause = std::holds_alternative<PauseNow>(message.content);
  if (!pause && !std::holds_alternative<StopNow>(message.content)) return true;
  auto& members = held->launch.members;
  const auto leaving = std::ranges::find(members, message.trial, &Member::trial);
  if (leaving == members.end()) return true;
  held->members.erase(held->members.begin() + (leaving - members.begin()));
  members.erase(leaving);
  heard_.signals.push_back(
      Exited{message.trial, message.launch, pause ? ExitKind::kPaused : ExitKind::kStopped});
  if (!members.empty()) return true;
  heard_.signals.push_back(LaunchEnded{message.launch});
  release(held->launch);
  held_.erase(held);
  return true;
}

/// Fails if nothing can start from it.
Status LocalExecutor::check(const std::string& checkpoint) {
  const Status usable = durable_.check(checkpoint);
  if (usable.ok()) return usable;
  const auto why = fmt::format("checkpoint {} is damaged: {}", checkpoint, usable.error().message);
  log_.note(fmt::format("[clavier] {}\n", why));
  return Error{usable.error().code, why};
}

void LocalExecutor::give_up(const Order& order, ExitKind kind, const std::string& why) {
  for (const Member& member : order.launch.members)
    heard_.signals.push_back(Exited{member.trial, order.launch.id, kind, why});
  heard_.signals.push_back(LaunchEnded{order.launch.id});
}

Status LocalExecutor::check(const Order& order) const {
  CHECK(order.members.size() == order.launch.members.size() &&
        order.slots.size() == order.launch.shares.size());
  if (order.launch.members.empty() || order.launch.shares.empty())
    return invalid("a launch has a trial and a slot");
  std::set<SlotId> named;
  for (const Share& share : order.launch.shares) {
    if (!named.insert(share.slot).second)
      return invalid(fmt::format("a launch names slot {} twice", share.slot.value));
    if (std::ranges::find(options_.node.slots, share.slot, &Slot::id) == options_.node.slots.end())
      return not_found(fmt::format("this machine has no slot {}", share.slot.value));
    if (taken_.contains(share.slot))
      return conflict(fmt::format("slot {} is taken", share.slot.value));
  }
  if (const auto speed = emulated_speed(order); speed && !(*speed > 0 && std::isfinite(*speed)))
    return invalid(fmt::format("slot {} cannot emulate a speed of {}: it must be above 0",
                               order.slots.front().id.value, *speed));
  return ok_status();
}

Status LocalExecutor::launch(Order& order) {
  TRY(check(order));
  std::vector<worker::StartLine> starts;
  for (std::size_t i = 0; i < order.members.size(); ++i) {
    starts.push_back(
        start_line(order, i, options_.study, options_.checkpoints, options_.seconds_per_step));
    starts.back().trial.value += options_.first_trial;
    TRY(make_directory(starts.back().directory));
  }
  Worker* worker = warm_worker(order);
  if (worker)
    ++counters_.warm_starts;
  else
    worker = TRY(spawn(order.slots, starts.front()));
  runs_[order.launch.id] = worker;
  for (const Share& share : order.launch.shares) taken_.insert(share.slot);
  worker->talk.begin(std::move(order), starts, now());
  return ok_status();
}

bool LocalExecutor::is_warm_for(const Order& order) const {
  return std::ranges::any_of(order.launch.shares, [&](const Share& share) {
    const auto idle = idle_.find(share.slot);
    return idle != idle_.end() && idle->second->slots == order.slots;
  });
}

/// The one that waits in just these slots. Others leave: they hold memory of devices.
LocalExecutor::Worker* LocalExecutor::warm_worker(const Order& order) {
  for (const Share& share : order.launch.shares) {
    const auto found = idle_.find(share.slot);
    if (found == idle_.end()) continue;
    Worker& worker = *found->second;
    if (worker.slots == order.slots && connected(worker.process.wire)) {
      forget_idle(worker);
      return &worker;
    }
    dismiss(worker);
  }
  return nullptr;
}

void LocalExecutor::forget_idle(const Worker& worker) {
  std::erase_if(idle_, [&](const auto& idle) { return idle.second == &worker; });
}

Result<LocalExecutor::Worker*> LocalExecutor::spawn(const std::vector<Slot>& slots,
                                                    const worker::StartLine& start) {
  const Slot slot = joined(slots);  // One process sees all of them.
  auto command = TRY(worker::substitute(options_.command, start));
  std::map<std::string, std::string> own, variables;
  for (const auto& [name, text] : options_.environment)
    own[name] = TRY(worker::substitute({text}, start)).front();
  for (auto& [name, value] : TRY(worker::environment(start))) variables[name] = value;
  variables[worker::kDescriptorVariable] = std::to_string(kWorkerFd);
  auto process =
      TRY(WorkerProcess::start({.guard = options_.guard,
                                .order = {.command = std::move(command),
                                          .cpu_ids = slot.cpu_ids,
                                          .memory_mb = slot.resources.memory_mb,
                                          .grace_ms = whole_milliseconds(options_.grace)},
                                .environment = merge_environment(
                                    base_environment_, {slot_environment(slot), own, variables}),
                                .working_directory = options_.working_directory.string(),
                                .mark = fmt::format("{}{}/", mark_, next_worker_)}));

  auto worker = std::make_unique<Worker>(*this, next_worker_++, slots, std::move(process));
  const WorkerProcess& ends = worker->process;
  TRY(poller_.watch(ends.wire.get(), key_of(worker->id, Channel::kWire)));
  TRY(poller_.watch(ends.output.get(), key_of(worker->id, Channel::kOutput)));
  TRY(poller_.watch(ends.error.get(), key_of(worker->id, Channel::kError)));
  TRY(poller_.watch(ends.end_fd(), key_of(worker->id, Channel::kEnd)));
  ++counters_.workers_started;
  return workers_.emplace(worker->id, std::move(worker)).first->second.get();
}

void LocalExecutor::send(const Message& message) {
  if (let_go(message)) return;
  const auto found = runs_.find(message.launch);
  if (found != runs_.end()) found->second->talk.send(message, now());
}

// --- a launch ends ---

void LocalExecutor::dismiss(Worker& worker) {
  forget_idle(worker);
  worker.talk.dismiss(now());
}

/// While others wait for room, nobody stays without a trial: what it holds is what they lack.
void LocalExecutor::Worker::all_exited(bool may_stay) {
  const int most = owner.options_.max_trials_per_worker;
  const bool stays = may_stay && owner.options_.warm && owner.held_.empty() && process.wire &&
                     (most <= 0 || talk.launches() < most);
  if (!stays) return owner.dismiss(*this);
  const Launch& launch = talk.order()->launch;
  for (const Share& share : launch.shares) owner.idle_[share.slot] = this;
  owner.release(launch);
  talk.end_launch();
}

void LocalExecutor::release(const Launch& launch) {
  told_to_wait_.erase(launch.id);
  runs_.erase(launch.id);
  for (const Share& share : launch.shares) taken_.erase(share.slot);
}

void LocalExecutor::finish(Worker& worker) {
  const auto report = worker.process.take_report();
  // Who wrote is dead, so there is an end to it; unless somebody passed a descriptor to a stranger.
  for (int i = 0; i < kMaxLastReads; ++i)
    if (!read_wire(worker) && !read_output(worker) && !read_error(worker)) break;
  worker.talk.hear_no_more(now());
  if (report && report->kind == GuardReport::Kind::kEnded) {
    try_again_ = now();  // There may be room now.
    pause_ = kFirstPause;
  }
  if (report && report->kind == GuardReport::Kind::kNoRoom) {
    // Its program could not be started now: as if it had not been tried.
    if (auto order = worker.talk.take_back()) {
      runs_.erase(order->launch.id);
      workers_.erase(worker.id);
      return hold(*std::move(order), report->error);
    }
  }
  if (const Order* order = worker.talk.order()) release(order->launch);
  worker.talk.end(report, worker.left_unread || worker.process.undelivered(), now());
  forget_idle(worker);
  workers_.erase(worker.id);
}

void LocalExecutor::discard(const std::string& path) {
  const fs::path relative = fs::path(path).lexically_normal();
  const auto parts = std::distance(relative.begin(), relative.end());
  // A checkpoint lies inside a trial's directory, so it has two parts at least.
  if (relative.is_absolute() || parts < 2 || *relative.begin() == ".." ||
      relative.filename().empty())
    return log_.note(
        fmt::format("[clavier] will not delete '{}': no checkpoint of this study\n", path));
  durable_.discard(relative.string());
}

std::optional<std::int64_t> LocalExecutor::worker_pid(LaunchId launch) const {
  const auto run = runs_.find(launch);
  if (run == runs_.end() || !run->second->talk.live()) return {};
  const auto& hello = run->second->talk.hello();
  if (!hello || hello->pid <= 0) return {};
  return hello->pid;
}

LocalCounters LocalExecutor::counters() const {
  LocalCounters counters = counters_;
  counters.reports = heard_.reports;
  counters.ignored = heard_.ignored;
  return counters;
}

}  // namespace clavier::exec
