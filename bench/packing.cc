// bench packing: small trials that share GPUs, against one trial per GPU, in virtual time
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/measure.h"
#include "cluster/first_fit.h"
#include "exec/sim/power_law.h"
#include "exec/sim/sim_executor.h"
#include "sched/asha.h"
#include "sched/asha_promotion.h"
#include "sched/fifo.h"
#include "search/random.h"
#include "tests/support/synchronous_halving.h"
#include "tuner/tuner.h"

namespace {

using namespace clavier;

constexpr Steps kSteps = 81;
constexpr int kGpus = 2;
constexpr std::uint64_t kSeeds = 11;

struct Setting {
  std::string scheduler = "stopping";  ///< Or promotion, synchronous, fifo.
  std::vector<double> sharing = {1};   ///< What k trials on a GPU do in total.
  std::size_t trials = 243;
  bool all_open = false;  ///< As many trials on a GPU as it has places, from the beginning.
  double noise = 0.1;
  double start_seconds = 0.5;
};

Space space() {
  Space space;
  space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}}, {"width", Integer{8, 64}}};
  return space;
}

exec::SimOptions cluster_of(const Setting& setting, std::uint64_t seed) {
  exec::SimOptions options;
  options.metric = "loss";
  options.start_seconds = setting.start_seconds;
  options.noise = setting.noise;
  options.seed = seed;
  auto& slots = options.nodes.front().slots;
  slots.clear();
  for (int gpu = 0; gpu < kGpus; ++gpu)
    for (std::size_t place = 0; place < setting.sharing.size(); ++place) {
      exec::SimSlot slot{.gpu_ids = {gpu}, .sharing = setting.sharing};
      // Fractions are the user's decision.
      slot.resources.gpus = setting.all_open ? 0.5 : 1;
      slots.push_back(std::move(slot));
    }
  return options;
}

/// Wide trials take longer: what runs side by side is unequal.
exec::Curve curve() {
  exec::Curve curve = exec::power_law(space(), {.steps = kSteps});
  curve.cost = [](const Config& config, Steps) { return *config.find("width")->number() / 36; };
  return curve;
}

std::unique_ptr<sched::Scheduler> scheduler_of(const Setting& setting, const Objective& objective) {
  const sched::AshaOptions halving{.max_steps = kSteps, .grace = 1, .reduction = 3};
  if (setting.scheduler == "synchronous")
    return sched::synchronous_halving(objective, setting.trials, {1, 3, 9, 27, 81}, 3);
  if (setting.scheduler == "fifo")
    return std::make_unique<sched::Fifo>(sched::FifoOptions{.max_steps = kSteps});
  if (setting.scheduler == "promotion")
    return std::make_unique<sched::AshaPromotion>(objective, halving, 1);
  return std::make_unique<sched::Asha>(objective, halving, 1);
}

struct Outcome {
  double seconds = 0;
  double best = 0;
};

/// Until the study is over, or has found something as good as `goal`.
Outcome run(const Setting& setting, std::uint64_t seed, std::optional<double> goal = {}) {
  search::RandomSearch searcher(space(), seed);
  tuner::StudyOptions study{.name = "packing", .objective = {"loss", Mode::kMin}};
  study.trials = static_cast<std::int64_t>(setting.trials);
  study.seed = seed;
  study.study_rules.metric = goal;
  const auto scheduler = scheduler_of(setting, study.objective);
  cluster::FirstFit planner;
  const auto executor = exec::SimExecutor::create(cluster_of(setting, seed), curve()).value();
  Waker waker = Waker::create().value();
  tuner::Mailbox mailbox(waker);
  store::StepLog log = store::StepLog::none();
  tuner::Tuner tuner(study, {searcher, *scheduler, planner},
                     {.executor = *executor,
                      .log = log,
                      .waker = waker,
                      .mailbox = mailbox,
                      .tick = StudyDuration::zero()});
  CHECK(tuner.recover().ok());
  CHECK(tuner.run({}).ok());
  const State& state = tuner.state();
  CHECK(state.finished() && state.finished()->kind != FinishKind::kFailure);
  return {seconds(state.now()), state.trial(*state.best()).best->value};
}

enum class Until { kOver, kAsGood };

/// How many times longer `slow` takes: prints all of it, answers with the median of the seeds.
double compare(const std::string& what, const Setting& slow, const Setting& fast,
               Until until = Until::kOver) {
  std::vector<double> ratios;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome first = run(slow, seed);
    const auto goal = until == Until::kAsGood ? std::optional(first.best) : std::nullopt;
    ratios.push_back((goal ? run(slow, seed, goal) : first).seconds /
                     run(fast, seed, goal).seconds);
  }
  std::ranges::sort(ratios);
  const double median = bench::median(ratios);
  fmt::print("  {}: {:.3f} ({:.3f} to {:.3f})\n", what, median, ratios.front(), ratios.back());
  return median;
}

Setting with(Setting setting, std::vector<double> sharing) {
  setting.sharing = std::move(sharing);
  return setting;
}

