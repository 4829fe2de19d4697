"""Trials that take several slots of this machine at once, and what a plan measures of the slots."""
import json
import os
import signal
import socket
import time
import unittest

from harness import BIN, WholeProgram

WORKER = """
import json, os, time
for step in range(1, 4):
    time.sleep(0.05)
    print(json.dumps({"step": step, "loss": 1 / step, "slots": int(os.environ["CLAVIER_SLOTS"])}))
"""

STUDY = """
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 9
[space]
workers = { choice = [1, 2, 4] }
x = { uniform = [0, 1] }
[trial]
cpus = 0.25
slots = "workers"
[trial.stop]
steps = 3
[cluster]
slots = [{ count = 4 }]
[worker]
command = ["python3", "worker.py"]
"""


class Slots(WholeProgram):
    def setUp(self):
        super().setUp()
        self.write("worker.py", WORKER)
        self.study = self.write("study.toml", STUDY)

    def assert_trials_had_what_they_asked_for(self):
        trials = self.trials("s")
        self.assertEqual([trial["status"] for trial in trials], ["completed"] * 9)
        reported = self.query("s", "select trial, metrics from step where kind = 'report'")
        self.assertGreaterEqual(len(reported), 27)
        for trial, metrics in reported:
            self.assertEqual(json.loads(metrics)["slots"], trials[trial]["config"]["workers"])

    def test_every_process_knows_its_slots(self):
        self.clavier("run", self.study)
        self.assert_trials_had_what_they_asked_for()
        self.clavier("verify", "s")

    def test_a_killed_tuner_goes_on(self):
        process = self.start("run", self.study)
        self.wait_until(lambda: len(self.query("s", "select 1 from step where kind = 'report'")) >= 8, "a few reports")
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.2)
        self.clavier("run", self.study)
        self.assert_trials_had_what_they_asked_for()
        self.clavier("verify", "s")

    def test_too_many_are_refused_before_the_first_trial(self):
        error = self.clavier("run", self.study, "--set", "space.workers={ choice = [1, 5] }", expect=None)
        self.assertNotEqual(error.returncode, 0)
        self.assertIn("a trial may take 5 slots of one machine at once, and none has more than 4", error.stderr)
        self.assertFalse(self.home.exists() and any(self.home.iterdir()))

    def test_what_failed_is_not_compared_with_its_prediction(self):
        # A plain command cannot emulate a speed: every trial is refused.
        shown = self.clavier("run", self.study, "--set", "cluster.slots.0.speed=2", expect=None)
        self.assertNotEqual(shown.returncode, 0)
        self.assertIn("needs a worker that paces itself", shown.stderr)
        self.assertNotIn("predicted", shown.stdout)

    def test_a_probe_measures_slots_one_by_one(self):
        shown = self.clavier("plan", self.study, "--probe").stdout
        self.assertIn("measured here, an interval on each kind of slot", shown)
        self.assertIn("9 trials on 4 slots", shown)


class SharedMachine(WholeProgram):
    STUDY = """
[study]
metric = "loss"
mode = "min"
trials = 1
[worker]
command = ["python3", "-c", "import os; print('{\\"loss\\": %d}' % len(os.sched_getaffinity(0)))"]
[cluster]
workers = 1
"""

    def test_cores_that_another_study_holds_are_left_to_it(self):
        for core in os.sched_getaffinity(0):
            lock = socket.socket(socket.AF_UNIX)
            self.addCleanup(lock.close)
            try:
                lock.bind(f"\0clavier/core/{core}")
            except OSError:
                pass  # Some other test's study has it.
        study = self.write("s.toml", self.STUDY)
        self.assertIn("another study", self.clavier("run", study).stderr)
        self.assertEqual(self.trials("s")[0]["best"], len(os.sched_getaffinity(0)))

    def test_gpus_that_the_study_does_not_mention_are_told(self):
        fake = next(BIN.parent.glob("tests/support/libfake_nvml.so"), None)
        if fake is None:
            self.skipTest("built without tests")
        (self.folder / "libnvidia-ml.so.1").symlink_to(fake)
        self.environment.update(LD_LIBRARY_PATH=str(self.folder), FAKE_NVML_DEVICES="2")
        study = self.write("s.toml", self.STUDY)
        self.assertIn("this machine has 2 GPUs and trials use none", self.clavier("check", study).stderr)
        self.assertEqual(self.clavier("check", study, "--set", "trial.gpus=0").stderr, "")


if __name__ == "__main__":
    unittest.main()
