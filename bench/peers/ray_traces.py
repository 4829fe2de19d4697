#!/usr/bin/env python3
"""Writes the golden traces that our Ray variants are held against.

It drives Ray Tune's own scheduler objects directly, without a cluster, with random reports from a
fixed seed: AsyncHyperBandScheduler and PopulationBasedTraining. Each trace is the list of reports and
what Ray decided at each. The tests in `src/sched/ray` give the same reports to `RayAsha` and `RayPbt` and demand the same
decisions; for the latter, Ray's `random` draws from Clavier's keyed generator.

Needs a virtual environment of its own; nothing in the build or the tests depends on it:

    python3 -m venv /tmp/ray && /tmp/ray/bin/pip install "ray[tune]==2.60.0" pandas pyarrow
    /tmp/ray/bin/python bench/peers/ray_traces.py src/sched/ray/testdata

Format: one JSON object {"ray": version, "numpy": version, "cases": [...]}, a case per line.
 asha case:   {"max_t", "grace", "rf", "brackets", "stop_last", "mode", "bracket": [of each trial],
               "events": [[trial, step, value, decision], [trial, "complete"], ...]}
 pbt case:    {"interval", "burn_in", "quantile", "resample", "mode", "configs": [of each trial],
               "events": [[trial, "start"], [trial, "complete"],
                          [trial, step, value, decision, donor, config], ...]}
              where donor and config are there for the decision "X", an exploit
Values are numbers, "NaN", "Infinity", "-Infinity", or null where the report lacks the metric.
Decisions are "C"ontinue, "S"top and "P"ause.
"""

import json
import math
import os
import random
import sys
import warnings

import numpy as np
import ray
import ray.tune.schedulers.pbt as pbt
from ray.tune.experiment import Trial
from ray.train._internal.session import _FutureTrainingResult, _TrainingResult
from ray.tune.schedulers import (AsyncHyperBandScheduler, PopulationBasedTraining)

warnings.simplefilter("ignore")  # numpy on samples of nothing but NaN


class Stub:
    """As much of a trial as the two schedulers look at."""

    def __init__(self, index):
        self.index = index
        self.trial_id = f"t{index:05d}"
        self.status = Trial.PENDING
        self.step = 0
        self.time = 0.0
        self.last = None

    def __repr__(self):
        return self.trial_id


class Controller:
    def __init__(self, trials):
        self.trials = trials

    def get_live_trials(self):
        return [t for t in self.trials if t.status not in (Trial.TERMINATED, Trial.ERROR)]


def encode(value):
    if value is None:
        return None
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


class Values:
    """Random metric values of one character: smooth, tied, with odd ones among them."""

    def __init__(self, rng):
        self.rng = rng
        self.digits = rng.choice([1, 2, 6])
        self.nan = rng.choice([0, 0, 0.1, 0.5])
        self.inf = rng.choice([0, 0, 0.05])
        self.missing = rng.choice([0, 0, 0.1])

    def draw(self, trial, step):
        die = self.rng.random()
        if die < self.nan:
            return math.nan
        if die < self.nan + self.inf:
            return self.rng.choice([math.inf, -math.inf])
        if die > 1 - self.missing:
            return None
        level = random.Random(trial.index).random()
        return round(level + 1 / (step + 1) + 0.3 * self.rng.random(), self.digits)


def result(trial, attr, at, value):
    made = {attr: at, "trial_id": trial.trial_id}
    if value is not None:
        made["loss"] = value
    return made


def asha_case(rng):
    grace = rng.choice([1, 1, 2, 3, 5])
    case = {
        "max_t": rng.choice([9, 27, 81, 100, 243, grace]),
        "grace": grace,
        "rf": rng.choice([2, 3, 4, 4, 1.7, 2.5]),
        "brackets": rng.choice([1, 1, 2, 3]),
        "stop_last": rng.random() < 0.75,
        "mode": rng.choice(["min", "max"]),
    }
    np.random.seed(rng.randrange(2**31))
    scheduler = AsyncHyperBandScheduler(
        time_attr="training_iteration", metric="loss", mode=case["mode"], max_t=case["max_t"],
        grace_period=grace, reduction_factor=case["rf"], brackets=case["brackets"],
        stop_last_trials=case["stop_last"])
    trials = [Stub(i) for i in range(rng.choice([6, 20, 40]))]
    controller = Controller(trials)
    for trial in trials:
        scheduler.on_trial_add(controller, trial)
    case["bracket"] = [
        next(i for i, b in enumerate(scheduler._brackets) if b is scheduler._trial_info[t.trial_id])
        for t in trials]
    values = Values(rng)
    stride = rng.choice([1, 1, 2, 5, 13])
    horizon = case["max_t"] * (1 if case["stop_last"] else 2)
    events = []
    live = list(trials)
    while live and len(events) < 400:
        trial = rng.choice(live[:12])
        if trial.last is not None and rng.random() < 0.01:
            scheduler.on_trial_complete(controller, trial, trial.last)
            events.append([trial.index, "complete"])
            live.remove(trial)
            continue
        if rng.random() < 0.02:
            trial.step = max(0, trial.step - rng.randrange(6))  # a retry repeats steps
        trial.step += rng.randint(1, stride) if rng.random() < 0.5 else stride
        value = values.draw(trial, trial.step)
        trial.last = result(trial, "training_iteration", trial.step, value)
        decision = scheduler.on_trial_result(controller, trial, trial.last)
        events.append([trial.index, trial.step, encode(value), decision[0]])
        if decision == "STOP" or trial.step >= horizon:
            live.remove(trial)
    case["events"] = events
    return case


WORD = 2**64 - 1


def split_mix(state):
    state = (state + 0x9E3779B97F4A7C15) & WORD
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return state, z ^ (z >> 31)


