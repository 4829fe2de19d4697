#!/usr/bin/env python3
"""The status table and the results file of the source's tuner, from the folders of our studies.

Usage: results.py FOLDER... [--write FILE]

Several folders are repetitions (`clavier run … --repeat N` makes one per seed). Works while a study
runs, too; reads study.db (docs/log.md) and the trials' result.json (docs/trial-directories.md) only.
Per trial, result.json holds one line of JSON for each evaluation: iteration, accuracy and the rest.
"""
import argparse
import json
import pathlib
import sqlite3
import statistics
import sys
import tomllib

COLUMNS = ("name", "status", "CPU/GPU", "node", "lr", "momentum", "batch size", "accuracy", "iterations", "seconds")
ENDED = {"completed", "stopped", "failed"}


class Study:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        if not (self.folder / "study.db").exists():
            sys.exit(f"{folder} is not the folder of a study: it has no study.db")
        self.db = sqlite3.connect(f"file:{self.folder / 'study.db'}?mode=ro", uri=True)
        self.text = ""
        self.nodes, self.slots = {}, {}
        self.live = {}  # trial: slot of its last launch
        self.status = {}
        self.exploits = self.seconds = 0
        self.read()

    def read(self):
        for kind, trial, self.seconds, body, decisions in self.db.execute(
                "SELECT kind, trial, time_s, body, decisions FROM clean_step ORDER BY id"):
            if decisions and decisions.startswith("["):
                self.exploits += decisions.count('"action": "exploit"')
            if body:
                self.take(kind, trial, json.loads(body))

    def take(self, kind, trial, body):
        if kind == "opened":
            self.text = body.get("study", self.text)
        elif kind == "node_joined":
            node = body["node"]
            self.nodes[node["id"]] = node["host"]
            self.slots.update({slot["id"]: {**slot, "used": 0} for slot in node.get("slots", [])})
        elif kind == "exited":
            self.status[trial if trial is not None else body["trial"]] = body["exit"]
        for launch in body.get("launches", []):
            slot = launch["shares"][0]["slot"]
            self.slots.setdefault(slot, {"id": slot, "used": 0})["used"] += 1
            for member in launch["members"]:
                self.live[member["trial"]] = slot
                self.status[member["trial"]] = "running"

    def state(self, trial):
        status = self.status.get(trial, "pending")
        return "RUNNING" if status == "running" else "TERMINATED" if status in ENDED else "PENDING"

    def rows(self):
        trainer = tomllib.loads(self.text).get("trainer", {})
        for trial, directory in self.db.execute("SELECT id, directory FROM trial ORDER BY id"):
            lines = read_lines(self.folder / directory / "result.json")
            last = lines[-1] if lines else {}
            config = last.get("config", {})
            slot = self.slots.get(self.live.get(trial), {})
            yield {"name": last.get("trial_id", f"trial {trial}"),
                   "status": self.state(trial), "CPU/GPU": kind_of(slot), "node": self.nodes.get(slot.get("node", 0), ""),
                   "lr": config.get("lr"), "momentum": config.get("momentum"),
                   "batch size": config.get("batch_size", trainer.get("batch_size", 32)),
                   "accuracy": last.get("accuracy"), "iterations": last.get("training_iteration", 0),
                   "seconds": last.get("time_total_s", 0.0), "lines": lines}


def read_lines(file):
    """Every whole line; the last one may be on its way."""
    lines = []
    if file.exists():
        for line in file.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                break
    return lines


def kind_of(slot):
    if not slot:
        return ""
    gpus = slot.get("gpus", len(slot.get("gpu_ids", [])))
    return f"{slot.get('cpus', 1):g} CPU" + (f", {gpus:g} GPU" if gpus else "")


def cell(value):
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def table(rows):
    text = [COLUMNS] + [tuple(cell(row[column]) for column in COLUMNS) for row in rows]
    widths = [max(len(line[i]) for line in text) for i in range(len(COLUMNS))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() for line in text)


def total(rows, name):
    return sum(line.get(name, 0.0) for row in rows for line in row["lines"])


def report(study, rows):
    ended = sum(row["status"] == "TERMINATED" for row in rows)
    best = max((row["accuracy"] for row in rows if row["accuracy"] is not None), default=0.0)
    times = ", ".join(f"{what} {total(rows, f'time_{what}_s'):.1f} s" for what in ("train", "eval", "load", "save"))
    slots = "\n".join(f"  slot {slot['id']}: {kind_of(slot)} on {study.nodes.get(slot.get('node', 0), '?')}, used {slot['used']} times"
                      for slot in study.slots.values())
    return best, "\n".join([
        f"{study.folder.name}: {study.seconds:.1f} s, {ended} of {len(rows)} trials ended, {study.exploits} perturbations",
        f"time of all slots: {times}", slots, table(rows), f"best of the last accuracies: {best:.4f}", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--write", type=pathlib.Path, help="append everything, and the study file, to this file")
    options = parser.parse_args()
    studies = [Study(folder) for folder in options.folders]
    parts, best, seconds = [], [], []
    for study in studies:
        value, text = report(study, list(study.rows()))
        parts.append(text)
        best.append(value)
        seconds.append(study.seconds)
    if len(studies) > 1:
        parts.append(f"{len(studies)} repetitions: mean run time {statistics.mean(seconds):.1f} s, "
                     f"mean best accuracy {statistics.mean(best):.4f}")
    print("\n".join(parts))
    if options.write:
        with options.write.open("a") as file:
            file.write(studies[0].text + "\n" + "\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
