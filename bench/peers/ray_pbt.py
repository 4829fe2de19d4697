"""Ray Tune's PopulationBasedTraining on the study of `script/bench hrfs`.

Usage: ray_pbt.py SETTINGS.json --data DIR [--workers N] [--seed S]

SETTINGS.json: {"width", "batch_size", "interval", "steps", "accuracy" (or null), "lr": [low, high],
"momentum": [values], "configurations": [{"lr", "momentum"}, …]}; DIR holds the samples and the split that
Clavier uses (`clavier data digits --export DIR`). The network is ResNet-18 with ImageNet's stem and
64 · width channels, trained by SGD without decay; it is evaluated on the whole validation split in
evaluation mode, reported and saved at every interval. One thread per worker, actors reused.

The last line is one JSON object: `tune_s`, the time of Tuner.fit alone; `total_s`, from the start of
this program to its end; `perturbations`; `trials`, per trial its steps, best and last accuracy.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

STARTED = time.monotonic()

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import numpy as np
import ray
import torch
import torch.nn.functional as F
from ray import tune
from ray.tune.schedulers import PopulationBasedTraining
from ray.tune.search.basic_variant import BasicVariantGenerator
from torch import nn


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)) \
            if stride != 1 or before != after else nn.Identity()

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.downsample(x))


class ResNet18(nn.Module):
    def __init__(self, in_channels, classes, width):
        super().__init__()
        channels = max(1, round(64 * width))
        self.conv1 = nn.Conv2d(in_channels, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        blocks, before = [], channels
        for stage in range(4):
            for block in range(2):
                blocks.append(Block(before, channels, 2 if stage and not block else 1))
                before = channels
            channels *= 2
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(self.blocks(x).mean((2, 3)))


def load_split(folder, start, facts):
    """Inputs as a network sees them, and labels."""
    inputs = np.load(folder / f"{start}inputs.npy").astype(np.float32) * facts["scale"]
    mean = np.asarray(facts["mean"], np.float32).reshape(1, -1, 1, 1)
    deviation = np.asarray(facts["deviation"], np.float32).reshape(1, -1, 1, 1)
    return (inputs - mean) / deviation, np.load(folder / f"{start}labels.npy")


def accuracy(net, inputs, labels):
    net.eval()
    with torch.no_grad():
        return (net(inputs).argmax(1) == labels).float().mean().item()


def restore(net, optimizer, config):
    """The step of the checkpoint, 0 without one. What the configuration says goes before it."""
    checkpoint = tune.get_checkpoint()
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        weights, moments, step = torch.load(os.path.join(folder, "checkpoint.pt"))
    net.load_state_dict(weights)
    optimizer.load_state_dict(moments)
    for group in optimizer.param_groups:
        group.update(lr=config["lr"], momentum=config["momentum"])
    return step


def train(config, data, settings, seed):
    torch.set_num_threads(1)
    (inputs, labels), (held_inputs, held_labels) = [[torch.tensor(array) for array in part] for part in data]
    torch.manual_seed(seed)
    net = ResNet18(inputs.shape[1], int(labels.max()) + 1, settings["width"])
    optimizer = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=config["momentum"])
    step = restore(net, optimizer, config)
    torch.manual_seed(seed + step)
    size = settings["batch_size"]
    waiting = []
    while step < settings["steps"]:
        net.train()
        for _ in range(settings["interval"]):
            if not waiting:
                waiting = list(torch.randperm(len(labels)).split(size))
            batch = waiting.pop()
            optimizer.zero_grad()
            F.cross_entropy(net(inputs[batch]), labels[batch]).backward()
            optimizer.step()
        step += settings["interval"]
        folder = tempfile.mkdtemp()
        torch.save((net.state_dict(), optimizer.state_dict(), step), os.path.join(folder, "checkpoint.pt"))
        tune.report({"step": step, "accuracy": accuracy(net, held_inputs, held_labels)},
                    checkpoint=tune.Checkpoint.from_directory(folder))
        shutil.rmtree(folder)


def tune_all(settings, data, options, storage):
    """The results, the scheduler and the seconds that Tuner.fit took."""
    ray.init(num_cpus=options.workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
    low, high = settings["lr"]
    scheduler = PopulationBasedTraining(
        time_attr="step", metric="accuracy", mode="max", perturbation_interval=settings["interval"],
        hyperparam_mutations={"lr": tune.uniform(low, high), "momentum": settings["momentum"]})
    stop = {"step": settings["steps"]}
    if settings["accuracy"] is not None:
        stop["accuracy"] = settings["accuracy"]
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, data=data, settings=settings, seed=options.seed), {"cpu": 1}),
        param_space={"lr": tune.uniform(low, high), "momentum": tune.choice(settings["momentum"])},
        tune_config=tune.TuneConfig(
            num_samples=len(settings["configurations"]), scheduler=scheduler, reuse_actors=True,
            search_alg=BasicVariantGenerator(points_to_evaluate=settings["configurations"])),
        run_config=tune.RunConfig(storage_path=storage, name="hrfs", verbose=0, stop=stop))
    start = time.monotonic()
    results = tuner.fit()
    return results, scheduler, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    settings = json.loads(options.settings.read_text())
    facts = json.loads((options.data / "dataset.json").read_text())
    data = [load_split(options.data, start, facts) for start in ("", "validation_")]

    storage = tempfile.mkdtemp(prefix="ray-pbt-")
    try:
        results, scheduler, seconds = tune_all(settings, data, options, storage)
        errors = [str(error) for error in results.errors]
        if errors:
            sys.exit("trials failed:\n" + "\n".join(errors))
        trials = [{"lr": result.config["lr"], "momentum": result.config["momentum"], "steps": result.metrics["step"],
                   "accuracy": float(result.metrics_dataframe["accuracy"].max()),
                   "last_accuracy": result.metrics["accuracy"]} for result in results]
    finally:
        ray.shutdown()
        shutil.rmtree(storage, ignore_errors=True)
    print(json.dumps({"tune_s": round(seconds, 3), "total_s": round(time.monotonic() - STARTED, 3),
                      "perturbations": scheduler._num_perturbations, "ray": ray.__version__,
                      "torch": torch.__version__, "trials": trials}))


if __name__ == "__main__":
    main()
