# bench digits: a study on the digits, side by side with the same study in Ray Tune and PyTorch
"""Runs 20 fixed configurations for 10 epochs each, FIFO on two workers, in Clavier and in Ray Tune.

Usage: digits.py ROOT [--json] [--configurations N] [--epochs E] [--ours-only]
The last line is one JSON object: ours_s, ray_s, ratio, ours_accuracy, ray_accuracy.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

from runs import peers_python, run_study


def configurations(count):
    """The tutorial's search space, drawn with a fixed seed."""
    draw = random.Random(7)
    return [{"l1": 2 ** draw.randint(2, 8), "l2": 2 ** draw.randint(2, 8),
             "lr": 10 ** draw.uniform(-4, -1), "batch_size": draw.choice([2, 4, 8, 16])} for _ in range(count)]


STUDY = """
[study]
name = "bench"
metric = "accuracy"
mode = "max"
trials = {count}
seed = 7
[space]
l1 = {{ choice = [4, 8, 16, 32, 64, 128, 256] }}
l2 = {{ choice = [4, 8, 16, 32, 64, 128, 256] }}
lr = {{ loguniform = [1e-4, 1e-1] }}
batch_size = {{ choice = [2, 4, 8, 16] }}
[search]
points = [
{points}
]
[scheduler]
algorithm = "fifo"
max_steps = {epochs}
[trainer]
model = "net"
data = "digits"
optimizer = "sgd"
momentum = 0.9
weight_decay = 5e-5
[cluster]
workers = 2
"""


def run_ours(root, configs, epochs):
    points = ",\n".join("  { " + ", ".join(f"{k} = {v!r}" for k, v in config.items()) + " }" for config in configs)
    return run_study(root / "build/torch", STUDY.format(count=len(configs), points=points, epochs=epochs))


def run_ray(root, configs, epochs):
    cache = pathlib.Path(os.environ.get("CLAVIER_CACHE", pathlib.Path.home() / ".cache/clavier"))
    python = peers_python(root, cache / "peers")
    work = pathlib.Path(tempfile.mkdtemp(prefix="ray-bench-"))
    try:
        data = work / "data"
        subprocess.run([root / "build/torch/bin/clavier", "data", "digits", "--export", data, "--seed", "7"], check=True)
        file = work / "configurations.json"
        file.write_text(json.dumps(configs))
        output = subprocess.run([python, root / "bench/peers/ray_digits.py", file, "--data", data,
                                 "--epochs", str(epochs), "--workers", "2"],
                                check=True, stdout=subprocess.PIPE, text=True).stdout
        result = json.loads(output.strip().splitlines()[-1])
        return result["tune_s"], max(each["accuracy"] for each in result["trials"])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--configurations", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--ours-only", action="store_true")
    options = parser.parse_args()
    configs = configurations(options.configurations)
    ours_s, ours_accuracy = run_ours(options.root, configs, options.epochs)
    print(f"clavier: {ours_s:.1f} s, best validation accuracy {ours_accuracy:.4f}", flush=True)
    figures = {"ours_s": round(ours_s, 2), "ours_accuracy": round(ours_accuracy, 4)}
    if not options.ours_only:
        ray_s, ray_accuracy = run_ray(options.root, configs, options.epochs)
        print(f"ray tune: {ray_s:.1f} s, best validation accuracy {ray_accuracy:.4f}")
        figures.update(ray_s=round(ray_s, 2), ratio=round(ours_s / ray_s, 4), ray_accuracy=round(ray_accuracy, 4))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
