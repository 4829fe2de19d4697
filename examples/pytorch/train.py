#!/usr/bin/env python3
"""A PyTorch classifier on the digits, tuned by Clavier: optimizer, schedule, resume.

    clavier run study.toml                                          # tune
    CLAVIER_CONFIG='{"lr": 0.01, "hidden": 64}' python3 train.py    # one training, by hand

Everything that a later epoch depends on is in the checkpoint (weights, optimizer, schedule, the
generator that shuffles), so a trial that was paused, moved or killed goes on as if nothing had
happened. Needs torch.
"""

import os

import clavier
import torch
from torch import nn

EPOCHS = 20
DIGITS = os.path.join(os.environ.get("CLAVIER_DATA") or os.path.expanduser("~/.cache/clavier"),
                      "digits", "digits.csv")


def load_digits():
    """1,797 images of 8 x 8 and their labels; a line each: 64 brightnesses, then the digit."""
    with open(DIGITS) as file:
        rows = torch.tensor([[float(field) for field in line.split(",")] for line in file])
    images, labels = rows[:, :64] / 16, rows[:, 64].long()
    return (images[:1400], labels[:1400]), (images[1400:], labels[1400:])


class Training:
    """One trial: builds everything from its configuration, and goes on from its checkpoint."""

    def __init__(self, trial):
        config = trial.config
        torch.manual_seed(config.get("seed", 0))
        hidden = config["hidden"]
        self.model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=config["lr"],
                                           weight_decay=config.get("weight_decay", 0.01))
        # The schedule spans the whole training, however often it is interrupted.
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, EPOCHS)
        self.shuffle = torch.Generator().manual_seed(0)
        self.batch = config.get("batch", 32)
        self.epoch = 0
        if trial.checkpoint:
            self.load(trial.checkpoint)

    def parts(self):
        return {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}

    def load(self, directory):
        state = torch.load(os.path.join(directory, "state.pt"))
        for name, part in self.parts().items():
            part.load_state_dict(state[name])
        self.shuffle.set_state(state["shuffle"])
        self.epoch = state["epoch"]

    def save(self, directory):
        """Called by Clavier when it wants a checkpoint, with an empty directory."""
        state = {name: part.state_dict() for name, part in self.parts().items()}
        state.update(shuffle=self.shuffle.get_state(), epoch=self.epoch)
        torch.save(state, os.path.join(directory, "state.pt"))

    def train_epoch(self, images, labels):
        for batch in torch.randperm(len(images), generator=self.shuffle).split(self.batch):
            loss = nn.functional.cross_entropy(self.model(images[batch]), labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        self.schedule.step()
        self.epoch += 1

    @torch.no_grad()
    def evaluate(self, images, labels):
        scores = self.model(images)
        return {"loss": nn.functional.cross_entropy(scores, labels).item(),
                "accuracy": (scores.argmax(1) == labels).float().mean().item()}


def main():
    train, validation = load_digits()
    for trial in clavier.trials():  # torch is imported once, trial after trial uses it.
        training = Training(trial)
        while training.epoch < EPOCHS:
            training.train_epoch(*train)
            metrics = training.evaluate(*validation)
            if not trial.report(metrics, step=training.epoch, checkpoint=training.save):
                break  # Paused or stopped: what was reported is safe.


if __name__ == "__main__":
    main()
