# bench pbt: population-based training on unequal slots, asynchronous against synchronous
"""In virtual time on a landscape (bench_pbt), and with real processes on the digits.

The digits: 8 trials of a small convolutional network, learning rate and momentum mutated every 2 of
16 epochs, on 4 slots of this machine with emulated speeds 4, 1, 1/2, 1/5; asynchronous under planner
auto against synchronous, the same seeds. Nobody is judged before epoch 4, since accuracy says nothing
there. Times are from the start of the program to its end.

Usage: pbt.py ROOT [--json] [--seeds N] [--digits-only] [--build DIR]
The last line is one JSON object: that of bench_pbt with digits_seeds, digits_time_ratio (asynchronous /
synchronous, of the mean times), digits_behind_se (by how many standard errors of the difference the
asynchronous runs' mean best accuracy is below that of the synchronous ones), and per way
digits_<way>_s, digits_<way>_accuracy, digits_<way>_se.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess

from runs import run_study

SEEDS = 20  # Seven and a half minutes on two cores.
SPEEDS = [4, 1, 0.5, 0.2]
WAYS = {"asynchronous": ("false", "auto"), "synchronous": ("true", "first-fit")}

STUDY = """
[study]
name = "bench"
metric = "accuracy"
mode = "max"
trials = 8
seed = {seed}
[space]
lr = {{ loguniform = [3e-3, 0.3] }}
momentum = {{ uniform = [0.5, 0.95] }}
[scheduler]
algorithm = "pbt"
interval = 2
burn_in = 4
max_steps = 16
synch = {synch}
[planner]
algorithm = "{planner}"
[trainer]
model = {{ name = "net", l1 = 16, l2 = 16 }}
data = {{ source = "digits", samples = 400, validation = 0.35 }}
batch_size = 32
eval_batch_size = 512
[trial]
cpus = {cpus}
[cluster]
seconds_per_step = 0.2
{slots}
"""


def run_digits(build, way, seed):
    synch, planner = WAYS[way]
    slots = "".join(f"[[cluster.slots]]\nspeed = {speed}\n" for speed in SPEEDS)
    return run_study(build, STUDY.format(seed=seed, synch=synch, planner=planner, slots=slots, cpus=0.3))


def digits(build, seeds):
    results = {way: [] for way in WAYS}
    for seed in range(1, seeds + 1):
        for way in WAYS:  # In turns, so that a busy moment of the machine hits both.
            results[way].append(run_digits(build, way, seed))
    figures, means, errors = {"digits_seeds": seeds}, {}, {}
    for way, runs in results.items():
        accuracies = [accuracy for _, accuracy in runs]
        means[way] = statistics.mean(accuracies)
        errors[way] = statistics.stdev(accuracies) / math.sqrt(seeds) if seeds > 1 else 0.0
        seconds = statistics.mean(seconds for seconds, _ in runs)
        figures[f"digits_{way}_s"] = round(seconds, 3)
        figures[f"digits_{way}_accuracy"] = round(means[way], 4)
        figures[f"digits_{way}_se"] = round(errors[way], 4)
        print(f"digits   {way:14} {means[way]:.4f} ± {errors[way]:.4f} {seconds:7.2f} s", flush=True)
    figures["digits_time_ratio"] = round(figures["digits_asynchronous_s"] / figures["digits_synchronous_s"], 4)
    error = math.hypot(*errors.values())
    behind = means["synchronous"] - means["asynchronous"]
    figures["digits_behind_se"] = round(behind / error, 4) if error > 0 else 0.0
    return figures


def landscape(build):
    """Runs bench_pbt, showing what it prints but for its last line."""
    program = subprocess.Popen([build / "bin/bench_pbt"], stdout=subprocess.PIPE, text=True)
    last = ""
    for line in program.stdout:
        print(last, end="", flush=True)
        last = line
    if program.wait() != 0:
        raise SystemExit(program.returncode)
    return json.loads(last)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--digits-only", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, help="a build folder; default: ROOT/build/torch")
    options = parser.parse_args()
    build = options.build or options.root / "build/torch"
    figures = {} if options.digits_only else landscape(build)
    figures.update(digits(build, options.seeds))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
