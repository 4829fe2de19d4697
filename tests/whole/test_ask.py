"""Several processes that ask and tell at once, and what becomes of them when they are killed."""
import json
import os
import signal
import subprocess
import unittest

from harness import WholeProgram

STUDY = """
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 24

[space]
x = { uniform = [-1, 1] }

[search]
algorithm = "tpe"
"""

# A user's loop: ask, evaluate, tell, until there is nothing more.
LOOP = """
while t=$("$CLAVIER" ask "$1" --json 2>> errors.txt); do
  n=$(echo "$t" | sed 's/.*"trial": *\\([0-9]*\\).*/\\1/')
  x=$(echo "$t" | sed 's/.*"x": *\\([-+.e0-9]*\\).*/\\1/')
  "$CLAVIER" tell "$1" "$n" loss="$x" >> told.txt 2>> errors.txt || exit 3
done
"""


class AskAndTell(WholeProgram):
    def setUp(self):
        super().setUp()
        self.study = self.write("study.toml", STUDY)
        self.loop = self.write("loop.sh", LOOP)

    def start_loop(self):
        environment = {**self.surroundings(), "CLAVIER": self.command()[0]}
        process = subprocess.Popen(["sh", str(self.loop), str(self.study)], cwd=self.folder, env=environment,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def trials(self):
        return json.loads(self.clavier("trials", "s", "--json").stdout)

    def test_four_loops_at_once_end_with_one_whole_study(self):
        loops = [self.start_loop() for _ in range(4)]
        for loop in loops:
            self.assertEqual(loop.wait(120), 0, (self.folder / "errors.txt").read_text())
        trials = self.trials()
        self.assertEqual([t["trial"] for t in trials], list(range(24)))
        self.assertEqual({t["status"] for t in trials}, {"completed"})
        for t in trials:
            self.assertAlmostEqual(t["best"], t["config"]["x"], 12)
        self.assertEqual(len({t["config"]["x"] for t in trials}), 24)
        self.assertIn("all as logged", self.clavier("verify", "s").stdout)
        best = json.loads(self.clavier("best", "s", "--json").stdout)
        self.assertEqual(best["value"], min(t["best"] for t in trials))
        self.assertIn("finished", self.clavier("status", "s").stdout)

    def test_killed_loops_lose_nothing_that_was_told(self):
        loops = [self.start_loop() for _ in range(4)]
        told = self.folder / "told.txt"
        self.wait_until(lambda: told.exists() and len(told.read_text().splitlines()) >= 6, "six trials")
        for loop in loops[:3]:
            os.killpg(loop.pid, signal.SIGKILL)
            loop.wait()
        self.assertEqual(loops[3].wait(120), 0)
        trials = self.trials()
        self.assertEqual(len(trials), 24)
        done = [t["trial"] for t in trials if t["status"] == "completed"]
        for line in told.read_text().splitlines():
            self.assertIn(int(line.split()[1]), done)
        out = [t["trial"] for t in trials if t["status"] == "running"]
        self.assertEqual(len(done) + len(out), 24)
        for trial in out:
            self.clavier("tell", "s", trial, "--lost", "killed")
        self.assertEqual(self.start_loop().wait(60), 0)
        self.assertEqual({t["status"] for t in self.trials()}, {"completed"})
        self.assertIn("all as logged", self.clavier("verify", "s").stdout)

    def test_a_study_that_runs_hands_out_nothing(self):
        self.study.write_text(STUDY + '\n[worker]\ncommand = ["sleep", "60"]\n')
        self.start("run", self.study)
        self.wait_until(lambda: self.query("s", "SELECT * FROM step WHERE kind = 'node_joined'"), "the run")
        self.assertIn("being run by process", self.clavier("ask", "s", expect=1).stderr)


if __name__ == "__main__":
    unittest.main()
