#!/usr/bin/env python3
"""The same fit as train.py with clavier.py: one process takes trial after trial, waits where the
study wants to decide, and resumes from checkpoints, so that trials can be paused.

    clavier run train_client.toml
    CLAVIER_CONFIG='{"lr": 0.1, "batch": 8}' python3 train_client.py     # by hand
"""

import json
import os
import random
import sys

# clavier.py is one file: put it beside your script, or install it. Here it lies in the sources.
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../python"))
import clavier  # noqa: E402

EPOCHS = 20


def train(trial):
    lr, batch_size = trial.config["lr"], trial.config["batch"]
    state = {"epoch": 0, "slope": 0.0, "offset": 0.0}
    if trial.checkpoint:
        with open(os.path.join(trial.checkpoint, "state.json")) as file:
            state = json.load(file)

    def save(directory):
        with open(os.path.join(directory, "state.json"), "w") as file:
            json.dump(state, file)

    points = make_points()
    for epoch in range(state["epoch"] + 1, EPOCHS + 1):
        random.Random(epoch).shuffle(points)  # The same order, whether resumed or not.
        for begin in range(0, len(points), batch_size):
            descend(state, points[begin:begin + batch_size], lr)
        state["epoch"] = epoch
        loss = sum((state["slope"] * x + state["offset"] - y) ** 2 for x, y in points)
        if not trial.report({"loss": loss / len(points)}, step=epoch, checkpoint=save):
            return
        points.sort()


def make_points():
    draw = random.Random(1)
    return [(x / 64, 2 * x / 64 + 1 + draw.gauss(0, 0.1)) for x in range(64)]


def descend(state, batch, lr):
    errors = [(state["slope"] * x + state["offset"] - y, x) for x, y in batch]
    state["slope"] -= lr * 2 * sum(error * x for error, x in errors) / len(batch)
    state["offset"] -= lr * 2 * sum(error for error, _ in errors) / len(batch)


for each in clavier.trials():
    train(each)
