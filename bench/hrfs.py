# bench hrfs: population-based training of a small ResNet, beside the HRFS rules and Ray Tune's PBT
"""Runs the same population with the same budget and evaluation, one after the other, on this machine:

  ours       scheduler pbt (sound), planner first-fit: equal slots
  hrfs_rule  scheduler pbt, variant hrfs: the exchange rule of the HRFS tuner, in Clavier
  ray        Ray Tune 2.60's PopulationBasedTraining, one CPU per trial, actors reused (bench/peers/ray_pbt.py)

Usage: hrfs.py ROOT [--json] [--trials N] [--steps S] [--interval I] [--width W] [--workers N] [--repeat R]
               [--ours-only] [--build DIR] [--peers DIR]
ResNet-18 with ImageNet's stem and 64·W channels on the digits, batches of 64, evaluated on the whole
validation split in evaluation mode at every interval; the same first configurations; every trial
ends at S steps and no earlier. Times are from the start of the program to its end for Clavier,
of Tuner.fit alone for Ray. The last line is one JSON object: per name `_s` (mean over repetitions) and
`_accuracy` (mean of the best trial's best), `ratio` (ours_s / ray_s), `repetitions`, `baselines`.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile

from runs import peers_python, run_study

LR = [1e-4, 1.0]
MOMENTUM = [0.8, 0.9, 0.99]
BATCH = 64
BASELINES = {"hrfs_rule": "exchange rule of the HRFS tuner (Ken and Wu, 2024) re-expressed in Clavier, equal slots",
             "ray": "Ray Tune 2.60 PopulationBasedTraining, 1 CPU per trial, actors reused, Tuner.fit alone"}

STUDY = """
[study]
name = "bench"
metric = "accuracy"
mode = "max"
trials = {trials}
seed = {seed}
[space]
lr = {{ uniform = {lr} }}
momentum = {{ ordinal = {momentum} }}
[search]
points = [
{points}
]
[scheduler]
algorithm = "pbt"
variant = "{variant}"
interval = {interval}
max_steps = {steps}
[trainer]
model = {{ name = "resnet18", stem = "imagenet", width = {width} }}
data = "digits"
unit = "batch"
batch_size = {batch}
[cluster]
workers = {workers}
"""


def configurations(count, seed):
    draw = random.Random(seed)
    return [{"lr": draw.uniform(*LR), "momentum": draw.choice(MOMENTUM)} for _ in range(count)]


def run_ours(options, configs, variant, seed):
    points = ",\n".join(f"  {{ lr = {config['lr']!r}, momentum = {config['momentum']!r} }}" for config in configs)
    return run_study(options.build, STUDY.format(
        trials=options.trials, seed=seed, lr=LR, momentum=MOMENTUM, points=points, batch=BATCH, variant=variant,
        interval=options.interval, steps=options.steps, width=options.width, workers=options.workers))


def run_ray(options, configs, seed):
    python = peers_python(options.root, options.peers)
    work = pathlib.Path(tempfile.mkdtemp(prefix="ray-bench-"))
    try:
        subprocess.run([options.build / "bin/clavier", "data", "digits", "--export", work / "data", "--seed", str(seed)],
                       check=True, stdout=subprocess.DEVNULL)
        file = work / "settings.json"
        file.write_text(json.dumps({"width": options.width, "batch_size": BATCH, "interval": options.interval,
                                    "steps": options.steps, "accuracy": None, "lr": LR, "momentum": MOMENTUM,
                                    "configurations": configs}))
        output = subprocess.run([python, options.root / "bench/peers/ray_pbt.py", file, "--data", work / "data",
                                 "--workers", str(options.workers), "--seed", str(seed)],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
        result = json.loads(output.strip().splitlines()[-1])
        return result["tune_s"], max(trial["accuracy"] for trial in result["trials"])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = pathlib.Path(os.environ.get("CLAVIER_CACHE", pathlib.Path.home() / ".cache/clavier"))
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    for name, value in (("trials", 20), ("steps", 100), ("interval", 10), ("workers", 2), ("repeat", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, help="a build folder; default: ROOT/build/torch")
    parser.add_argument("--peers", type=pathlib.Path, default=cache / "peers", help="a virtual environment with Ray and torch")
    options = parser.parse_args()
    options.build = options.build or options.root / "build/torch"
    runs = {"ours": lambda configs, seed: run_ours(options, configs, "sound", seed),
            "hrfs_rule": lambda configs, seed: run_ours(options, configs, "hrfs", seed)}
    if not options.ours_only:
        runs["ray"] = lambda configs, seed: run_ray(options, configs, seed)
    figures = {}
    for name, run in runs.items():
        results = [run(configurations(options.trials, seed), seed) for seed in range(1, options.repeat + 1)]
        seconds, accuracy = (statistics.mean(values) for values in zip(*results))
        print(f"{name}: {seconds:.1f} s, best validation accuracy {accuracy:.4f}", flush=True)
        figures.update({f"{name}_s": round(seconds, 2), f"{name}_accuracy": round(accuracy, 4)})
    if "ray_s" in figures:
        figures["ratio"] = round(figures["ours_s"] / figures["ray_s"], 4)
    figures.update(repetitions=options.repeat, baselines={name: BASELINES[name] for name in runs if name in BASELINES})
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
