#pragma once

#include <cmath>

#include "base/rng.h"
#include "study/step.h"

/// Steps with everything that a step may hold, for tests of whatever stores or sends them.
namespace clavier {

/// A different record for each state of `rng`; all alternatives turn up within some hundred calls.
/// Objective values are never NaN, so that equal records compare equal.
class RandomStep {
 public:
  explicit RandomStep(std::uint64_t seed) : rng_(seed) {}

  Step step(StepId id) {
    Step step;
    step.turn.id = id;
    step.turn.time = study_time(id.value * 1000 + static_cast<std::int64_t>(rng_.below(1000)));
    step.turn.input = input();
    step.turn.late = one_in(10);
    for (std::uint64_t n = rng_.below(3); n > 0; --n) step.turn.decisions.push_back(decision());
    if (one_in(3)) step.fill = fill();
    return step;
  }

  Input input() {
    switch (rng_.below(18)) {
      case 0:
        return Opened{.utc_us = whole(),
                      .version = text(),
                      .commit = text(),
                      .seed = rng_.next(),
                      .trials = maybe(kForever),
                      .study = text(),
                      .origin = text(),
                      .rebuilt = one_in(2)};
      case 1: return Signal(CheckpointSaved{checkpoint()});
      case 2:
        return Signal(Exited{.trial = {id()},
                             .launch = {id()},
                             .kind = static_cast<ExitKind>(rng_.below(6)),
                             .error = text(),
                             .log_tail = text()});
      case 3: return Signal(LaunchEnded{{id()}});
      case 4: return Signal(Waiting{{id()}, text()});
      case 5: return Signal(NodeJoined{node()});
      case 6: return Signal(NodeLost{{id()}});
      case 7: return Signal(Deadline{});
      case 8: return UserCommand(AddTrial{config()});
      case 9: return UserCommand(PauseTrial{{id()}});
      case 10: return UserCommand(ResumeTrial{{id()}});
      case 11: return UserCommand(StopTrial{{id()}});
      case 12: return one_in(2) ? UserCommand(PauseStudy{}) : UserCommand(StopStudy{});
      case 13: return UserCommand(RaiseTrials{whole()});
      case 15: {
        Retry retry;
        for (std::uint64_t n = rng_.below(3); n > 0; --n) retry.trials.push_back({id()});
        return UserCommand(std::move(retry));
      }
      case 14: return Signal(CheckpointVoid{checkpoint(), text()});
      default: break;
    }
    Reported reported;
    for (std::uint64_t n = one_in(3) ? rng_.below(4) : 1; n > 0; --n)
      reported.reports.push_back(report());
    return Signal(std::move(reported));
  }

  Report report() {
    Report report{.trial = {id()}, .launch = {id()}, .step = whole(), .value = {}};
    if (!one_in(4)) report.value = real();
    report.seconds = rng_.uniform();
    for (std::uint64_t n = rng_.below(4); n > 0; --n)
      report.metrics.push_back({text(), one_in(8) ? NAN : real()});
    // Mostly the objective is one of the metrics, as workers report it.
    if (report.value && !one_in(4)) {
      const auto place = static_cast<std::ptrdiff_t>(rng_.below(report.metrics.size() + 1));
      report.metrics.insert(report.metrics.begin() + place, {"loss", *report.value});
    }
    if (one_in(3)) report.checkpoint = checkpoint();
    return report;
  }

  Decision decision() {
    const TrialId trial{id()};
    const std::string reason = one_in(2) ? text() : "";
    switch (rng_.below(6)) {
      case 0: return {Stop{trial}, reason};
      case 1: return {Complete{trial}, reason};
      case 2: return {Pause{trial, one_in(2)}, reason};
      case 3: return {Requeue{trial}, reason};
      case 4: return {Continue{trial, maybe(kForever), maybe(kForever)}, reason};
      default: break;
    }
    return {Exploit{trial, checkpoint(), real(), config(), maybe(kForever), maybe(kForever)},
            reason};
  }

