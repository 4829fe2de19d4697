// bench search: searchers against Optuna's and Rustuna's: quality on closed-form problems, time per
// suggestion
//
// The part of bench/search.py that is ours. Each command prints lines of JSON.
//
// problems: every problem with its space.
//
// run SEARCHER SEEDS PENDING TRIALS…: the loss of the best trial after so many trials, by problem
// and seed.
//
// time SEARCHER DIMENSIONS TRIALS: milliseconds per suggestion with so many finished trials.
//
// long SEARCHER DIMENSIONS TRIALS: the same after 1,000, 10,000, … trials, and the memory taken.
//
// serve: answers lines "PROBLEM SEED TRIAL VALUE…" with the loss and what a trial reports; a value
// is a number, a choice's index, or "-".
//
// ask SEARCHER DIMENSIONS SEED TRIALS: writes points in [-5, 5]ⁿ and reads the loss of each.
#include <fmt/format.h>

#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/match.h"
#include "base/rng.h"
#include "bench/measure.h"
#include "bench/search_problems.h"
#include "search/auto.h"
#include "search/cmaes.h"
#include "search/evolution.h"
#include "search/gp.h"
#include "search/random.h"
#include "search/sobol.h"
#include "search/tpe.h"
#include "study/state.h"
#include "study/text.h"

namespace clavier::bench {
namespace {

using search::Searcher;

std::unique_ptr<Searcher> make(std::string_view name, const Space& space, std::uint64_t seed) {
  if (name == "random") return std::make_unique<search::RandomSearch>(space, seed);
  if (name == "sobol") return std::make_unique<search::SobolSearch>(space, seed);
  if (name == "tpe") return std::make_unique<search::TpeSearch>(space, seed);
  if (name == "gp") return std::make_unique<search::GpSearch>(space, seed);
  if (name == "evolution") return std::make_unique<search::EvolutionSearch>(space, seed);
  if (name == "auto") return std::make_unique<search::AutoSearch>(space, seed);
  if (name == "cmaes") return std::make_unique<search::CmaesSearch>(space, seed);
  fmt::print(stderr, "no searcher is called '{}'\n", name);
  std::exit(2);
}

double reported(const Problem& problem, std::uint64_t seed, std::int64_t trial, double loss) {
  if (problem.noise == 0) return loss;
  return loss + problem.noise * Rng::keyed(seed, trial, stable_hash("noise")).normal();
}

/// A study without tuner whose trials report once and end.
class Searched {
 public:
  explicit Searched(std::unique_ptr<Searcher> searcher) : searcher_(std::move(searcher)) {
    turn(Opened{});
  }

  const State& state() const { return state_; }

  /// Null when the searcher has none left.
  const Config* begin() {
    const TrialId id{static_cast<std::int64_t>(state_.trials().size())};
    search::Suggestion suggestion = searcher_->suggest(state_, id);
    auto* const config = std::get_if<Config>(&suggestion);
    if (!config) return nullptr;
    Fill fill;
    fill.created.push_back({.id = id, .config = std::move(*config)});
    fill.launches.push_back(
        {.id = LaunchId{id.value}, .members = {{.trial = id}}, .shares = {{SlotId{0}, 1}}});
    state_.apply(fill, state_.now());
    return &state_.trials().back().config;
  }
  void end(TrialId id, double value) {
    Report report{.trial = id, .launch = LaunchId{id.value}, .step = 1, .value = value};
    turn(Signal(Reported{{std::move(report)}}));
    turn(Signal(Exited{.trial = id, .launch = LaunchId{id.value}}));
  }

 private:
  void turn(Input input) {
    Turn turn{
        .id = StepId{next_}, .time = study_time(next_ * 1'000'000), .input = std::move(input)};
    ++next_;
    state_.apply(turn);
    searcher_->observe(turn, state_);
  }

