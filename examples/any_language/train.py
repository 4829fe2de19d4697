#!/usr/bin/env python3
"""A script that knows nothing of Clavier: parameters come as arguments, a line of JSON goes out
after every epoch. It fits y = 2x + 1 to noisy points by gradient descent.

    clavier run train.toml
"""

import argparse
import json
import random

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--batch", type=int, default=8)
parser.add_argument("--epochs", type=int, default=20)
arguments = parser.parse_args()

draw = random.Random(1)
points = [(x / 64, 2 * x / 64 + 1 + draw.gauss(0, 0.1)) for x in range(64)]
slope = offset = 0.0
for epoch in range(1, arguments.epochs + 1):
    draw.shuffle(points)
    for begin in range(0, len(points), arguments.batch):
        batch = points[begin:begin + arguments.batch]
        errors = [(slope * x + offset - y, x) for x, y in batch]
        slope -= arguments.lr * 2 * sum(error * x for error, x in errors) / len(batch)
        offset -= arguments.lr * 2 * sum(error for error, _ in errors) / len(batch)
    loss = sum((slope * x + offset - y) ** 2 for x, y in points) / len(points)
    print(json.dumps({"step": epoch, "loss": loss}), flush=True)