class Keyed:
    """src/base/rng.cc, as much of it as Ray's `random` is asked for."""

    def key(self, seed, *words):
        for word in words:
            state, first = split_mix(seed)
            seed = split_mix(first ^ word)[1]
        self.s = []
        for _ in range(4):
            seed, word = split_mix(seed)
            self.s.append(word)

    def next(self):
        def rotl(x, k):
            return ((x << k) | (x >> (64 - k))) & WORD
        s = self.s
        result = (rotl((s[0] + s[3]) & WORD, 23) + s[0]) & WORD
        t = (s[1] << 17) & WORD
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return result

    def random(self):
        return (self.next() >> 11) * 2.0**-53

    def choice(self, items):
        bound = len(items)
        while True:
            draw = self.next()
            if draw >= (2**64 - bound) % bound:
                return items[draw % bound]


class Future(_FutureTrainingResult):
    def __init__(self, result):
        self.result = result

    def resolve(self, block=True):
        return _TrainingResult(checkpoint="saved", metrics=self.result)


class Manager:
    class checkpoint_config:
        num_to_keep = None
    _latest_checkpoint_result = None


class Member(Stub):
    """As much of a trial as PopulationBasedTraining looks at."""

    def __init__(self, index, config):
        super().__init__(index)
        self.config = config
        self.experiment_tag = str(index)
        self.run_metadata = type("M", (), {"checkpoint_manager": Manager()})()

    def is_finished(self):
        return self.status in (Trial.TERMINATED, Trial.ERROR)

    def set_experiment_tag(self, tag):
        pass

    def set_config(self, config):
        self.config = config


class Population(Controller):
    search_alg = None

    def get_trials(self):
        return self.trials

    def pause_trial(self, trial, should_checkpoint):
        trial.status = Trial.PAUSED

    def _schedule_trial_save(self, trial, result):
        return Future(result)


def pbt_case(rng):
    keyed = Keyed()
    low, high = 0.001, 1.0
    case = {
        "interval": rng.choice([1, 3, 5]),
        "burn_in": rng.choice([0, 0, 7]),
        "quantile": rng.choice([0.25, 0.25, 0.1, 0.5, 0]),
        "resample": rng.choice([0.25, 0.25, 0, 1]),
        "mode": rng.choice(["min", "max"]),
    }
    momenta, optimizers = [0.8, 0.9, 0.99], ["sgd", "adam"]

    def draw_lr():
        u = keyed.random()
        return min(max(low * (1 - u) + high * u, low), high)

    def draw_width():
        return 8 + min(int(keyed.random() * 57), 56)

    scheduler = PopulationBasedTraining(
        time_attr="training_iteration", metric="loss", mode=case["mode"],
        perturbation_interval=case["interval"], burn_in_period=case["burn_in"],
        quantile_fraction=case["quantile"], resample_probability=case["resample"],
        hyperparam_mutations={"lr": draw_lr, "momentum": momenta,
                              "net": {"width": draw_width}}, log_config=False)
    trials = []
    for i in range(rng.choice([2, 5, 12, 20])):
        trials.append(Member(i, {"lr": rng.uniform(low, high), "momentum": rng.choice(momenta),
                                 "net": {"width": rng.randint(8, 64)}}))
    case["configs"] = [dict(t.config) for t in trials]
    controller = Population(trials)
    for trial in trials:
        scheduler.on_trial_add(controller, trial)
    pbt.random = keyed
    values = Values(rng)
    values.missing = 0
    slots = rng.choice([1, 3, 20, 20])
    events = []
    while controller.get_live_trials() and len(events) < 300:
        running = [t for t in trials if t.status == Trial.RUNNING]
        if len(running) < slots:
            trial = scheduler.choose_trial_to_run(controller)
            if trial:
                trial.status = Trial.RUNNING
                events.append([trial.index, "start"])
                continue
        trial = rng.choice(running)
        if trial.last is not None and rng.random() < 0.01:
            events.append([trial.index, "complete"])
            trial.status = Trial.TERMINATED
            continue
        trial.step += rng.choice([1, 1, 2])
        value = values.draw(trial, trial.step)
        trial.last = result(trial, "training_iteration", trial.step, value)
        trial.last_result = trial.last
        keyed.key(1, trial.index, trial.step)
        before, at = trial.config, trial.step
        exploited = []
        exploit = type(scheduler)._exploit

        def spy(controller, target, donor):
            exploited.append(donor)
            exploit(scheduler, controller, target, donor)

        scheduler._exploit = spy
        decision = scheduler.on_trial_result(controller, trial, trial.last)
        if exploited:
            donor = exploited[0]
            trial.step = scheduler._trial_state[trial].last_train_time
            events.append([trial.index, at, encode(value), "X", donor.index, trial.config])
        else:
            events.append([trial.index, at, encode(value), decision[0]])
            if decision == "PAUSE":
                trial.status = Trial.PAUSED
    case["events"] = events
    return case


def write(path, make, count, seed):
    cases = [make(random.Random(f"{seed}/{i}")) for i in range(count)]
    with open(path, "w") as out:
        out.write('{"ray":"%s","numpy":"%s","cases":[\n' % (ray.__version__, np.__version__))
        lines = (json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
        out.write(",\n".join(lines))
        out.write("\n]}\n")
    events = [e for c in cases for e in c["events"]]
    counts = {kind: sum(kind in e for e in events) for kind in ("C", "S", "P", "X", "complete")}
    print(path, os.path.getsize(path), "bytes,", len(cases), "cases,", counts)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "asha.json"), asha_case, 40, 1)
    write(os.path.join(folder, "pbt.json"), pbt_case, 30, 3)


if __name__ == "__main__":
    main()
