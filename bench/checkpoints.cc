// bench checkpoints: a state of 190 MB taken over, started from again and checked; kill -9
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>

#include "base/rng.h"
#include "bench/measure.h"
#include "cluster/first_fit.h"
#include "exec/local/guard.h"
#include "exec/local/local_executor.h"
#include "exec/local/manifest.h"
#include "sched/fifo.h"
#include "search/random.h"
#include "tuner/tuner.h"
#include "worker/trial_worker.h"

namespace {

using namespace clavier;
namespace fs = std::filesystem;

constexpr std::int64_t kStateBytes = 190'000'000;
constexpr int kRepeats = 21;
constexpr Steps kInterval = 5;

template <typename T>
T value_of(Result<T> result) {
  if (result.ok()) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

double milliseconds(const bench::Watch& watch) { return 1e3 * watch.seconds(); }

std::string noise(std::int64_t bytes) {
  Rng rng(7);
  std::string text(static_cast<std::size_t>(bytes), '\0');
  for (std::size_t at = 0; at + 8 <= text.size(); at += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(text.data() + at, &word, sizeof word);
  }
  return text;
}

/// Saves a state of `bytes` (a parameter) where it is wanted, and only opens one it starts from:
/// what is measured is Clavier's part.
void train(worker::TrialContext& trial) {
  const auto bytes = *trial.config().find("bytes")->as<std::int64_t>();
  static const std::string state = noise(kStateBytes);
  const auto open = [&] {
    if (const auto from = trial.checkpoint())
      if (!std::ifstream(*from / "state")) throw std::runtime_error("no state");
  };
  open();
  int takeovers = trial.takeovers();
  for (Steps step = trial.step() + 1;; ++step) {
    const auto save = [&](const fs::path& directory) {
      std::ofstream(directory / "state").write(state.data(), bytes);
    };
    if (trial.report({{"loss", 1.0 / static_cast<double>(step)}}, step, save) ==
        worker::Verdict::kLeave)
      return;
    if (trial.takeovers() == takeovers) continue;
    takeovers = trial.takeovers();
    open();
    step = trial.step();
  }
}

exec::LocalOptions options_of(const fs::path& study, int slots) {
  exec::LocalOptions options{.study = study, .metric = "loss"};
  options.node = {.id = NodeId{0}, .host = "here"};
  for (int i = 0; i < slots; ++i)
    options.node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}});
  options.command = {fs::read_symlink("/proc/self/exe").string()};
  options.checkpoints = {.every = 0, .at_end = false};
  return options;
}

// --- one large state ---

class Large {
 public:
  Large() {
    executor_ = value_of(exec::LocalExecutor::create(options_of(folder_.path(), 2), waker_));
    executor_->wait(kNever);
    config_.set("bytes", kStateBytes);
  }

  exec::Order start(int slot, Steps until, std::optional<Checkpoint> from = {}) {
    exec::Order order;
    const LaunchId launch{next_++};
    order.launch = {launch,
                    {{.trial = TrialId{slot}, .from = std::move(from), .until = until}},
                    {{SlotId{slot}, 1.0}}};
    order.slots = {{.id = SlotId{slot}, .node = NodeId{0}}};
    order.members = {{.config = config_, .directory = fmt::format("trial_{}", slot)}};
    executor_->start(order);
    return order;
  }
  template <typename T>
  T next() {
    while (true) {
      while (!ready_.empty()) {
        const Signal signal = std::move(ready_.front());
        ready_.erase(ready_.begin());
        if (const T* wanted = std::get_if<T>(&signal)) return *wanted;
        CHECK(!std::holds_alternative<CheckpointVoid>(signal));
      }
      ready_ = executor_->wait(kNever);
    }
  }
  void tell(const exec::Order& order, decltype(exec::Message::content) content) {
    executor_->send({order.launch.id, order.launch.members[0].trial, std::move(content)});
  }
  exec::LocalExecutor& executor() { return *executor_; }
  const fs::path& study() const { return folder_.path(); }
  const Config& config() const { return config_; }

  std::uintmax_t state_bytes() const {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(study()))
      if (entry.path().filename() == "state") bytes += entry.file_size();
    return bytes;
  }

 private:
  bench::TemporaryFolder folder_{"checkpoints"};
  Waker waker_ = value_of(Waker::create());
  std::unique_ptr<exec::LocalExecutor> executor_;
  Config config_;
  std::int64_t next_ = 0;
  std::vector<Signal> ready_;
};

