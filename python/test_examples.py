"""The workers of examples/any_language against a tuner on a socketpair."""

import json
import os
import subprocess
import sys
import unittest

from test_clavier import HERE, WithTuner

EXAMPLES = os.path.join(HERE, os.pardir, "examples", "any_language")


class ExampleTest(WithTuner):
    def start_worker(self, *command):
        fd = self.tuner.theirs.fileno()
        worker = subprocess.Popen(command, cwd=EXAMPLES, pass_fds=[fd],
                                  env=dict(os.environ, CLAVIER_FD=str(fd)))
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker

    def hear_trial(self):
        """Steps with their losses, checkpoints, and how it ended."""
        losses, checkpoints = {}, []
        while True:
            message = self.tuner.hear()
            if "checkpoint" in message:
                checkpoints.append(message["checkpoint"])
            if message["type"] == "report":
                losses[message["step"]] = message["metrics"]["loss"]
            elif message["type"] == "exited":
                return losses, checkpoints, message["kind"]

    def check_worker(self, config, last, *command):
        worker = self.start_worker(*command)
        self.assertEqual(self.tuner.hear()["type"], "hello")
        self.tuner.start(self.directory, config=config)
        whole, _, kind = self.hear_trial()
        self.assertEqual((list(whole), kind), (list(range(1, last + 1)), "completed"))
        self.assertLess(whole[last], whole[1])

        self.tuner.start(self.directory, trial=8, launch=13, config=config, until=2)
        self.tuner.tell(type="pause")
        first, checkpoints, kind = self.hear_trial()
        if not checkpoints:  # It read the pause before it came to `until`.
            self.fail("no checkpoint before the pause")
        self.assertEqual(kind, "paused")
        at = max(first)
        self.tuner.start(self.directory, trial=8, launch=14, config=config, step=at, until=at + 1,
                         checkpoint=os.path.join(self.directory, checkpoints[-1]))
        self.assertEqual(self.tuner.hear()["step"], at + 1)
        self.tuner.tell(type="continue", until=None)
        rest, _, kind = self.hear_trial()
        self.assertEqual(kind, "completed")
        self.assertEqual({**first, **rest, at + 1: whole[at + 1]}, whole)

        self.tuner.start(self.directory, trial=9, launch=15, config=config, until=1)
        self.tuner.tell(type="stop")
        self.assertEqual(self.hear_trial()[2], "stopped")
        self.tuner.tell(type="quit")
        self.assertEqual(worker.wait(timeout=30), 0)

    def test_the_shell_worker_does_all_a_worker_can(self):
        self.check_worker({"lr": 0.1}, 10, "bash", "worker.sh")

    def test_the_python_client_does_all_a_worker_can(self):
        self.check_worker({"lr": 0.1, "batch": 8}, 20, sys.executable, "train_client.py")

    def test_the_bare_script_prints_its_reports(self):
        out = subprocess.run([sys.executable, "train.py", "--lr=0.2", "--epochs=3"], cwd=EXAMPLES,
                             stdout=subprocess.PIPE, check=True).stdout
        reports = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([report["step"] for report in reports], [1, 2, 3])
        self.assertLess(reports[2]["loss"], reports[0]["loss"])


if __name__ == "__main__":
    unittest.main()
