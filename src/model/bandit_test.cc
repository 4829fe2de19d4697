#include "model/bandit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/noisy_quadratic.h"

namespace clavier::model {
namespace {

const Box kUnit{{0}, {1}};
constexpr Steps kInterval = 30;
constexpr int kMembers = 6;
constexpr int kRounds = 6;

/// A learning rate between 1e-3 and 1, on a logarithmic scale.
double rate_at(double x) { return std::pow(10, -3 + 3 * x); }

/// An interval of training: the reward after it. `weights` are trained on.
double train(exec::Weights& weights, double x) {
  static const exec::Curve curve = bench::noisy_quadratic();
  Config config;
  config.set("lr", rate_at(x));
  config.set("momentum", 0.5);
  for (Steps step = 1; step <= kInterval; ++step) curve.learn(weights, config, TrialId{0}, step, 0);
  return -curve.evaluate(weights, TrialId{0}, 10, 0).front().value;
}

/// Mean regret of a population that always goes on from its best weights: how much more than its
/// learning rates the best of a grid would have gained in the same interval. What is best drifts:
/// large rates first, then smaller and smaller ones.
template <typename Suggest>
double regret(std::uint64_t seed, Suggest suggest) {
  exec::Weights weights;
  train(weights, 0);
  double reward = -bench::noisy_quadratic().evaluate(weights, TrialId{0}, 10, 0).front().value;
  std::vector<Gain> gains;
  double sum = 0;
  int counted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Level level{kInterval * round, reward};
    Rng rng = Rng::keyed(seed, round);
    std::vector<std::vector<double>> tried;
    std::vector<Gain> gained;
    exec::Weights best_weights;
    double best = -1e9, possible = -1e9;
    for (double x = 0; x <= 1; x += 0.05) {
      exec::Weights there = weights;
      possible = std::max(possible, train(there, x));
    }
    for (int i = 0; i < kMembers; ++i) {
      tried.push_back(round == 0 ? std::vector{rng.uniform()} : suggest(gains, level, tried, rng));
      exec::Weights there = weights;
      const double after = train(there, tried.back()[0]);
      if (round > 0) sum += possible - after, ++counted;
      gained.push_back(
          {kInterval * (round + 1), reward, tried.back(), (after - reward) / kInterval});
      if (after > best) best = after, best_weights = std::move(there);
    }
    gains.insert(gains.end(), gained.begin(), gained.end());
    weights = std::move(best_weights);
    reward = best;
  }
  return sum / counted;
}

std::vector<double> by_bandit(const std::vector<Gain>& gains, const Level& level,
                              const std::vector<std::vector<double>>& pending, Rng& rng) {
  return worth_trying(gains, level, pending, kUnit, rng).front();
}

TEST(Bandit, RegretsLessThanUniformDrawsWhereTheBestRateDrifts) {
  int wins = 0;
  double ours = 0, uniform = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const double mine = regret(seed, by_bandit);
    const double drawn =
        regret(seed, [](auto&, auto&, auto&, Rng& rng) { return std::vector{rng.uniform()}; });
    wins += mine < drawn;
    ours += mine / 20;
    uniform += drawn / 20;
  }
  EXPECT_GE(wins, 18) << ours << " against " << uniform;
  EXPECT_LT(ours, 0.6 * uniform);
}

std::vector<Gain> hill(std::size_t count) {
  std::vector<Gain> gains;
  Rng rng(11);
  for (std::size_t i = 0; i < count; ++i) {
    const double x = rng.uniform();
    gains.push_back({static_cast<Steps>(i),
                     0.1 * static_cast<double>(i),
                     {x},
                     -(x - 0.7) * (x - 0.7) + 0.01 * rng.normal()});
  }
  return gains;
}

TEST(Bandit, SuggestsTheSameAgainAndWithinTheBox) {
  const auto gains = hill(40);
  const Box box{{0.1}, {0.5}};
  Rng first(1), second(1);
  const auto once = worth_trying(gains, {40, 4}, {{0.4}}, box, first);
  EXPECT_EQ(once, worth_trying(gains, {40, 4}, {{0.4}}, box, second));
  for (const auto& x : once) {
    EXPECT_GE(x[0], 0.1 - kGrain);
    EXPECT_LE(x[0], 0.5 + kGrain);
  }
  EXPECT_NEAR(once.front()[0], 0.5, 0.05) << "the top of the hill is beyond the box";
}

TEST(Bandit, APendingPointSendsTheNextOneElsewhere) {
  // What is known is rugged and far away: where to go is only a matter of doubt.
  std::vector<Gain> gains;
  for (int i = 0; i < 12; ++i) gains.push_back({i, 0, {0.04 * i}, std::cos(31.4 * 0.04 * i)});
  const Box box{{0.5}, {1}};
  Rng first(1), second(1);
  const double alone = worth_trying(gains, {12, 0}, {}, box, first).front()[0];
  const double beside = worth_trying(gains, {12, 0}, {{alone}}, box, second).front()[0];
  EXPECT_GT(std::abs(alone - beside), 0.02);
}

TEST(Bandit, KeepsTheNewestGainsWhereTheLandscapeHasTurned) {
  std::vector<Gain> gains;
  Rng rng(2);
  for (int i = 0; i < 420; ++i) {
    const double x = rng.uniform(), top = i < 210 ? 0.1 : 0.9;
    gains.push_back({i, 0, {x}, -std::abs(x - top) + 0.01 * rng.normal()});
  }
  Rng draws(3);
  EXPECT_NEAR(worth_trying(gains, {420, 0}, {}, kUnit, draws).front()[0], 0.9, 0.08);
}

}  // namespace
}  // namespace clavier::model
