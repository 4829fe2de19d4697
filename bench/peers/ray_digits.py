"""The study of `script/bench digits` in Ray Tune and PyTorch: fixed configurations under FIFO.

Usage: ray_digits.py CONFIGURATIONS.json --data DIR [--epochs E] [--workers N] [--seed S]

CONFIGURATIONS.json is a list of {"l1", "l2", "lr", "batch_size"}; DIR holds the samples and the split
that Clavier uses (`clavier data digits --export DIR`). The network is the tutorial's Net(l1, l2) with
one input channel, trained by SGD with momentum 0.9 and weight decay 5e-5; batches are taken by index
from tensors in memory, which is faster than a DataLoader. One thread per worker, a checkpoint at the
end of every trial.

The last line is one JSON object: `tune_s`, the time of Tuner.fit alone; `total_s`, from the start of
this program to its end; `trials`, per configuration the best and the last validation accuracy.
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
from torch import nn


class Net(nn.Module):
    def __init__(self, l1, l2):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, l1)
        self.fc2 = nn.Linear(l1, l2)
        self.fc3 = nn.Linear(l2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


def load_split(folder, start, facts):
    """Inputs as a network sees them, and labels."""
    inputs = np.load(folder / f"{start}inputs.npy").astype(np.float32) * facts["scale"]
    mean = np.asarray(facts["mean"], np.float32).reshape(1, -1, 1, 1)
    deviation = np.asarray(facts["deviation"], np.float32).reshape(1, -1, 1, 1)
    return (inputs - mean) / deviation, np.load(folder / f"{start}labels.npy")


def validate(net, inputs, labels):
    net.eval()
    with torch.no_grad():
        outputs = net(inputs)
    return (F.cross_entropy(outputs, labels).item(),
            (outputs.argmax(1) == labels).float().mean().item())


def save(net, optimizer):
    folder = tempfile.mkdtemp()
    torch.save((net.state_dict(), optimizer.state_dict()), os.path.join(folder, "checkpoint.pt"))
    return tune.Checkpoint.from_directory(folder)


def train(space, data, epochs, seed):
    torch.set_num_threads(1)
    config = space["configuration"]
    (inputs, labels), (held_inputs, held_labels) = [
        [torch.tensor(array) for array in part] for part in data]
    torch.manual_seed(seed)
    net = Net(config["l1"], config["l2"])
    optimizer = torch.optim.SGD(net.parameters(), lr=config["lr"], momentum=0.9, weight_decay=5e-5)
    best = 0.0
    for epoch in range(1, epochs + 1):
        net.train()
        for batch in torch.randperm(len(labels)).split(config["batch_size"]):
            optimizer.zero_grad()
            F.cross_entropy(net(inputs[batch]), labels[batch]).backward()
            optimizer.step()
        loss, accuracy = validate(net, held_inputs, held_labels)
        best = max(best, accuracy)
        report = {"loss": loss, "accuracy": accuracy, "best_accuracy": best}
        if epoch < epochs:
            tune.report(report)
            continue
        checkpoint = save(net, optimizer)
        tune.report(report, checkpoint=checkpoint)
        shutil.rmtree(checkpoint.path)


def tune_all(configurations, data, options, storage):
    """The results and the seconds that Tuner.fit took."""
    ray.init(num_cpus=options.workers, include_dashboard=False, log_to_driver=False,
             configure_logging=False)
    trainable = tune.with_parameters(train, data=data, epochs=options.epochs, seed=options.seed)
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={"configuration": tune.grid_search(configurations)},
        tune_config=tune.TuneConfig(metric="accuracy", mode="max",
                                    max_concurrent_trials=options.workers),
        run_config=tune.RunConfig(storage_path=storage, name="digits", verbose=0))
    start = time.monotonic()
    results = tuner.fit()
    return results, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configurations", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    configurations = json.loads(options.configurations.read_text())
    facts = json.loads((options.data / "dataset.json").read_text())
    data = [load_split(options.data, start, facts) for start in ("", "validation_")]

    storage = tempfile.mkdtemp(prefix="ray-digits-")
    try:
        results, seconds = tune_all(configurations, data, options, storage)
        errors = [str(error) for error in results.errors]
        if errors:
            sys.exit("trials failed:\n" + "\n".join(errors))
        trials = [{**result.config["configuration"], "accuracy": result.metrics["best_accuracy"],
                   "last_accuracy": result.metrics["accuracy"]} for result in results]
    finally:
        ray.shutdown()
        shutil.rmtree(storage, ignore_errors=True)
    print(json.dumps({"tune_s": round(seconds, 3),
                      "total_s": round(time.monotonic() - STARTED, 3),
                      "ray": ray.__version__, "torch": torch.__version__, "trials": trials}))


if __name__ == "__main__":
    main()
