# bench trainer: a training step of every built-in model, side by side with eager PyTorch
"""Training steps of the built-in trainer and of eager PyTorch on one thread, in turns.

Usage: trainer.py ROOT [--json] [--quick] [--models NAME,…] [--batches N,…]
Eager is PyTorch in Python with the faster of its memory formats and of its foreach and fused optimizers, found first.
The last line is one JSON object: `ratio[MODEL][BATCH]`, how many times as fast as eager a step is (median of turns, of
processor time), and `own_over_best[MODEL][BATCH]`, the speed of the chosen kernels over that of the best single kind.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

CIFAR = {"channels": 3, "size": 32}
MODELS = {
    "net": {"spec": "net", **CIFAR},
    "mlp": {"spec": "mlp", "channels": 1, "size": 8},  # The digits.
    "cnn": {"spec": "cnn", **CIFAR},
    "resnet18": {"spec": {"name": "resnet18", "stem": "cifar"}, **CIFAR},
    "resnet50": {"spec": {"name": "resnet50", "stem": "cifar"}, "channels": 3, "size": 16},
}
BATCHES = (4, 16, 64, 256)


class Side:
    """A program that trains on request."""

    def __init__(self, command):
        environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        self.program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, **request):
        self.program.stdin.write(json.dumps(request) + "\n")
        self.program.stdin.flush()
        return json.loads(self.program.stdout.readline())

    def time(self, variant, steps):
        return self.ask(variant=variant, steps=steps)["cpu"] / steps

    def warm(self, variant, seconds):
        """How many steps take about that long, after as many as it takes to know."""
        once = self.time(variant, 1)
        if once < seconds:
            once = self.time(variant, max(1, int(seconds / 4 / once)))
        return max(1, round(seconds / once))

    def fastest(self, variants, seconds):
        """(variant, steps) of the one that takes least."""
        steps = [self.warm(variant, seconds) for variant in variants]
        best = [min(self.time(variant, count) for _ in range(2 if count > 1 else 1))
                for variant, count in zip(variants, steps)]
        index = min(range(len(best)), key=best.__getitem__)
        return variants[index], steps[index]


def measure(ours, eager, model, batch, quick):
    request = {"model": model, "batch": batch, **MODELS[model]}
    built, peers = ours.ask(**request), eager.ask(**request)
    seconds = 0.05 if quick else 0.1
    chosen = (built["chosen"], ours.warm(built["chosen"], seconds))
    fixed = ours.fastest([i for i, name in enumerate(built["variants"]) if name != "mixed"], seconds / 2)
    peer = eager.fastest(range(len(peers["variants"])), seconds / 2)
    runs = [(ours, chosen), (eager, peer)] + ([] if fixed[0] == chosen[0] else [(ours, fixed)])
    turns = []
    spent = 0
    while len(turns) < 3 or (spent < (2 if quick else 8) and len(turns) < 25):
        turns.append([side.time(*which) for side, which in runs])
        spent += sum(time * which[1] for time, (_, which) in zip(turns[-1], runs))
    ratio = statistics.median(turn[1] / turn[0] for turn in turns)
    own = 1.0 if fixed[0] == chosen[0] else statistics.median(turn[2] / turn[0] for turn in turns)
    step = statistics.median(turn[0] for turn in turns)
    plan = built["plan"].split()
    kinds = ", ".join(f"{plan.count(kind)} {kind}" for kind in dict.fromkeys(plan)) or "no convolutions"
    print(f"{model:9} batch {batch:3}: {batch / step:9.0f} samples/s, {ratio:5.2f} x eager ({peers['variants'][peer[0]]}), "
          f"{own:5.2f} x {built['variants'][fixed[0]]}; {kinds}; {len(turns)} turns", flush=True)
    return ratio, own


def torch_python(cache):
    """A Python with the torch whose library ours is linked with, and what importing it needs; set up where missing."""
    torch = pathlib.Path(os.environ["LIBTORCH_ROOT"])
    venv = cache / "peers-torch"
    if not (venv / "ready").exists():
        print("setting up", venv, file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", "--disable-pip-version-check", "filelock", "fsspec", "jinja2",
                        "networkx", "sympy", "typing_extensions", "numpy"], check=True)
        (venv / "ready").touch()
    site = next((venv / "lib").glob("python*/site-packages"))
    (site / "libtorch.pth").write_text(f"{torch.parent}\n")
    return venv / "bin/python"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="shorter turns, batches 4 and 64, no resnet50")
    parser.add_argument("--models")
    parser.add_argument("--batches")
    options = parser.parse_args()
    models = options.models.split(",") if options.models else [
        model for model in MODELS if not (options.quick and model == "resnet50")]
    batches = [int(batch) for batch in options.batches.split(",")] if options.batches else (
        (4, 64) if options.quick else BATCHES)
    cache = pathlib.Path(os.environ.get("CLAVIER_CACHE", pathlib.Path.home() / ".cache/clavier"))
    ours = Side([options.root / "build/torch/bin/bench_trainer"])
    eager = Side([torch_python(cache), options.root / "bench/peers/torch_trainer.py"])
    figures = {"ratio": {}, "own_over_best": {}}
    for model in models:
        for batch in batches:
            ratio, own = measure(ours, eager, model, batch, options.quick)
            figures["ratio"].setdefault(model, {})[str(batch)] = round(ratio, 3)
            figures["own_over_best"].setdefault(model, {})[str(batch)] = round(own, 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
