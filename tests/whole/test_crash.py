"""What must not break: kill -9 of anything, Ctrl-C, a full disk, two tuners at once."""
import contextlib
import json
import os
import re
import signal
import subprocess
import unittest

from harness import WholeProgram, workers_alive

# Trains for 40 steps of 20 ms, with a checkpoint at every step; the marker tells it apart.
WORKER = """
import json, pathlib, sys, time
import clavier
marker = sys.argv[1]
for trial in clavier.trials():
    start = 0
    if clavier.checkpoint():
        start = int((pathlib.Path(clavier.checkpoint()) / "step").read_text())
    for step in range(start + 1, 41):
        time.sleep(0.02)
        def save(folder, step=step):
            (pathlib.Path(folder) / "step").write_text(str(step))
        clavier.report({"loss": trial.config["x"] ** 2 + 1 / step}, step=step, checkpoint=save)
        if clavier.should_stop():
            break
"""

STUDY = """
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 4
max_failures = 0

[space]
x = {{ uniform = [-1, 1] }}

[worker]
command = ["python3", "worker.py", "{marker}"]

[checkpoint]
every = 1

[cluster]
workers = 2
"""


class Crash(WholeProgram):
    def setUp(self):
        super().setUp()
        self.marker = f"clavier-marker-{os.getpid()}-{self.id().rsplit('.', 1)[1]}"
        self.write("worker.py", WORKER)
        self.text = STUDY.format(marker=self.marker).replace("max_failures = 0\n", "")
        self.study = self.write("study.toml", self.text)

    def reports(self):
        rows = self.query("s", "select count(*) from step where kind = 'report'")
        return rows[0][0] if rows else 0

    def run_until(self, reports):
        process = self.start("run", self.study)
        self.wait_until(lambda: self.reports() >= reports or process.poll() is not None, f"{reports} reports")
        self.assertIsNone(process.poll(), self.output())
        return process

    def finish(self):
        self.clavier("run", self.study)
        trials = self.trials("s")
        self.assertEqual(len(trials), 4)
        self.assertEqual({trial["status"] for trial in trials}, {"completed"})
        self.assertEqual({trial["step"] for trial in trials}, {40})
        self.clavier("verify", "s")

    def no_worker_survives(self):
        self.wait_until(lambda: not workers_alive(self.marker), "the end of all workers")

    def test_the_tuner_killed(self):
        process = self.run_until(30)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.no_worker_survives()
        before = self.reports()
        self.finish()
        # Resumed from checkpoints: far fewer steps are repeated than were done.
        self.assertLess(self.reports(), 4 * 40 + 8)
        self.assertGreater(self.reports(), before)

    def checkpoints(self):
        return {str(path.relative_to(self.home / "s")) for path in (self.home / "s").glob("*/*checkpoint_*")}

    def test_no_checkpoint_is_left_that_no_step_names(self):
        process = self.run_until(30)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.no_worker_survives()
        trial = next((self.home / "s").glob("s_*"))
        (trial / "checkpoint_000099_7").mkdir()
        (trial / ".checkpoint_000098_7.part").mkdir()
        self.finish()
        # The newest and the best of each of the four trials.
        self.assertLessEqual(len(self.checkpoints()), 8)

    def test_a_worker_killed_is_retried_from_its_last_checkpoint(self):
        process = self.run_until(30)
        victim = [pid for pid, command in workers_alive(self.marker) if command.startswith("python3")][0]
        os.kill(victim, signal.SIGKILL)
        self.assertEqual(process.wait(60), 0, self.output())
        self.assertEqual(self.query("s", "select count(*) from step where kind = 'exited' and body like '%lost%'"), [(1,)])
        self.assertLess(self.reports(), 4 * 40 + 4)
        self.no_worker_survives()

    def test_both_killed(self):
        process = self.run_until(30)
        for pid, _ in workers_alive(self.marker):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.no_worker_survives()
        self.finish()

    def test_what_a_forking_worker_started_does_not_survive_its_guard(self):
        self.write("fork.py", "import os, time\nif os.fork(): print('{\"loss\": 1}', flush=True)\ntime.sleep(1000)\n")
        forking = self.write("fork.toml", self.text.replace("worker.py", "fork.py"))
        process = self.start("run", forking)
        self.wait_until(lambda: len([c for _, c in workers_alive(self.marker) if "--guard" not in c]) == 4, "two pairs")
        guards = [pid for pid, command in workers_alive(self.marker) if "--guard" in command]
        for victim in [process.pid, *guards]:
            os.kill(victim, signal.SIGKILL)
        process.wait()
        # The next run ends them before it starts anything.
        self.clavier("run", forking, "--set", "worker.command=['true', '{x}']", "--set", "study.trials=1", expect=None)
        self.assertEqual(workers_alive(self.marker), [])

    def test_one_interrupt_closes_in_order_and_can_be_resumed(self):
        process = self.run_until(20)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130, self.output())
        self.assertIn("Ctrl-C again ends at once", self.output())
        self.no_worker_survives()
        self.finish()
        self.assertLessEqual(self.reports(), 4 * 40 + 2)

    def test_two_interrupts_end_at_once(self):
        process = self.run_until(20)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 130, self.output())
        self.no_worker_survives()
        self.finish()

    def test_a_terminal_that_closes_pauses(self):
        process = self.run_until(20)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.wait(60), 130, self.output())
        self.assertNotIn("ended at once", self.output())
        self.no_worker_survives()
        self.finish()

    def test_a_second_tuner_is_refused(self):
        self.run_until(5)
        refused = self.clavier("run", self.study, expect=1)
        self.assertIn("being run by process", refused.stderr)
        (self.home / "s" / "control.sock").unlink()
        self.assertIn("is running", self.clavier("clean", "s", "--yes", expect=1).stderr)
        self.assertIn("running", self.clavier("list").stdout)

    def test_reading_commands_work_while_it_runs(self):
        self.run_until(10)
        self.assertIn("s", self.clavier("list").stdout)
        self.clavier("status", "s")
        self.assertTrue(self.trials("s"))
        self.clavier("show", "0", "s")

    def test_stop_reaches_the_running_study(self):
        process = self.run_until(5)
        self.clavier("stop", "s", "0")
        self.wait_until(lambda: self.trials("s")[0]["status"] == "stopped", "trial 0 to stop")
        self.clavier("stop", "s")
        self.assertEqual(process.wait(60), 0, self.output())
        self.no_worker_survives()

    def live_on_a_small_disk(self, size):
        mount = self.folder / "small"
        mount.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", mount], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a small file system needs the right to mount one")
        self.addCleanup(subprocess.run, ["umount", "-l", str(mount)])
        self.home = mount
        return mount

    def test_checkpoints_that_do_not_fit_fail_no_trial(self):
        mount = self.live_on_a_small_disk("1500k")
        self.write("worker.py", WORKER.replace("write_text(str(step))", "write_text(str(step).zfill(200_000))"))
        process = self.start("run", self.study)
        # Whichever does not fit first: a checkpoint or the log.
        self.wait_until(lambda: re.search("the disk is full|no space left", self.output()), "a word about the disk")
        subprocess.run(["mount", "-o", "remount,size=20m", mount], check=True)
        self.assertEqual(process.wait(60), 0, self.output())
        self.assertEqual({trial["status"] for trial in self.trials("s")}, {"completed"})

    def test_a_limit_on_open_files_makes_trials_wait(self):
        study = self.write("many.toml", self.text.replace("workers = 2", "workers = 8\n[trial]\ncpus = 0.1")
                           .replace("trials = 4", "trials = 8"))
        self.clavier("run", study, before=["prlimit", "--nofile=64:64"])
        self.assertEqual([trial["status"] for trial in self.trials("s")], ["completed"] * 8)

    def test_a_limit_on_file_sizes_has_a_message(self):
        ended = self.clavier("run", self.study, before=["prlimit", "--fsize=40000:40000"], expect=None)
        self.assertGreater(ended.returncode, 0, "killed by a signal")

    def run_until_the_disk_is_full(self):
        ballast = self.live_on_a_small_disk("3m") / "ballast"
        process = self.run_until(5)
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096) == 4096:
                pass
        self.wait_until(lambda: "no space left to write" in self.output(), "a word about the log")
        return ballast, process

    def test_a_full_disk_is_waited_for(self):
        ballast, process = self.run_until_the_disk_is_full()
        ballast.unlink()
        self.assertEqual(process.wait(60), 0, self.output())
        self.no_worker_survives()
        self.assertEqual({trial["status"] for trial in self.trials("s")}, {"completed"})
        self.clavier("verify", "s")

    def test_an_interrupt_on_a_full_disk_is_a_clear_error_and_loses_nothing(self):
        ballast, process = self.run_until_the_disk_is_full()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 1, self.output())
        self.no_worker_survives()
        ballast.unlink()
        self.finish()


if __name__ == "__main__":
    unittest.main()
