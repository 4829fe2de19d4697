#!/usr/bin/env python3
"""Writes the golden traces that our Ray variants are held against.

It drives Ray Tune's own scheduler objects directly, without a cluster, with random reports from a
fixed seed: AsyncHyperBandScheduler and MedianStoppingRule. Each trace is the list of reports and
what Ray decided at each. `ray_asha_test.cc` and `ray_median_test.cc` give the same reports to
`RayAsha` and `RayMedian` and demand the same decisions.

Needs a virtual environment of its own; nothing in the build or the tests depends on it:

    python3 -m venv /tmp/ray && /tmp/ray/bin/pip install "ray[tune]==2.60.0" pandas pyarrow
    /tmp/ray/bin/python bench/peers/ray_traces.py src/sched/testdata

Format: one JSON object {"ray": version, "numpy": version, "cases": [...]}, a case per line.
 asha case:   {"max_t", "grace", "rf", "brackets", "stop_last", "mode", "bracket": [of each trial],
               "events": [[trial, step, value, decision], [trial, "complete"], ...]}
 median case: {"axis", "grace", "min_samples", "slice", "hard", "mode", "trials",
               "events": [[trial, "start"], [trial, step, seconds, value, decision],
                          [trial, "complete"], ...]}
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
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, MedianStoppingRule

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


def median_case(rng):
    axis = rng.choice(["steps", "seconds"])
    case = {
        "axis": axis,
        "grace": rng.choice([0, 1, 3, 10]) if axis == "steps" else rng.choice([0.0, 2.5, 7.0]),
        "min_samples": rng.choice([1, 2, 3, 5]),
        "slice": rng.choice([0, 0, 4, 1000]),
        "hard": rng.random() < 0.7,
        "mode": rng.choice(["min", "max"]),
        "trials": rng.choice([6, 15, 25]),
    }
    attr = "training_iteration" if axis == "steps" else "time_total_s"
    scheduler = MedianStoppingRule(
        time_attr=attr, metric="loss", mode=case["mode"], grace_period=case["grace"],
        min_samples_required=case["min_samples"], min_time_slice=case["slice"],
        hard_stop=case["hard"])
    trials = [Stub(i) for i in range(case["trials"])]
    controller = Controller(trials)
    for trial in trials:
        scheduler.on_trial_add(controller, trial)
    values = Values(rng)
    values.missing = 0  # Ray itself fails on a trial that completes without the metric
    slots = rng.choice([1, 3, 6])
    length = rng.choice([12, 40, 200])
    events = []
    while controller.get_live_trials() and len(events) < 500:
        running = [t for t in trials if t.status == Trial.RUNNING]
        waiting = [t for t in trials if t.status in (Trial.PENDING, Trial.PAUSED)]
        if len(running) < slots and waiting:
            trial = rng.choice(waiting)
            trial.status = Trial.RUNNING
            events.append([trial.index, "start"])
            continue
        trial = rng.choice(running)
        if trial.last is not None and (trial.step >= length or rng.random() < 0.005):
            scheduler.on_trial_complete(controller, trial, trial.last)
            events.append([trial.index, "complete"])
            trial.status = Trial.TERMINATED
            continue
        if axis == "steps" and rng.random() < 0.02:
            trial.step = max(0, trial.step - rng.randrange(6))
        trial.step += rng.choice([1, 1, 1, 3])
        seconds = round(rng.random() * 2, 3)
        trial.time += seconds
        value = values.draw(trial, trial.step)
        trial.last = result(trial, attr, trial.step if axis == "steps" else trial.time, value)
        decision = scheduler.on_trial_result(controller, trial, trial.last)
        events.append([trial.index, trial.step, seconds, encode(value), decision[0]])
        if decision == "STOP":
            trial.status = Trial.TERMINATED
        elif decision == "PAUSE":
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
    counts = {kind: sum(e[-1] == kind for e in events) for kind in ("C", "S", "P", "complete")}
    print(path, os.path.getsize(path), "bytes,", len(cases), "cases,", counts)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "ray_asha.json"), asha_case, 40, 1)
    write(os.path.join(folder, "ray_median.json"), median_case, 30, 2)


if __name__ == "__main__":
    main()
