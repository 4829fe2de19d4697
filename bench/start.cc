// bench start: from the launch of a trial to its first report, warm and with a cold LibTorch worker
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "app/run_study.h"
#include "app/study_file.h"
#include "app/trainer.h"
#include "bench/measure.h"
#include "clavier.h"
#include "exec/local/local_executor.h"

namespace {

using namespace clavier;

const Registered one_report("one_report",
                            [](TrialContext& trial) { trial.report({{"loss", 0.0}}); });

exec::Order order(std::int64_t number, const Node& node) {
  exec::Order order;
  order.launch.id = LaunchId{number};
  order.launch.members.push_back({.trial = TrialId{number}});
  order.launch.shares.push_back({.slot = node.slots.front().id});
  order.configs.emplace_back();
  order.directories.push_back(fmt::format("trial_{}", number));
  order.slot = node.slots.front();
  return order;
}

/// Milliseconds from `start` to the first report of each of `count` trials, one after another.
std::vector<double> first_reports(std::vector<std::string> command, int count) {
  const bench::TemporaryFolder folder("start");
  app::StudySpec spec;
  spec.cluster.workers = 1;
  auto waker = Waker::create();
  auto node = app::this_node(spec);
  auto executor = exec::LocalExecutor::create({.study = folder.path(),
                                               .metric = "loss",
                                               .node = *node,
                                               .command = std::move(command)},
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
  // A LibTorch program from its start to its readiness: `--describe` loads everything and leaves.
  for (int i = 0; i < 7; ++i) {
    const bench::Watch watch;
    if (std::system(fmt::format("'{}' --hello >/dev/null", *trainer).c_str()) != 0) return 1;
    cold.push_back(watch.seconds() * 1e3);
  }
  fmt::print("{{\"warm_ms\": {:.3f}, \"cold_ms\": {:.0f}}}\n", bench::median(warm),
             bench::median(cold));
  return 0;
}