  std::unique_ptr<Searcher> searcher_;
  State state_{Objective{"loss", Mode::kMin}, RetryLimits{}};
  std::int64_t next_ = 0;
};

/// The true loss of the trial that reported best after each number of trials.
std::vector<double> run(const Problem& problem, std::string_view searcher, std::uint64_t seed,
                        const std::vector<int>& trials, std::size_t pending) {
  Searched study(make(searcher, problem.space, seed));
  std::vector<double> losses, found;
  std::deque<std::int64_t> running;
  for (const int until : trials) {
    while (static_cast<int>(losses.size()) < until) {
      const Config* const config = study.begin();
      if (!config) break;
      running.push_back(static_cast<std::int64_t>(losses.size()));
      losses.push_back(problem.loss(*config));
      if (running.size() < pending) continue;
      const std::int64_t first = running.front();
      running.pop_front();
      study.end(TrialId{first},
                reported(problem, seed, first, losses[static_cast<std::size_t>(first)]));
    }
    const auto best = study.state().best();
    found.push_back(best ? losses[static_cast<std::size_t>(best->value)] : 1e300);
  }
  return found;
}

std::string space_json(const Problem& problem) {
  std::string parameters, constraints;
  for (const Parameter& parameter : problem.space.parameters) {
    std::string domain = match(
        parameter.domain,
        [](const Real& real) {
          return fmt::format(R"("kind":"real","low":{},"high":{},"log":{})", real.low, real.high,
                             real.scale == Scale::kLog);
        },
        [](const Integer& whole) {
          return fmt::format(R"("kind":"integer","low":{},"high":{},"log":{},"step":{})", whole.low,
                             whole.high, whole.scale == Scale::kLog, whole.step);
        },
        [](const Choice& choice) {
          return fmt::format(R"("kind":"choice","options":{})",
                             text::to_json(Value(Value::List(choice.options))));
        },
        [](const auto&) -> std::string { CHECK(false); });
    std::string when;
    for (const Condition& condition : parameter.when)
      when += fmt::format(R"({}["{}",{}])", when.empty() ? "" : ",", condition.parent,
                          text::to_json(Value(Value::List(condition.values))));
    parameters += fmt::format(R"({}{{"name":"{}",{},"when":[{}]}})", parameters.empty() ? "" : ",",
                              parameter.name, domain, when);
  }
  for (const std::string& constraint : problem.space.constraints)
    constraints += fmt::format(R"({}"{}")", constraints.empty() ? "" : ",", constraint);
  return fmt::format(R"({{"problem":"{}","parameters":[{}],"constraints":[{}]}})", problem.name,
                     parameters, constraints);
}

int serve() {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string name, word;
    std::uint64_t seed = 0;
    std::int64_t trial = 0;
    words >> name >> seed >> trial;
    const auto& all = search_problems();
    const auto problem = std::ranges::find(all, name, &Problem::name);
    CHECK(problem != all.end());
    Config config;
    for (const Parameter& parameter : problem->space.parameters) {
      words >> word;
      if (word == "-") continue;
      if (const auto* choice = std::get_if<Choice>(&parameter.domain))
        config.append(parameter.name, choice->options[std::stoul(word)]);
      else
        config.append(parameter.name, std::stod(word));
    }
    const double loss = problem->loss(config);
    fmt::print("{} {}\n", loss, reported(*problem, seed, trial, loss));
    std::fflush(stdout);
  }
  return 0;
}

Space cube(int dimensions, double low, double high) {
  Space space;
  for (int i = 0; i < dimensions; ++i)
    space.parameters.push_back({fmt::format("x{}", i), Real{low, high}});
  return space;
}

/// Squared, to where the least is.
double distance(const Config& config) {
  double loss = 0;
  for (const Config::Entry& entry : config.entries()) {
    const double x = *entry.value.number() - 0.3;
    loss += x * x;
  }
  return loss;
}

int time(std::string_view searcher, int dimensions, int trials) {
  Searched study(make(searcher, cube(dimensions, 0, 1), 1));
  std::vector<double> milliseconds;
  for (int trial = 0; trial < trials + 20; ++trial) {
    const Watch watch;
    const Config* const config = study.begin();
    if (trial >= trials) milliseconds.push_back(watch.seconds() * 1e3);
    study.end(TrialId{trial}, distance(*config));
  }
  fmt::print(R"({{"searcher":"{}","dimensions":{},"trials":{},"ms":{:.5f}}})"
             "\n",
             searcher, dimensions, trials, median(milliseconds));
  return 0;
}

/// Whether it is a power of ten from 1,000 on.
bool is_mark(int trials) {
  while (trials > 1000 && trials % 10 == 0) trials /= 10;
  return trials == 1000;
}

int lasting(std::string_view searcher, int dimensions, int trials) {
  constexpr int kTimed = 50;
  const double before = resident_mb();
  Searched study(make(searcher, cube(dimensions, 0, 1), 1));
  std::string marks;
  std::vector<double> milliseconds;
  for (int trial = 0, timed = 0; trial < trials + kTimed; ++trial) {
    if (is_mark(trial)) timed = kTimed;
    const Watch watch;
    const Config* const config = study.begin();
    if (timed > 0) milliseconds.push_back(watch.seconds() * 1e3);
    if (timed > 0 && --timed == 0) {
      marks += fmt::format(R"({}"{}":{:.5f})", marks.empty() ? "" : ",", trial + 1 - kTimed,
                           median(milliseconds));
      milliseconds.clear();
    }
    study.end(TrialId{trial}, distance(*config));
  }
  fmt::print(R"({{"searcher":"{}","dimensions":{},"ms":{{{}}},"mb":{:.1f}}})"
             "\n",
             searcher, dimensions, marks, resident_mb() - before);
  return 0;
}

int ask(std::string_view searcher, int dimensions, std::uint64_t seed, int trials) {
  Searched study(make(searcher, cube(dimensions, -5, 5), seed));
  for (int trial = 0; trial < trials; ++trial) {
    std::string point;
    for (const Config::Entry& entry : study.begin()->entries())
      point += fmt::format("{}{}", point.empty() ? "" : " ", *entry.value.number());
    fmt::print("{}\n", point);
    std::fflush(stdout);
    std::string loss;
    if (!std::getline(std::cin, loss)) return 1;
    study.end(TrialId{trial}, std::stod(loss));
  }
  return 0;
}

int main_of(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "" : words[0];
  if (command == "serve") return serve();
  if (command == "problems") {
    for (const Problem& problem : search_problems()) fmt::print("{}\n", space_json(problem));
    return 0;
  }
  if (command == "time" && words.size() == 4)
    return time(words[1], std::stoi(words[2]), std::stoi(words[3]));
  if (command == "long" && words.size() == 4)
    return lasting(words[1], std::stoi(words[2]), std::stoi(words[3]));
  if (command == "ask" && words.size() == 5)
    return ask(words[1], std::stoi(words[2]), std::stoull(words[3]), std::stoi(words[4]));
  if (command == "run" && words.size() > 4) {
    const auto pending = static_cast<std::size_t>(std::stoi(words[3]));
    std::vector<int> trials;
    for (std::size_t i = 4; i < words.size(); ++i) trials.push_back(std::stoi(words[i]));
    for (const Problem& problem : search_problems()) {
      for (int seed = 1; seed <= std::stoi(words[2]); ++seed)
        fmt::print(
            R"({{"problem":"{}","searcher":"{}","seed":{},"losses":[{:.9g}]}})"
            "\n",
            problem.name, words[1], seed,
            fmt::join(run(problem, words[1], static_cast<std::uint64_t>(seed), trials, pending),
                      ","));
    }
    return 0;
  }
  fmt::print(stderr,
             "usage: bench_search problems | run SEARCHER SEEDS PENDING TRIALS… | time SEARCHER "
             "DIMENSIONS TRIALS | long SEARCHER DIMENSIONS TRIALS | serve | ask SEARCHER "
             "DIMENSIONS SEED TRIALS\n");
  return 2;
}

}  // namespace
}  // namespace clavier::bench

int main(int count, char** words) { return clavier::bench::main_of({words + 1, words + count}); }
