"""Trials trained as one array: killed, stopped one by one, taken up again."""
import os
import signal
import unittest

from harness import WholeProgram, workers_alive

# Trains all trials of a launch at once, 30 steps of 20 ms with a checkpoint at every step, in the raw protocol.
WORKER = """
import json, os, pathlib, select, socket, sys, time
wire = socket.socket(fileno=int(os.environ["CLAVIER_FD"]))
heard = b""

def say(**message):
    wire.sendall((json.dumps(message) + chr(10)).encode())

def hear(block):
    global heard
    while b"\\n" not in heard:
        if not block and not select.select([wire], [], [], 0)[0]:
            return None
        more = wire.recv(65536)
        if not more:
            sys.exit()
        heard += more
    line, heard = heard.split(b"\\n", 1)
    message = json.loads(line)
    if message["type"] == "quit":
        sys.exit()
    return message

def train(starts):
    live = {start["trial"]: start for start in starts}
    launch, step = starts[0]["launch"], starts[0]["step"]
    assert all(start["step"] == step for start in starts)
    with open(os.environ["SIZES"], "a") as sizes:
        sizes.write(f"{len(starts)} {sorted({start['config']['kind'] for start in starts})}" + chr(10))
    while live:
        step += 1
        time.sleep(0.02)
        trials = list(live)
        for trial in trials:
            name = f"checkpoint_{step:06d}_{launch}"
            folder = pathlib.Path(live[trial]["directory"], name)
            folder.mkdir(parents=True)
            (folder / "step").write_text(str(step))
            loss = live[trial]["config"]["x"] ** 2 + 1 / step
            say(type="report", trial=trial, launch=launch, step=step, metrics={"loss": loss}, checkpoint=name,
                more=trial != trials[-1])
        waits = lambda: any(each["until"] is not None and step >= each["until"] for each in live.values())
        while live:
            message = hear(waits())
            if message is None:
                break
            trial = message.get("trial", trials[0])
            if message["type"] == "continue" and trial in live:
                live[trial]["until"] = message["until"]
            elif message["type"] in ("stop", "pause") and live.pop(trial, None):
                kind = {"stop": "stopped", "pause": "paused"}[message["type"]]
                say(type="exited", trial=trial, launch=launch, kind=kind)
        if step == 30:
            for trial in list(live):
                say(type="exited", trial=trial, launch=launch, kind="completed")
            return

say(type="hello", version=1, resume=True, several=True, takes={"members": 4})
starts = []
while True:
    message = hear(True)
    if message["type"] != "start":
        continue
    starts = [start for start in starts if start["launch"] == message["launch"]] + [message]
    if len(starts) == message.get("members", 1):
        train(starts)
        starts = []
"""

STUDY = """
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 24
seed = 3

[space]
x = {{ uniform = [-1, 1] }}
kind = {{ choice = ["a", "b"] }}

[search]
algorithm = "random"  # Whatever order reports come in.

[fusion]
members = 4
shared = ["kind"]

[worker]
command = ["python3", "worker.py", "{marker}"]
environment = {{ SIZES = "{sizes}" }}

[checkpoint]
every = 1

[cluster]
workers = 2
"""