/// Of halving with so many trials.
struct Halving {
  double async = 0, promotion = 0, sync = 0, async_to_sync = 0, until_as_good = 0;
};

Halving halving(std::size_t trials, const std::vector<double>& sharing) {
  const Setting async{.trials = trials};
  const Setting promotion{.scheduler = "promotion", .trials = trials};
  const Setting sync{.scheduler = "synchronous", .trials = trials};
  fmt::print("{} trials of up to {} steps, on a GPU 1 to {} do {} in total\n", trials, kSteps,
             sharing.size(), fmt::join(sharing, ", "));
  Halving all;
  all.async = compare("stopping ASHA, packed against unpacked", async, with(async, sharing));
  all.promotion =
      compare("promotion ASHA, packed against unpacked", promotion, with(promotion, sharing));
  all.sync = compare("synchronous halving, packed against unpacked", sync, with(sync, sharing));
  all.async_to_sync = compare("packed stopping ASHA against unpacked synchronous halving", sync,
                              with(async, sharing));
  all.until_as_good =
      compare("the same until it has found as good", sync, with(async, sharing), Until::kAsGood);
  return all;
}

/// What 1 to 5 trials do in total, each adding less than the one before, perhaps less than nothing.
std::vector<double> random_curve(std::uint64_t seed) {
  Rng rng = Rng::keyed(seed);
  std::vector<double> totals{1};
  for (double adds = 1; totals.size() < 5; totals.push_back(std::max(0.3, totals.back() + adds)))
    adds = adds * (0.5 + 0.5 * rng.uniform()) - 0.25 * rng.uniform();
  return totals;
}

/// 60 random curves: packed over the best of all fixed numbers of trials per GPU.
struct Distance {
  double median = 0, most = 0;
};

Distance to_best_fixed(const std::string& what, const Setting& setting) {
  std::vector<double> ratios;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const std::vector<double> curve = random_curve(seed);
    double best = std::numeric_limits<double>::infinity();
    for (auto end = curve.begin() + 1; end <= curve.end(); ++end) {
      Setting fixed = with(setting, {curve.begin(), end});
      fixed.all_open = true;
      best = std::min(best, run(fixed, seed).seconds);
    }
    ratios.push_back(run(with(setting, curve), seed).seconds / best);
  }
  std::ranges::sort(ratios);
  fmt::print("  {}: {:.3f} ({:.3f} to {:.3f}, nine of ten up to {:.3f})\n", what,
             bench::median(ratios), ratios.front(), ratios.back(), ratios[54]);
  return {bench::median(ratios), ratios.back()};
}

}  // namespace

int main() {
  fmt::print(
      "{} GPUs, successive halving by 3, {} seeds: how many times sooner, median (least to most)\n",
      kGpus, kSeeds);
  const std::vector<double> gains{1, 1.9, 2.6, 3.0};
  const Halving many = halving(243, gains), few = halving(81, gains);
  const Halving little = halving(243, {1, 1.3, 1.4, 1.4});
  const Setting async, fifo{.scheduler = "fifo", .trials = 20};
  fmt::print("20 trials to their end, on a GPU 1 to 4 do {} in total\n", fmt::join(gains, ", "));
  const double vs_fifo = compare("packed against unpacked", fifo, with(fifo, gains));
  const std::vector<double> loses{1, 0.8};
  fmt::print("on a GPU 1 or 2 do {} in total: the price of trying, time packed over unpacked\n",
             fmt::join(loses, ", "));
  const double price = compare("stopping ASHA, 243 trials", with(async, loses), async);
  const double price_fifo = compare("20 trials to their end", with(fifo, loses), fifo);
  fmt::print("60 random concave curves of 5 trials, time packed over the best fixed number\n");
  const Distance fixed =
      to_best_fixed("60 trials to their end", {.scheduler = "fifo", .trials = 60});
  const Distance fixed_async = to_best_fixed("stopping ASHA, 243 trials", async);
  fmt::print(
      "{{\"packing_vs_async\": {:.3f}, \"packing_vs_async_promotion\": {:.3f}, "
      "\"packing_vs_sync\": {:.3f}, \"packing_vs_sync_until_as_good\": {:.3f}, "
      "\"packing_sync_vs_sync\": {:.3f}, \"packing_vs_async_81\": {:.3f}, "
      "\"packing_vs_sync_81\": {:.3f}, \"packing_vs_async_little\": {:.3f}, "
      "\"packing_vs_fifo\": {:.3f}, \"packing_loss_price\": {:.3f}, "
      "\"packing_loss_price_fifo\": {:.3f}, \"packing_over_best_fixed\": {:.3f}, "
      "\"packing_over_best_fixed_worst\": {:.3f}, \"packing_over_best_fixed_async\": {:.3f}}}\n",
      many.async, many.promotion, many.async_to_sync, many.until_as_good, many.sync, few.async,
      few.async_to_sync, little.async, vs_fifo, price, price_fifo, fixed.median, fixed.most,
      fixed_async.median);
}