  Fill fill() {
    Fill fill;
    for (std::uint64_t n = rng_.below(3); n > 0; --n) {
      NewTrial trial{.id = {id()}, .config = config(), .directory = text()};
      if (one_in(2)) trial.width = rng_.uniform();
      if (one_in(2)) trial.bracket = static_cast<int>(rng_.below(5));
      if (one_in(2)) trial.origin = TrialId{id()};
      trial.until = maybe(kForever);
      fill.created.push_back(std::move(trial));
    }
    for (std::uint64_t n = rng_.below(3); n > 0; --n) fill.launches.push_back(launch());
    for (std::uint64_t n = rng_.below(3); n > 0; --n) fill.discards.push_back(checkpoint());
    fill.exhausted = one_in(4);
    if (one_in(4)) {
      fill.finished = Finished{static_cast<FinishKind>(rng_.below(4)), text()};
      if (one_in(2)) fill.finished->best = TrialId{id()};
    }
    fill.asked = one_in(2);
    return fill;
  }

  Launch launch() {
    Launch launch{.id = {id()}, .members = {}, .shares = {{{id()}, 1}}};
    const bool many = one_in(3);
    for (std::uint64_t n = many ? 1 + rng_.below(3) : 1; n > 0; --n) {
      Member member{.trial = {id()}, .attempt = static_cast<int>(1 + rng_.below(3))};
      if (one_in(2)) member.from = checkpoint();
      member.until = maybe(kForever);
      member.stretch = maybe(kForever);
      launch.members.push_back(std::move(member));
    }
    if (!many && one_in(2)) launch.shares = {{{id()}, 0.25}, {{id()}, 0.75}};
    return launch;
  }

  Node node() {
    Node node{.id = {id()}, .host = text(), .cpus = 8, .memory_mb = whole()};
    for (std::uint64_t n = rng_.below(3); n > 0; --n) {
      node.gpus.push_back(text());
      node.facts.emplace_back(text(), text());
      Slot slot{.id = {id()}, .node = node.id};
      if (one_in(2)) slot.cpu_ids = {0, 3};
      if (one_in(2)) slot.gpu_ids = {1};
      slot.resources = {real(), rng_.uniform(), whole()};
      if (one_in(2)) slot.resources.custom = {{"a.b", 0.5}, {"tpu", 2}};
      if (one_in(2)) slot.speed = 0.5;
      slot.emulated = one_in(2);
      if (one_in(2)) slot.price_per_hour = rng_.uniform();
      node.slots.push_back(std::move(slot));
    }
    return node;
  }

  Checkpoint checkpoint() { return {{id()}, {id()}, whole(), text()}; }

  Config config() {
    Config config;
    for (std::uint64_t n = rng_.below(5); n > 0; --n) config.set(text(), value(0));
    return config;
  }

  Value value(int depth) {
    switch (rng_.below(depth < 3 ? 6 : 5)) {
      case 0: return {};
      case 1: return one_in(2);
      case 2: return whole();
      case 3: return real();
      case 4: return text();
      default: break;
    }
    Value::List list;
    for (std::uint64_t n = rng_.below(4); n > 0; --n) list.push_back(value(depth + 1));
    return list;
  }

  double real() {
    static constexpr double kSpecial[] = {0, -0.0, 1, -1, 1e300, 5e-324, 0.1, 1e16};
    switch (rng_.below(8)) {
      case 0: return kSpecial[rng_.below(std::size(kSpecial))];
      case 1: return INFINITY;
      case 2: return -INFINITY;
      default: return rng_.normal() * std::exp(20 * rng_.normal());
    }
  }

  std::string text() {
    static constexpr const char* kWords[] = {
        "lr",        "optimizer.lr", "a\"b\\c\n\t", "\xC3\xA9t\xC3\xA9", "\xFF\xC3 raw", "",
        "loss: NaN", "{\"x\": [1]}", "a.b"};
    if (!one_in(3)) return kWords[rng_.below(std::size(kWords))];
    std::string text;
    for (std::uint64_t n = rng_.below(20); n > 0; --n) text += static_cast<char>(rng_.below(256));
    return text;
  }

 private:
  bool one_in(std::uint64_t n) { return rng_.below(n) == 0; }
  std::int64_t id() { return static_cast<std::int64_t>(rng_.below(1000)); }
  std::int64_t whole() { return static_cast<std::int64_t>(rng_.next() >> (1 + rng_.below(60))); }
  std::int64_t maybe(std::int64_t special) { return one_in(2) ? special : whole(); }

  Rng rng_;
};

}  // namespace clavier