class Arrays(WholeProgram):
    def setUp(self):
        super().setUp()
        self.marker = f"clavier-marker-{os.getpid()}-{self.id().rsplit('.', 1)[1]}"
        self.write("worker.py", WORKER)
        self.sizes = self.folder / "sizes"
        self.text = STUDY.format(marker=self.marker, sizes=self.sizes)
        self.study = self.write("study.toml", self.text)

    def reports(self):
        rows = self.query("s", "select count(*) from step where kind = 'report'")
        return rows[0][0] if rows else 0

    def reported(self):
        """Of all trials; a boundary of an array is one step of the log."""
        return sum(trial["reports"] for trial in self.trials("s"))

    def launches(self):
        return self.sizes.read_text().splitlines() if self.sizes.exists() else []

    def run_until_arrays_report(self):
        """An array of at least three is under way and has reported."""
        process = self.start("run", self.study)
        self.wait_until(lambda: process.poll() is not None or
                        (any(line[0] in "34" for line in self.launches()) and self.reports() > 40), "an array")
        self.assertIsNone(process.poll(), self.output())
        return process

    def finish(self, statuses=("completed",)):
        self.clavier("run", self.study)
        trials = self.trials("s")
        self.assertEqual(len(trials), 24)
        self.assertEqual({trial["status"] for trial in trials}, set(statuses))
        self.assertEqual({trial["step"] for trial in trials if trial["status"] == "completed"}, {30})
        self.clavier("verify", "s")

    def kill_workers(self):
        for pid, command in workers_alive(self.marker):
            if command.startswith("python3"):
                os.kill(pid, signal.SIGKILL)

    def no_worker_survives(self):
        self.wait_until(lambda: not workers_alive(self.marker), "the end of all workers")

    def test_those_that_agree_are_trained_as_one(self):
        self.finish()
        self.assertTrue(any(line.startswith(("3", "4")) for line in self.launches()), self.launches())
        self.assertTrue(all(line.count("'") == 2 for line in self.launches()), "only one kind in each")
        self.assertIn("as one with", self.clavier("show", "s", "3").stdout)
        self.assertIn("launch", self.clavier("trials", "s", "--columns", "trial,launch").stdout)

    def test_arrays_change_no_result(self):
        self.finish()
        alone = self.write("alone.toml", self.text.replace('"s"', '"alone"').replace("members = 4", "members = 1"))
        self.clavier("run", alone)
        facts = [[(trial["config"], trial["best"], trial["step"]) for trial in self.trials(name)] for name in ("s", "alone")]
        self.assertEqual(facts[0], facts[1])

    def test_a_worker_killed_with_a_full_array(self):
        process = self.run_until_arrays_report()
        self.kill_workers()
        self.assertEqual(process.wait(60), 0, self.output())
        self.assertEqual({trial["status"] for trial in self.trials("s")}, {"completed"})
        # Each went on from its own last checkpoint.
        self.assertLess(self.reported(), 24 * 30 + 24)
        self.clavier("verify", "s")

    def test_the_tuner_killed(self):
        process = self.run_until_arrays_report()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.no_worker_survives()
        self.finish()
        self.assertLess(self.reported(), 24 * 30 + 24)

    def test_both_killed(self):
        process = self.run_until_arrays_report()
        process.send_signal(signal.SIGSTOP)
        self.kill_workers()
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.no_worker_survives()
        self.finish()

    def test_an_interrupt_closes_in_order(self):
        process = self.run_until_arrays_report()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130, self.output())
        self.finish()
        self.assertEqual(self.reported(), 24 * 30)

    def test_the_user_stops_and_pauses_single_members(self):
        self.write("worker.py", WORKER.replace("time.sleep(0.02)", "time.sleep(0.1)"))
        process = self.run_until_arrays_report()
        running = [trial["trial"] for trial in self.trials("s") if trial["status"] == "running"]
        self.assertIn("as one with", "".join(self.clavier("why", "s", str(trial)).stdout for trial in running))
        self.clavier("stop", "s", str(running[-1]))
        self.clavier("pause", "s", str(running[-2]))
        self.wait_until(lambda: {trial["trial"]: trial["status"] for trial in self.trials("s")}[running[-2]] == "paused",
                        "the pause")
        self.clavier("resume", "s", str(running[-2]))
        self.assertEqual(process.wait(60), 0, self.output())
        self.finish(("completed", "stopped"))

    def test_a_worker_that_takes_no_arrays_is_refused_with_the_reason(self):
        self.write("worker.py", WORKER.replace(', takes={"members": 4}', ""))
        process = self.clavier("run", self.study, expect=None)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("'takes': 'members'", process.stdout + process.stderr)


if __name__ == "__main__":
    unittest.main()
