"""A study that is interrupted within its trials' steps goes the way of one that is not."""
import csv
import json
import os
import pathlib
import signal
import unittest

from harness import BIN, WholeProgram

# Interrupts its tuner in the middle of the steps that `interrupts` names ("trial.step"), each once, and reports only
# when it has heard of the pause: so every such report crosses with it.
WORKER = """
import clavier, json, os, pathlib, signal, time

def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])

for trial in clavier.trials():
    step = json.load(open(os.path.join(trial.checkpoint, "s"))) if trial.checkpoint else 0
    while True:
        step += 1
        mark = pathlib.Path("interrupts", f"{trial.id}.{step}")
        if mark.exists():
            mark.unlink()
            os.kill(parent(os.getppid()), signal.SIGINT)
            while not trial.should_stop():
                time.sleep(0.005)
        loss = (trial.config["x"] - 0.3) ** 2 + 1 / step
        if not trial.report({"loss": loss}, step, lambda d: json.dump(step, open(os.path.join(d, "s"), "w"))):
            break
"""

STUDY = """
[study]
name = "NAME"
metric = "loss"
mode = "min"
trials = 6
seed = 3
[space]
x = { uniform = [0, 1] }
[scheduler]
SCHEDULER
[worker]
command = ["python3", "worker.py"]
[cluster]
workers = 1
"""

SCHEDULERS = {
    "stopping": 'algorithm = "asha"\ngrace = 1\nreduction = 2\nmax_steps = 8',
    "promotion": 'algorithm = "asha"\nvariant = "promotion"\ngrace = 1\nreduction = 2\nmax_steps = 8',
}


class Interrupts(WholeProgram):
    def course(self, name):
        """What every trial reported, where, and what was decided on it."""
        results = []
        for folder in sorted((self.home / name).glob("*/")):
            lines = [json.loads(line) for line in (folder / "result.json").read_text().splitlines()]
            steps = [line["training_iteration"] for line in lines]
            with open(folder / "progress.csv", newline="") as file:
                self.assertEqual([int(row["training_iteration"]) for row in csv.DictReader(file)], steps)
            results.append([(line["training_iteration"], line["loss"], line["done"]) for line in lines])
        decisions = self.query(name, "select trial, action, until, reason from decision where action != 'requeue'")
        best = json.loads(self.clavier("best", name, "--json").stdout)
        return results, sorted(decisions, key=lambda each: each[0]), (best["trial"], best["value"], best["step"])

    def test_an_interrupted_study_goes_the_way_of_an_uninterrupted_one(self):
        self.write("worker.py", WORKER)
        marks = self.folder / "interrupts"
        marks.mkdir()
        for kind, scheduler in SCHEDULERS.items():
            study = STUDY.replace("SCHEDULER", scheduler)
            self.clavier("run", self.write("whole.toml", study.replace("NAME", f"{kind}-whole")))
            # In the way to a rung, at one, in the last step, and where trial 1 is stopped or paused.
            for mark in ("0.1", "0.2", "0.3", "0.8", "1.1", "3.1", "5.2"):
                (marks / mark).touch()
            file = self.write("cut.toml", study.replace("NAME", f"{kind}-cut"))
            runs = 1
            while self.clavier("run", file, expect=None).returncode == 130:
                runs += 1
            self.assertGreater(runs, 4)
            for mark in marks.iterdir():  # Its trial was not that long.
                mark.unlink()
            self.assertEqual(self.course(f"{kind}-cut"), self.course(f"{kind}-whole"))
            self.assertEqual(self.query(f"{kind}-cut", "select count(*) from report where late"), [(0,)])
            self.clavier("verify", f"{kind}-cut")


DIGITS = """
[study]
name = "NAME"
metric = "accuracy"
mode = "max"
trials = 4
seed = 3
[space]
lr = { loguniform = [1e-3, 1e-1] }
[scheduler]
algorithm = "asha"
grace = 2
reduction = 2
max_steps = 8
[trainer]
model = "mlp"
data = "digits"
device = "cpu"
[cluster]
workers = 1
"""


