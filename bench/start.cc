// bench start: from the launch of a trial to its first report, warm and with a cold LibTorch worker
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "app/study_file.h"
#include "app/this_node.h"
#include "app/trainer.h"
#include "base/fd.h"
#include "base/subprocess.h"
#include "bench/measure.h"
#include "clavier.h"
#include "exec/local/local_executor.h"

namespace {

using namespace clavier;

const Registered one_report("one_report", [](TrialContext& trial) {
  trial.report({{"loss", 0.0}});
});

exec::Order order(std::int64_t number, const Node& node) {
  exec::Order order;
  order.launch.id = LaunchId{number};
  order.launch.members.push_back({.trial = TrialId{number}});
  order.launch.shares.push_back({.slot = node.slots.front().id});
  order.members = {{.directory = fmt::format("trial_{}", number)}};
  order.slots = {node.slots.front()};
  return order;
}

/// Milliseconds from `start` to the first report of each of `count` trials, one after another.
std::vector<double> first_reports(std::vector<std::string> command, int count) {
  const bench::TemporaryFolder folder("start");
  app::StudySpec spec;
  spec.cluster.workers = 1;
  auto waker = Waker::create();
  auto node = app::this_node(spec);
  auto executor = exec::LocalExecutor::create(
      {.study = folder.path(), .metric = "loss", .node = *node, .command = std::move(command)},
      *waker);
  if (!executor.ok()) std::exit(1);
  std::vector<double> milliseconds;
  for (int number = 0; number < count; ++number) {
    const bench::Watch watch;
    (*executor)->start(order(number, *node));
    for (bool reported = false, ended = false; !ended;) {
      for (const Signal& signal : (*executor)->wait(kNever)) {
        if (std::holds_alternative<Reported>(signal) && !reported) {
          milliseconds.push_back(watch.seconds() * 1e3);
          reported = true;
        }
        if (const auto* exited = std::get_if<Exited>(&signal); exited && !reported) {
          fmt::print(stderr, "the trial failed: {}\n", exited->error);
          std::exit(1);
        }
        ended = ended || std::holds_alternative<LaunchEnded>(signal);
      }
    }
  }
  return milliseconds;
}

/// Milliseconds from the start of the built-in trainer to its hello: LibTorch is loaded then.
double hello_ms(const std::string& trainer) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::exit(1);
  Fd ours(ends[0]), theirs(ends[1]);
  SpawnOptions options{.program = trainer, .argv = {trainer, "--spec", "{\"model\": \"net\"}"}};
  for (char** variable = environ; *variable; ++variable)
    options.environment.emplace_back(*variable);
  options.environment.emplace_back("CLAVIER_FD=3");
  options.environment.emplace_back("OMP_NUM_THREADS=1");
  options.descriptors = {{theirs.get(), 3}};
  const bench::Watch watch;
  const auto process = Process::spawn(options);
  theirs.reset();
  char first = 0;
  if (!process.ok() || ::read(ours.get(), &first, 1) != 1) std::exit(1);
  return watch.seconds() * 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  init(argc, argv);
  const auto self = std::filesystem::read_symlink("/proc/self/exe").string();
  auto warm = first_reports({self, "--clavier-worker", "one_report"}, 201);
  warm.erase(warm.begin());
  std::vector<double> cold;
  const auto trainer = app::find_trainer();
  if (!trainer.ok()) {
    fmt::print(stderr, "{}\n", trainer.error().message);
    return 1;
  }
  for (int i = 0; i < 7; ++i) cold.push_back(hello_ms(*trainer));
  fmt::print("{{\"warm_ms\": {:.3f}, \"cold_ms\": {:.0f}}}\n", bench::median(warm),
             bench::median(cold));
  return 0;
}
