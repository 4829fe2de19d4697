"""python3 -m unittest test_clavier, in this folder."""

import contextlib
import decimal
import io
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import types
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import clavier  # noqa: E402


class Tuner:
    """The other end of the socket."""

    def __init__(self):
        self.wire, self.theirs = socket.socketpair()
        self.wire.settimeout(30)
        self._lines = self.wire.makefile("r", encoding="utf-8")

    def close(self):
        self._lines.close()
        self.wire.close()
        self.theirs.close()

    def tell(self, **message):
        self.wire.sendall(json.dumps(message).encode() + b"\n")

    def start(self, directory, **fields):
        message = {"trial": 7, "launch": 12, "attempt": 1, "config": {"lr": 0.1},
                   "directory": directory, "checkpoint": None, "step": 0, "until": None,
                   "width": 1.0, "checkpoint_every": 0, "checkpoint_at_end": False}
        message.update(fields)
        self.tell(type="start", **message)

    def hear(self):
        line = self._lines.readline()
        return json.loads(line) if line else None

    def hear_all(self):
        """To the end of the stream, which the worker has closed."""
        return [json.loads(line) for line in self._lines]


class WithTuner(unittest.TestCase):
    def setUp(self):
        self.tuner = Tuner()
        self.addCleanup(self.tuner.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = os.path.join(folder.name, "trial")

    def trial(self, **fields):
        """A trial in this process, whose hello was heard."""
        worker = clavier._Worker(self.tuner.theirs)
        self.assertEqual(self.tuner.hear()["type"], "hello")
        self.tuner.start(self.directory, **fields)
        return clavier.Trial(worker.next_start(), worker)

    def save(self, directory):
        with open(os.path.join(directory, "state"), "w") as file:
            file.write("x")


class TrialTest(WithTuner):
    def test_reports_look_as_documented(self):
        trial = self.trial()
        self.assertEqual(trial.config, {"lr": 0.1})
        self.assertIsNone(trial.checkpoint)
        self.assertTrue(trial.report({"loss": 0.5, "nan": math.nan, "ok": True}))
        self.assertTrue(trial.report({"loss": 0.25}, step=5))
        first, second = self.tuner.hear(), self.tuner.hear()
        self.assertEqual((first["type"], first["trial"], first["launch"], first["step"]),
                         ("report", 7, 12, 1))
        self.assertTrue(math.isnan(first["metrics"].pop("nan")))
        self.assertEqual(first["metrics"], {"loss": 0.5, "ok": 1})
        self.assertGreaterEqual(first["seconds"], 0)
        self.assertEqual(second["step"], 5)
        self.assertNotIn("checkpoint", second)

    def test_counts_on_from_the_checkpoint_it_resumes(self):
        trial = self.trial(checkpoint="/x/checkpoint_000004_3", step=4)
        self.assertEqual(trial.checkpoint, "/x/checkpoint_000004_3")
        trial.report({"loss": 1})
        self.assertEqual(self.tuner.hear()["step"], 5)

    def test_counts_from_scratch_if_it_never_asks_for_the_checkpoint(self):
        trial = self.trial(checkpoint="/x/checkpoint_000004_3", step=4)
        with contextlib.redirect_stderr(io.StringIO()) as notes:
            trial.report({"loss": 1})
        self.assertEqual(self.tuner.hear()["step"], 1)
        self.assertIn("never calls checkpoint()", notes.getvalue())

    def test_waits_at_until_for_the_decision(self):
        trial = self.trial(until=1)
        self.tuner.tell(type="continue", until=1)
        self.tuner.tell(type="continue", until=2)
        self.assertTrue(trial.report({"loss": 1}))
        self.tuner.tell(type="stop")
        self.assertFalse(trial.report({"loss": 1}))
        self.assertTrue(trial.should_stop())
        self.assertFalse(trial.report({"loss": 1}))
        self.assertEqual([self.tuner.hear()["step"] for _ in range(2)], [1, 2])

    def test_messages_may_name_the_trial_and_those_for_another_are_not_obeyed(self):
        trial = self.trial(until=1)
        self.tuner.tell(type="stop", trial=8)
        self.tuner.tell(type="continue", trial=7, until=9)
        self.assertTrue(trial.report({"loss": 1}))
        self.assertEqual(trial.until, 9)

    def paced(self, works, thinks=0, **fields):
        """Reports after so many seconds of work each; when, and what was told."""
        now, over = [100.0], []
        clock = types.SimpleNamespace(monotonic=lambda: now[0])
        clock.sleep = lambda seconds: now.__setitem__(0, now[0] + seconds)
        with mock.patch.object(clavier, "time", clock):
            trial = self.trial(step_seconds=2, **fields)
            listen = trial._worker.receive

            def receive(wait):
                if not wait:
                    return listen(wait)
                now[0] += thinks
                return {"type": "continue", "until": None}

            trial._worker.receive = receive
            for seconds in works:
                now[0] += seconds
                trial.report({"loss": 1})
                over.append(now[0])
        return over, [self.tuner.hear()["seconds"] for _ in works]

    def test_reports_when_its_step_is_over_on_the_emulated_machine(self):
        self.assertEqual(self.paced([0.5, 0.5, 3.0, 0.5, 0.5]),
                         ([102, 104, 107, 108, 110], [2, 2, 3, 1, 2]))

    def test_a_resumed_trial_is_paced_from_its_own_step(self):
        self.assertEqual(self.paced([0.5], step=7)[0], [102])

    def test_waiting_for_a_decision_is_no_time_of_work(self):
        self.assertEqual(self.paced([0.5, 0.5], thinks=10, until=1), ([112, 114], [2, 2]))

    def test_leaves_when_the_tuner_is_gone(self):
        trial = self.trial(until=1)
        self.tuner._lines.close()
        self.tuner.wire.close()
        self.assertFalse(trial.report({"loss": 1}))
        self.assertTrue(trial.should_stop())

    def test_should_stop_does_not_wait(self):
        trial = self.trial(until=1)
        self.assertFalse(trial.should_stop())
        self.tuner.tell(type="pause")
        self.assertTrue(trial.should_stop())

    def test_saves_when_an_interval_is_passed_and_only_then(self):
        trial = self.trial(checkpoint_every=2)
        for step in (1, 3, 4, 5):
            trial.report({}, step, self.save)
        names = [self.tuner.hear().get("checkpoint") for _ in range(4)]
        self.assertEqual(names, [None, "checkpoint_000003_12", "checkpoint_000004_12", None])
        self.assertEqual(sorted(os.listdir(self.directory)), names[1:3])
        self.assertEqual(os.listdir(os.path.join(self.directory, names[1])), ["state"])

    def test_a_pause_saves_before_it_leaves(self):
        trial = self.trial(until=3)
        self.tuner.tell(type="pause")
        self.assertFalse(trial.report({}, 3, self.save))
        trial._leave()
        self.assertEqual(self.tuner.hear()["type"], "report")
        saved, exited = self.tuner.hear(), self.tuner.hear()
        self.assertEqual(saved, {"type": "checkpoint", "trial": 7, "launch": 12, "step": 3,
                                 "checkpoint": "checkpoint_000003_12"})
        self.assertEqual(exited, {"type": "exited", "trial": 7, "launch": 12, "kind": "paused"})

    def test_a_pause_does_not_save_a_step_twice(self):
        trial = self.trial(until=2, checkpoint_every=2)
        self.tuner.tell(type="pause")
        trial.report({}, 2, self.save)
        self.assertEqual(os.listdir(self.directory), ["checkpoint_000002_12"])

    def test_the_best_step_is_saved_as_it_comes(self):
        trial = self.trial(best_metric="loss", best_mode="min", best=3.0)
        for step, loss in enumerate([4.0, 2.0, math.nan, -math.inf, 2.0, None, 1.5], 1):
            trial.report({"loss": loss}, step, self.save)
        saved = {m["step"]: m.get("checkpoint") for m in (self.tuner.hear() for _ in range(7))}
        self.assertEqual([step for step, name in saved.items() if name], [2, 7])
        trial = self.trial(best_metric="accuracy", best_mode="max")
        for step, accuracy in enumerate([0.1, 0.05, 0.2], 1):
            trial.report({"accuracy": accuracy}, step, self.save)
        saved = [self.tuner.hear().get("checkpoint") for _ in range(3)]
        self.assertEqual([bool(name) for name in saved], [True, False, True])

    def test_a_stop_saves_where_the_end_wants_it(self):
        for at_end in (False, True):
            trial = self.trial(until=1 + at_end, checkpoint_at_end=at_end)
            self.tuner.tell(type="stop")
            trial.report({}, 1 + at_end, self.save)
            self.assertEqual(os.path.exists(self.directory), at_end)
            trial._leave()
            while self.tuner.hear()["type"] != "exited":
                pass

    def test_its_own_end_saves_what_was_offered_last(self):
        trial = self.trial(checkpoint_at_end=True)
        trial.report({}, 1, self.save)
        trial.report({}, 2, self.save)
        trial._leave()
        kinds = [self.tuner.hear() for _ in range(4)]
        self.assertEqual([m["type"] for m in kinds], ["report", "report", "checkpoint", "exited"])
        self.assertEqual(kinds[2]["checkpoint"], "checkpoint_000002_12")
        self.assertEqual(kinds[3]["kind"], "completed")

    def test_a_directory_is_copied_into_place(self):
        trial = self.trial()
        with tempfile.TemporaryDirectory() as mine:
            self.save(mine)
            trial.report({}, 1, checkpoint=mine)
            trial.report({}, 1, checkpoint=mine)
            self.assertEqual(os.listdir(mine), ["state"])
        self.assertEqual(self.tuner.hear()["checkpoint"], "checkpoint_000001_12")
        self.assertEqual(self.tuner.hear()["checkpoint"], "checkpoint_000001_12_2")
        self.assertEqual(os.listdir(os.path.join(self.directory, "checkpoint_000001_12")),
                         ["state"])
        with self.assertRaises(NotADirectoryError):
            trial.report({}, 2, checkpoint="/no/such/directory")

    def test_a_failing_save_leaves_nothing_and_says_why(self):
        trial = self.trial(checkpoint_every=1)
        trial.report({}, 1, self.save)

        def broken(directory):
            self.save(directory)
            raise OSError(5, "Input/output error")

        with self.assertRaisesRegex(RuntimeError, "step 2 .* failed: .*Input/output error"):
            trial.report({}, 2, broken)
        self.assertEqual(os.listdir(self.directory), ["checkpoint_000001_12"])

    def test_a_full_disk_costs_a_checkpoint_and_a_pause_waits_for_room(self):
        trial = self.trial(checkpoint_every=1)
        room = []

        def save(directory):
            self.save(directory)
            if not room:
                raise RuntimeError("cannot write") from OSError(28, "No space left on device")

        self.assertTrue(trial.report({}, 1, save))
        self.tuner.tell(type="pause")
        with mock.patch("time.sleep", lambda seconds: room.append(seconds)):
            self.assertFalse(trial.report({}, 2, save))
        told = [self.tuner.hear() for _ in range(6)]
        self.assertEqual([(each["type"], each["step"]) for each in told],
                         [("checkpoint", 1), ("report", 1), ("checkpoint", 2), ("report", 2), ("checkpoint", 2),
                          ("checkpoint", 2)])
        self.assertRegex(told[0]["error"], "step 1 .* failed")
        self.assertIsNone(told[1]["checkpoint"])
        self.assertEqual(told[5]["checkpoint"], "checkpoint_000002_12")
        self.assertEqual(os.listdir(self.directory), ["checkpoint_000002_12"])

    def test_takes_over_another_trials_state(self):
        trial = self.trial(until=3)
        self.tuner.tell(type="exploit", checkpoint="/x/donor", config={"lr": 0.5}, step=1, until=9)
        self.assertTrue(trial.report({}, 3, self.save))
        self.assertEqual((trial.checkpoint, trial.config, trial.step, trial.until),
                         ("/x/donor", {"lr": 0.5}, 1, 9))
        trial.report({})
        self.assertEqual([self.tuner.hear()["step"] for _ in range(2)], [3, 2])

    def test_refuses_what_is_no_metric(self):
        class Unusual:
            def __float__(self):
                raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")

        trial = self.trial()
        for metrics in ({"loss": "low"}, {"loss": "0.5"}, {"loss": b"1"}, {"loss": [1]},
                        {"loss": 1j}, {"loss": 10 ** 400}, {"loss": Unusual()}, 0.5, [1]):
            with self.assertRaises(TypeError):
                trial.report(metrics)
        for metrics in ({"": 1}, {"a\nb": 1}, {"x" * 257: 1}, {str(i): 1 for i in range(1001)}):
            with self.assertRaises(ValueError):
                trial.report(metrics)
        with self.assertRaises(ValueError):
            trial.report({}, step=-1)

    def test_takes_what_can_become_a_float(self):
        class Scalar:
            def __float__(self):
                return 0.25

        class Whole(int):
            pass

        self.trial().report({"loss": Scalar(), "ok": True, "whole": Whole(3), "exact": decimal.Decimal("0.5")})
        self.assertEqual(self.tuner.hear()["metrics"], {"loss": 0.25, "ok": 1, "whole": 3, "exact": 0.5})

    def test_none_is_no_number_as_on_the_wire(self):
        self.trial().report({"loss": 1.0, "acc": None})
        self.assertTrue(math.isnan(self.tuner.hear()["metrics"]["acc"]))

    def test_survives_junk(self):
        trial = self.trial()
        self.tuner.wire.sendall(b"junk\n[1]\n\n" + b"x" * 20_000 + b"\n")
        self.tuner.tell(type="from the future")
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertTrue(trial.report({}))

    def test_a_missing_parameter_is_named(self):
        with self.assertRaisesRegex(KeyError, "momentum.*CLAVIER_CONFIG"):
            self.trial().config["momentum"]


class ScriptTest(WithTuner):
    """Whole scripts in processes of their own."""

    def run_script(self, text, clavier_fd=True, **environment):
        variables = {name: value for name, value in os.environ.items()
                     if not name.startswith("CLAVIER_")}
        variables.update(environment, PYTHONPATH=HERE)
        keep = []
        if clavier_fd:
            keep = [self.tuner.theirs.fileno()]
            variables["CLAVIER_FD"] = str(keep[0])
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(text)], env=variables,
                              pass_fds=keep, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=60)
        self.tuner.theirs.close()
        return done

    def heard_kinds(self):
        return [message["type"] for message in self.tuner.hear_all()]

    def test_a_script_that_ends_well_leaves_the_rest_to_its_status(self):
        self.tuner.start(self.directory)
        done = self.run_script("""
            import clavier
            for step in range(1, 3):
                clavier.report({"lr": clavier.config()["lr"]}, step)
        """)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.heard_kinds(), ["hello", "report", "report"])
        self.assertEqual(done.stdout, "")

    def test_a_script_that_obeys_a_pause_says_so(self):
        self.tuner.start(self.directory, until=1)
        self.tuner.tell(type="pause")
        done = self.run_script("""
            import clavier, os
            def save(directory):
                open(os.path.join(directory, "state"), "w").close()
            step = clavier.step()
            while clavier.report({"loss": 1}, checkpoint=save):
                pass
        """)
        self.assertEqual(done.returncode, 0, done.stderr)
        messages = self.tuner.hear_all()
        self.assertEqual([m["type"] for m in messages],
                         ["hello", "report", "checkpoint", "exited"])
        self.assertEqual(messages[0]["several"], False)
        self.assertEqual(messages[3]["kind"], "paused")

    def test_an_exception_is_told_with_its_message(self):
        self.tuner.start(self.directory)
        done = self.run_script("""
            import clavier
            clavier.config()
            raise ValueError("learning rate too high\\nsecond line")
        """)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Traceback", done.stderr)
        last = self.tuner.hear_all()[-1]
        self.assertEqual((last["kind"], last["error"]),
                         ("failed", "ValueError: learning rate too high"))

    def test_a_warm_process_takes_trial_after_trial(self):
        for trial in (3, 4):
            self.tuner.start(self.directory, trial=trial, launch=trial, config={"x": trial})
            self.tuner.tell(type="stop")  # Meant for whatever runs then.
        self.tuner.tell(type="quit")
        done = self.run_script("""
            import clavier
            for trial in clavier.trials():
                while clavier.report({"x": trial.config["x"]}):
                    assert clavier.config() is trial.config
            try:
                clavier.config()
            except RuntimeError as error:
                print(error)
        """)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no trial outside", done.stdout)
        messages = self.tuner.hear_all()
        self.assertTrue(messages[0]["several"])
        ends = [(m["trial"], m["kind"]) for m in messages if m["type"] == "exited"]
        self.assertEqual(ends, [(3, "stopped"), (4, "stopped")])

    def test_a_warm_process_can_fail_a_trial_and_go_on(self):
        self.tuner.start(self.directory, trial=3)
        self.tuner.start(self.directory, trial=4)
        self.tuner.tell(type="quit")
        done = self.run_script("""
            import clavier
            for trial in clavier.trials():
                if trial.id == 3:
                    trial.fail(ValueError("diverged"))
        """)
        self.assertEqual(done.returncode, 0, done.stderr)
        ends = [(m["trial"], m["kind"], m.get("error")) for m in self.tuner.hear_all()[1:]]
        self.assertEqual(ends, [(3, "failed", "ValueError: diverged"), (4, "completed", None)])

    def test_an_exception_out_of_the_loop_is_a_failure_not_a_completion(self):
        self.tuner.start(self.directory)
        done = self.run_script("""
            import clavier
            def main():
                for trial in clavier.trials():
                    raise ValueError("diverged")
            main()
        """)
        self.assertEqual(done.returncode, 1)
        messages = self.tuner.hear_all()
        self.assertEqual([m["type"] for m in messages], ["hello", "exited"])
        self.assertEqual(messages[1]["error"], "ValueError: diverged")
        self.assertTrue(messages[1]["leaving"], "another trial would be given to a dying process")

    def test_children_neither_inherit_the_descriptor_nor_the_variable(self):
        self.tuner.start(self.directory)
        done = self.run_script("""
            import clavier, os, subprocess, sys
            number = os.environ["CLAVIER_FD"]
            clavier.config()
            code = f"import os; print('CLAVIER_FD' in os.environ); os.fstat({number})"
            child = subprocess.run([sys.executable, "-c", code], close_fds=False,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            print(child.stdout.decode().strip(), child.returncode)
        """)
        self.assertEqual(done.stdout, "False 1\n", done.stderr)

    def test_by_hand_it_prints_reports_and_explains_itself(self):
        done = self.run_script("""
            import clavier
            print(clavier.config().get("lr", 0.5), clavier.checkpoint(), clavier.should_stop())
            def save(directory): raise AssertionError
            clavier.report({"loss": 0.5}, checkpoint=save)
            clavier.report({"loss": float("nan")}, step=4)
        """, clavier_fd=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(),
                         ["0.5 None False", '{"step": 1, "loss": 0.5}',
                          '{"step": 4, "loss": NaN}'])
        self.assertIn("CLAVIER_CONFIG", done.stderr)

    def test_by_hand_it_runs_one_trial_with_the_given_configuration(self):
        done = self.run_script("""
            import clavier
            for trial in clavier.trials():
                print(trial.config, trial.until)
                trial.report({"loss": 1})
        """, clavier_fd=False, CLAVIER_CONFIG='{"lr": 0.1}', CLAVIER_UNTIL="1")
        self.assertEqual(done.stdout.splitlines(), ["{'lr': 0.1} 1", '{"step": 1, "loss": 1.0}'])
        self.assertEqual(done.stderr, "")

    def test_a_descriptor_that_is_not_ours_is_left_alone(self):
        done = self.run_script("""
            import clavier, os
            read_end, write_end = os.pipe()
            os.environ["CLAVIER_FD"] = str(read_end)
            clavier.report({"loss": 1})
            os.fstat(read_end)
        """, clavier_fd=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, '{"step": 1, "loss": 1.0}\n')


if __name__ == "__main__":
    unittest.main()