# Where `clavier data digits` puts them.
DATA = pathlib.Path(os.environ.get("CLAVIER_DATA", pathlib.Path.home() / ".cache" / "clavier"))


@unittest.skipUnless((BIN / "clavier-train").exists(), "built without LibTorch")
@unittest.skipUnless((DATA / "digits" / "digits.csv").exists(), "the digits are not here")
class BuiltInTrainer(WholeProgram):
    def setUp(self):
        super().setUp()
        self.environment["CLAVIER_DATA"] = str(DATA)

    def curves(self, name):
        metrics = ("training_iteration", "accuracy", "loss", "train_loss", "done")
        return [[[json.loads(line)[metric] for metric in metrics] for line in path.read_text().splitlines()]
                for path in sorted((self.home / name).glob("*/result.json"))]

    def test_an_interrupted_study_has_the_same_curves_to_the_last_bit(self):
        self.clavier("run", self.write("whole.toml", DIGITS.replace("NAME", "whole")))
        file = self.write("cut.toml", DIGITS.replace("NAME", "cut"))
        for reports in (1, 4, 7, 11):
            process = self.start("run", file)
            self.wait_until(lambda: process.poll() is not None or self.query(
                "cut", "select count(*) from report")[:1] >= [(reports,)], f"report {reports}")
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(60)
        self.clavier("run", file)
        self.assertEqual(self.curves("cut"), self.curves("whole"))
        self.assertEqual(self.query("cut", "select count(*) from report where late"), [(0,)])


LOSSES = """
import clavier
for trial in clavier.trials():
    for step, loss in enumerate([3, 1, 2, float("nan"), float("-inf")], 1):
        if not trial.report({"loss": loss}, step, lambda d: open(d + "/s", "w").write(str(step))):
            break
"""

# Trial 0 has its best at step 3 and is the worst from then on.
LUCKY = """
import clavier, json, os
for trial in clavier.trials():
    step = json.load(open(os.path.join(trial.checkpoint, "s"))) if trial.checkpoint else 0
    while step < 15:
        step += 1
        loss = 1.0 + trial.id * 0.01
        if trial.id == 0:
            loss = 0.01 if step == 3 else 10.0
        if not trial.report({"loss": loss, "x_used": trial.config["x"]}, step,
                            lambda d: json.dump(step, open(os.path.join(d, "s"), "w"))):
            break
"""


class Best(WholeProgram):
    def best(self, name):
        best = json.loads(self.clavier("best", name, "--json").stdout)
        return best, int(pathlib.Path(best["checkpoint"], "s").read_text())

    def test_the_best_model_is_kept_and_named_whatever_came_later(self):
        self.write("worker.py", LOSSES)
        study = STUDY.replace("SCHEDULER", "").replace("trials = 6", "trials = 1").replace("NAME", "losses")
        shown = self.clavier("run", self.write("s.toml", study)).stdout
        best, saved = self.best("losses")
        self.assertEqual((best["value"], best["step"], best["checkpoint_step"], saved), (1, 2, 2, 2))
        self.assertIn("(step 2)", shown)

    def test_after_a_takeover_the_best_has_the_configuration_that_made_it(self):
        self.write("worker.py", LUCKY)
        study = STUDY.replace("SCHEDULER", 'algorithm = "pbt"\ninterval = 5\nmax_steps = 15').replace("NAME", "lucky")
        shown = self.clavier("run", self.write("s.toml", study)).stdout
        best, saved = self.best("lucky")
        self.assertEqual((best["trial"], best["value"], best["step"], saved), (0, 0.01, 3, 3))
        used, = self.query("lucky", "select metrics ->> 'x_used' from report where trial = 0 and iteration = 3")
        self.assertEqual(best["config"]["x"], used[0])
        self.assertTrue(self.query("lucky", "select 1 from decision where trial = 0 and action = 'exploit'"))
        self.assertIn(f"x = {used[0]}", shown)


if __name__ == "__main__":
    unittest.main()