/// Of this process: read and written, whatever from.
std::int64_t moved_bytes() {
  std::ifstream io("/proc/self/io");
  std::string word;
  std::int64_t read = 0, written = 0;
  io >> word >> read >> word >> written;
  return read + written;
}

std::string large_state() {
  Large world;
  exec::LocalExecutor& executor = world.executor();

  // A donor that pauses with its state, and how long that takes to be safe.
  const exec::Order donor = world.start(0, 1);
  world.next<Reported>();
  const bench::Watch saving;
  world.tell(donor, exec::PauseNow{});
  const Checkpoint checkpoint = world.next<CheckpointSaved>().checkpoint;
  const double save_ms = milliseconds(saving);
  const bench::Watch syncing;
  executor.durable().wait_until_idle();
  const double sync_ms = milliseconds(syncing);
  world.next<LaunchEnded>();
  const std::uintmax_t states = world.state_bytes();
  std::int64_t moved = moved_bytes();

  // From the decision to the first report with the donor's weights.
  const exec::Order receiver = world.start(1, 1);
  world.next<Reported>();
  std::vector<double> reference;
  for (int i = 0; i < kRepeats; ++i) {
    const bench::Watch watch;
    world.tell(receiver, exec::ExploitFrom{checkpoint, world.config(), checkpoint.step + 1});
    world.next<Reported>();
    reference.push_back(milliseconds(watch));
  }

  // The same slot again and again: from the decision to the first report.
  std::vector<double> again;
  for (int i = 0; i < kRepeats; ++i) {
    const bench::Watch watch;
    const exec::Order order = world.start(0, checkpoint.step + 1, checkpoint);
    world.next<Reported>();
    again.push_back(milliseconds(watch));
    world.tell(order, exec::StopNow{});
    world.next<LaunchEnded>();
  }
  moved = moved_bytes() - moved;
  const std::uintmax_t copied = world.state_bytes() - states;

  // What a tuner without references would do.
  const fs::path state = world.study() / checkpoint.path / "state";
  const fs::path copy = world.study() / "copy";
  std::vector<double> copies, external, checks;
  const std::string bytes = noise(kStateBytes);
  for (int i = 0; i < 5; ++i) {
    fs::remove(copy);
    const bench::Watch copying;
    fs::copy_file(state, copy);
    copies.push_back(milliseconds(copying));
  }
  for (int i = 0; i < 5; ++i) {
    fs::remove(copy);
    const bench::Watch through;
    std::ofstream(copy).write(bytes.data(), kStateBytes);
    const Fd fd(::open(copy.c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(fd && ::fsync(fd.get()) == 0);
    std::vector<char> back(kStateBytes);
    CHECK(std::ifstream(copy).read(back.data(), kStateBytes).gcount() == kStateBytes);
    external.push_back(milliseconds(through));
    const bench::Watch checking;
    const Status good =
        exec::check_checkpoint(world.study() / checkpoint.path, exec::Thorough::kChecksums, 0);
    CHECK(good.ok());
    checks.push_back(milliseconds(checking));
  }
  const double reference_ms = bench::median(reference), copy_ms = bench::median(copies),
               external_ms = bench::median(external);
  fmt::print(
      "exploit by reference {:.3f} ms, private copy {:.1f} ms, write + fsync + read {:.1f} "
      "ms; again on its slot {:.3f} ms, {} state bytes moved\n",
      reference_ms, copy_ms, external_ms, bench::median(again), copied);
  return fmt::format(
      "\"state_mb\": {}, \"reference_ms\": {:.3f}, \"copy_ms\": {:.1f}, "
      "\"write_fsync_read_ms\": {:.1f}, \"reference_speedup\": {:.0f}, \"copy_speedup\": {:.2f}, "
      "\"again_ms\": {:.3f}, \"again_state_bytes\": {}, \"tuner_bytes_per_dispatch\": {}, "
      "\"save_ms\": {:.1f}, \"sync_ms\": {:.1f}, \"check_ms\": {:.1f}",
      kStateBytes / 1'000'000, reference_ms, copy_ms, external_ms, external_ms / reference_ms,
      external_ms / copy_ms, bench::median(again), copied, moved / (2 * kRepeats), save_ms, sync_ms,
      bench::median(checks));
}

// --- kill -9 ---

/// Eight trials on four slots that take two milliseconds for a step, a checkpoint every kInterval.
void play(const fs::path& folder) {
  exec::LocalOptions options = options_of(folder, 4);
  options.checkpoints = {.every = kInterval, .at_end = false};
  options.seconds_per_step = 0.002;
  for (Slot& slot : options.node.slots) slot.emulated = true;
  Space space;
  space.parameters = {{"bytes", Integer{90'000, 100'000}}};
  search::RandomSearch searcher(space, 1);
  sched::Fifo scheduler({.max_steps = 200});
  cluster::FirstFit planner;
  const Waker waker = value_of(Waker::create());
  const auto executor = value_of(exec::LocalExecutor::create(options, waker));
  auto log = value_of(store::StepLog::open(folder / "study.db", {.metric = "loss"}));
  tuner::Mailbox mailbox(waker);
  tuner::Tuner tuner(
      {.name = "killed", .objective = {"loss", Mode::kMin}, .trials = 8, .careful_start = false},
      {searcher, scheduler, planner},
      {.executor = *executor, .log = log, .waker = waker, .mailbox = mailbox});
  CHECK(tuner.recover().ok());
  value_of(tuner.run({}));
}

struct Seen {
  std::int64_t reports = 0;
  int runs = 0;
  int voids = 0;
  Steps lost = 0;  ///< The most that a trial had to do again.
  bool finished = false;
};

Seen look(const fs::path& folder) {
  Seen seen;
  auto log = store::StepLog::open_to_read(folder / "study.db");
  if (!log) return seen;
  std::map<TrialId, Steps> at;
  std::set<TrialId> resumed;
  (void)log->read(StepId{0}, store::Metrics::kSkip, [&](const Step& step) -> Status {
    if (std::holds_alternative<Opened>(step.turn.input)) ++seen.runs;
    if (const auto* signal = std::get_if<Signal>(&step.turn.input)) {
      if (const auto* reported = std::get_if<Reported>(signal))
        for (const Report& report : reported->reports) {
          ++seen.reports;
          at[report.trial] = report.step;
        }
      seen.voids += std::holds_alternative<CheckpointVoid>(*signal) ? 1 : 0;
    }
    for (const Launch& launch : step.fill.launches)
      for (const Member& member : launch.members)
        if (seen.runs > 1 && at.contains(member.trial) && resumed.insert(member.trial).second)
          seen.lost =
              std::max(seen.lost, at[member.trial] - (member.from ? member.from->step : Steps{0}));
    seen.finished = step.fill.finished.has_value();
    return {};
  });
  return seen;
}

std::string killed() {
  constexpr int kKills = 5;
  Steps lost = 0;
  int voids = 0, finished = 0;
  for (int i = 0; i < kKills; ++i) {
    const bench::TemporaryFolder folder("killed");
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string self = fs::read_symlink("/proc/self/exe").string();
      ::execl(self.c_str(), self.c_str(), "--tuner", folder.path().c_str(), nullptr);
      ::_exit(127);
    }
    while (look(folder.path()).reports < 150 + 137 * i && ::waitpid(child, nullptr, WNOHANG) == 0)
      ::usleep(5000);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    play(folder.path());
    const Seen seen = look(folder.path());
    CHECK(seen.runs == 2, "the study had ended before it was killed");
    lost = std::max(lost, seen.lost);
    voids += seen.voids;
    finished += seen.finished ? 1 : 0;
  }
  fmt::print(
      "{} tuners killed with -9: at most {} steps done again (interval {}), {} of {} "
      "studies finished\n",
      kKills, lost, kInterval, finished, kKills);
  return fmt::format(
      "\"kills\": {}, \"interval\": {}, \"most_steps_lost\": {}, \"voids\": {}, "
      "\"finished\": {}",
      kKills, kInterval, lost, voids, finished);
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto status = exec::guard_main_if_asked(argc, argv)) return *status;
  if (::getenv("CLAVIER_FD") != nullptr) return worker::worker_main(train, {.exploit = true});
  if (argc == 3 && std::strcmp(argv[1], "--tuner") == 0) return play(argv[2]), 0;
  const std::string large = large_state();
  fmt::print("{{{}, {}}}\n", large, killed());
}
