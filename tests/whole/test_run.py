"""A study from its file to its results, and what a user may do wrong."""
import json
import shutil
import unittest

from harness import WholeProgram

WORKER = """
import json, os, sys
config = json.loads(os.environ["CLAVIER_CONFIG"])
for step in range(1, 6):
    print(json.dumps({"step": step, "loss": (config["x"] - 2) ** 2 + 1 / step}))
"""

STUDY = """
[study]
name = "s"
metric = "loss"
mode = "min"
trials = 8
seed = 3

[space]
x = { uniform = [-5, 5] }

[scheduler]
algorithm = "asha"
grace = 1
reduction = 2
max_steps = 5

[worker]
command = ["python3", "worker.py"]

[cluster]
workers = 2
"""


class Run(WholeProgram):
    def setUp(self):
        super().setUp()
        self.write("worker.py", WORKER)
        self.study = self.write("study.toml", STUDY)

    def test_a_study_runs_to_its_end_and_names_the_best(self):
        shown = self.clavier("run", self.study).stdout
        self.assertIn("best", shown.lower())
        trials = self.trials("s")
        self.assertEqual(len(trials), 8)
        self.assertTrue(all(trial["status"] in ("completed", "stopped") for trial in trials))
        best = json.loads(self.clavier("best", "s", "--json").stdout)
        reached = [row[0] for row in self.query("s", "select min(value) from step where kind = 'report'")]
        self.assertAlmostEqual(best["value"], reached[0])

    def test_a_study_of_two_metrics_ends_with_its_front(self):
        self.write("worker.py", WORKER.replace('"loss":', '"size": abs(config["x"]), "loss":'))
        metrics = 'study.metrics=[{ name = "loss", mode = "min" }, { name = "size", mode = "min" }]'
        text = self.study.read_text().replace('metric = "loss"\nmode = "min"\n', "")
        self.study.write_text(text.replace('[scheduler]', '[search]\nalgorithm = "nsga2"\npopulation_size = 4\n\n[scheduler]'))
        self.clavier("run", self.study, "--set", metrics)
        front = json.loads(self.clavier("best", "s", "--json").stdout)["front"]
        last = {trial["trial"]: trial["metrics"] for trial in self.trials("s")}

        def dominated(one):
            return any(other["loss"] <= one["loss"] and other["size"] <= one["size"] and other != one
                       for other in last.values())
        self.assertEqual([member["trial"] for member in front],
                         [trial for trial, values in last.items() if not dominated(values)])
        self.clavier("verify", "s")

    def test_the_same_command_again_changes_nothing(self):
        self.clavier("run", self.study)
        before = self.query("s", "select count(*) from step where kind = 'report'")
        self.clavier("run", self.study)
        self.assertEqual(before, self.query("s", "select count(*) from step where kind = 'report'"))

    def test_the_same_seed_gives_the_same_configurations(self):
        self.clavier("run", self.study)
        again = self.write("again.toml", STUDY.replace('name = "s"', 'name = "again"'))
        self.clavier("run", again)
        first, second = ([trial["config"] for trial in self.trials(name)] for name in ("s", "again"))
        self.assertEqual(first, second)

    def test_verify_agrees_with_the_log(self):
        self.clavier("run", self.study)
        self.clavier("verify", "s")

    def test_trial_directories_have_rays_layout(self):
        self.clavier("run", self.study)
        folders = sorted(path.parent for path in (self.home / "s").glob("*/params.json"))
        self.assertEqual(len(folders), 8)
        results = [json.loads(line) for line in (folders[0] / "result.json").read_text().splitlines()]
        self.assertEqual(results[0]["training_iteration"], 1)
        self.assertIn("loss", results[0])
        header = (folders[0] / "progress.csv").read_text().splitlines()[0].split(",")
        self.assertIn("loss", header)

    def test_a_moved_study_goes_on(self):
        self.clavier("run", self.study, "--set", "study.trials=4")
        moved = self.folder / "elsewhere"
        moved.mkdir()
        shutil.move(str(self.home), str(moved / "studies"))
        self.home = moved / "studies"
        self.clavier("run", self.study)
        self.assertEqual(len(self.trials("s")), 8)

    def test_what_must_not_change_is_refused_with_the_difference(self):
        self.clavier("run", self.study, "--set", "study.trials=2")
        recorded = (self.home / "s" / "study.toml").read_text()
        refused = self.clavier("run", self.study, "--set", "study.seed=4", expect=1)
        self.assertIn("seed", refused.stderr)
        self.assertEqual((self.home / "s" / "study.toml").read_text(), recorded)

    def test_a_lost_log_is_no_new_study(self):
        self.clavier("run", self.study, "--set", "study.trials=2")
        before = sorted(self.home.rglob("*"))
        (self.home / "s" / "study.db").write_bytes(b"")
        refused = self.clavier("run", self.study, expect=1)
        self.assertIn("its log was lost", refused.stderr)
        self.assertIn("unreadable", self.clavier("list", expect=1).stdout)
        self.assertEqual(sorted(self.home.rglob("*")), before)

    def test_a_command_without_a_file_prints_the_study_it_stands_for(self):
        shown = self.clavier("run", "--space", "x=uniform(-1,1)", "--min", "loss", "--",
                             "python3", "-c", "import sys; print('{\"loss\":', float(sys.argv[1])**2, '}')", "{x}")
        self.assertIn("[space]", shown.stdout + shown.stderr)

    def test_smoke_takes_seconds_and_a_directory_of_its_own(self):
        self.clavier("run", self.study, "--smoke")
        self.assertEqual([path.name for path in self.home.iterdir()], ["s-smoke"])

    def test_repeat_says_mean_and_deviation(self):
        shown = self.clavier("run", self.study, "--repeat", "2", "--set", "study.trials=2").stdout
        self.assertIn("±", shown)

    def test_python_finds_the_client_and_not_the_results(self):
        # Neither PYTHONPATH nor a copy beside the script; results where they are by default.
        self.environment.pop("PYTHONPATH")
        self.write("worker.py", "import clavier\nfor trial in clavier.trials(): trial.report({'loss': 1})\n")
        self.home = ""
        shown = self.clavier("run", self.study, "--set", "study.trials=2")
        self.assertIn("results: clavier-results/s", shown.stdout)
        self.assertEqual([trial["status"] for trial in self.trials("s")], ["completed"] * 2)
        # Studies of earlier versions go on where they are.
        (self.folder / "clavier-results").rename(self.folder / "clavier")
        shown = self.clavier("run", self.study, "--set", "study.trials=2")
        self.assertIn("rename it to clavier-results", shown.stderr)
        self.assertFalse((self.folder / "clavier-results").exists())

    def test_user_commands_reach_a_study_at_rest(self):
        self.clavier("run", self.study, "--set", "study.trials=2")
        self.clavier("raise", "s", "--trials", "4")
        self.clavier("add", "s", "x=2.0")
        self.clavier("run", self.study, "--set", "study.trials=2")
        configs = [trial["config"]["x"] for trial in self.trials("s")]
        self.assertIn(2.0, configs)
        self.assertGreaterEqual(len(configs), 4)


class Mistakes(WholeProgram):
    def setUp(self):
        super().setUp()
        self.write("worker.py", WORKER)

    def refused(self, text, *words):
        study = self.write("study.toml", text)
        process = self.clavier("run", study, expect=None)
        self.assertNotEqual(process.returncode, 0)
        for word in words:
            self.assertIn(word, process.stderr)
        self.assertFalse((self.home / "s" / "study.db").exists())

    def test_an_unknown_key_is_named_with_its_place_and_the_nearest(self):
        self.refused(STUDY.replace("reduction", "redcution"), "study.toml:15", "redcution", "reduction")

    def test_a_reversed_range_is_refused(self):
        self.refused(STUDY.replace("[-5, 5]", "[5, -5]"), "study.toml:10", "x")

    def test_a_logarithm_of_a_negative_is_refused(self):
        self.refused(STUDY.replace("uniform", "loguniform"), "study.toml:10", "x")

    def test_a_wrong_type_is_refused(self):
        self.refused(STUDY.replace("trials = 8", 'trials = "many"'), "study.toml:6", "trials")

    def test_broken_toml_is_refused(self):
        self.refused(STUDY.replace("[space]", "[space"), "study.toml:9")

    def test_constraints_that_leave_too_little_end_the_study_with_the_name_of_the_worst(self):
        search = '[search]\nconstraints = ["x > -9", "x > 4.9999999"]\npoints = [{ x = 5.0 }]\n'
        study = self.write("study.toml", STUDY + search)
        process = self.clavier("run", study, expect=1)
        self.assertIn('the constraint "x > 4.9999999" refused', process.stderr)
        self.assertEqual([trial["status"] for trial in self.trials("s")], ["completed"])
        process = self.clavier("check", study, expect=1)
        self.assertIn('the constraint "x > 4.9999999" refused', process.stderr)

    def test_what_may_not_be_meant_is_told_by_check_and_by_run(self):
        study = self.write("study.toml", STUDY.replace("trials = 8", "trials = 1")
                           .replace("[space]", "[space]\nlr = [1e-4, 1e-1]"))
        for command in "check", "run":
            self.assertIn("study.toml:10:6: lr = [0.0001, 0.1] is a constant list",
                          self.clavier(command, study).stderr)

    def test_a_missing_program_is_named(self):
        study = self.write("study.toml", STUDY.replace("python3", "no-such-program"))
        process = self.clavier("run", study, expect=1)
        self.assertIn("no-such-program", process.stderr + process.stdout)

    def test_a_metric_never_reported_names_those_that_are(self):
        study = self.write("study.toml", STUDY.replace('metric = "loss"', 'metric = "val_loss"'))
        process = self.clavier("run", study, expect=1)
        self.assertIn("val_loss", process.stderr + process.stdout)
        self.assertIn("loss", process.stderr + process.stdout)

    def test_a_worker_that_always_fails_ends_the_study_with_its_last_words(self):
        self.write("worker.py", "raise SystemExit('the data is not there')")
        study = self.write("study.toml", STUDY)
        process = self.clavier("run", study, expect=1)
        self.assertIn("the data is not there", process.stdout + process.stderr)
        self.assertEqual(len(self.trials("s")), 3)

    def test_a_study_in_which_nothing_succeeded_fails(self):
        self.write("worker.py", "raise SystemExit('the data is not there')")
        study = self.write("study.toml", STUDY.replace("trials = 8", "trials = 1"))
        process = self.clavier("run", study, expect=1)
        self.assertIn("no trial has succeeded", process.stderr)

    def test_an_exception_in_a_warm_worker_fails_its_own_trial_only(self):
        self.write("worker.py", """
import clavier
for trial in clavier.trials():
    clavier.report({"loss": trial.config["x"]})
    if trial.id % 2:
        raise ValueError("odd")
""")
        study = self.write("study.toml", STUDY.replace("max_steps = 5", "max_steps = 1"))
        self.clavier("run", study, "--set", "study.trials=20")
        trials = self.trials("s")
        self.assertEqual([trial["status"] for trial in trials if trial["trial"] % 2 == 0], ["completed"] * 10)

    def test_a_report_that_is_none_is_explained_in_the_log(self):
        self.write("worker.py", "print({'loss': 0.5})")
        self.clavier("run", self.write("study.toml", STUDY), expect=1)
        self.assertIn("double quotes", self.clavier("show", "0", "s").stdout)

    def test_a_parameter_that_nobody_uses_is_an_error_of_check(self):
        study = self.write("study.toml", STUDY.replace('"worker.py"]', '"worker.py", "--y={y}"]'))
        process = self.clavier("check", study, expect=None)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("y", process.stderr)


class Faults(WholeProgram):
    """What becomes of a study, or of single trials, after something was wrong."""

    def run_with(self, worker, *arguments, expect=0):
        self.write("worker.py", worker)
        return self.clavier(*arguments, expect=expect)

    def setUp(self):
        super().setUp()
        self.study = self.write("study.toml", STUDY.replace("asha", "fifo").replace("grace = 1", "")
                                .replace("reduction = 2", "").replace("trials = 8", "trials = 5"))

    def test_a_mistake_costs_three_trials_and_none_once_it_is_mended(self):
        broken = "import os; open(os.environ['CLAVIER_DIR'] + '/nothing.csv')"
        shown = self.run_with(broken, "run", self.study, expect=1)
        self.assertIn("nothing has worked yet", shown.stderr)
        self.assertEqual(len(self.trials("s")), 3)
        self.run_with(WORKER, "run", self.study)
        self.assertEqual([trial["status"] for trial in self.trials("s")], ["completed"] * 5)
        self.clavier("verify", "s")

    def test_single_failed_trials_are_told_of_and_can_be_retried(self):
        odd = "import os\nif os.environ['CLAVIER_TRIAL'] in '13': raise SystemExit('odd')\n"
        shown = self.run_with(odd + WORKER, "run", self.study)
        self.assertIn("2 trials failed; `clavier retry s` runs them again", shown.stderr)
        self.clavier("retry", "s", "0", expect=1)
        self.assertIn("2 trials run again", self.clavier("retry", "s").stdout)
        self.run_with(WORKER, "run", self.study)
        self.assertEqual([trial["status"] for trial in self.trials("s")], ["completed"] * 5)
        self.clavier("retry", "s", expect=1)
        self.clavier("verify", "s")

    def test_a_stopped_study_goes_on_when_it_is_retried(self):
        self.run_with(WORKER, "run", self.study, "--set", "study.trials=2")
        self.clavier("stop", "s")
        self.assertIn("clavier retry s", self.clavier("run", self.study).stderr)
        self.assertEqual(len(self.trials("s")), 2)
        self.clavier("retry", "s")
        self.clavier("run", self.study)
        self.assertEqual(len(self.trials("s")), 5)

    def test_smoke_and_rerun_run_what_is_there_now(self):
        numbered = "import os; print('{\"loss\": ' + os.environ['CLAVIER_TRIAL'] + '}')"
        for _ in range(2):
            self.run_with("print(1/0)", "run", self.study, "--smoke", expect=1)
            self.run_with(numbered, "run", self.study, "--smoke")
        self.run_with(numbered, "run", self.study)
        for _ in range(2):
            self.run_with("print(1/0)", "rerun", "3", "s", expect=1)
            self.run_with(numbered, "rerun", "3", "s")
        again = self.trials("s-trial3")
        self.assertEqual([trial["config"] for trial in again], [self.trials("s")[3]["config"]])
        self.assertEqual(self.query("s-trial3", "select value from report"), [(3.0,)])
        self.clavier("rerun", "3", "s", "--set", "study.seed=9", "--repeat", "2")
        self.assertTrue((self.home / "s-trial3-seed10").exists())

    def test_a_rerun_takes_another_value_for_what_was_searched(self):
        self.study.write_text(self.study.read_text().replace(
            "[space]\n", "[space]\ntwice = { expr = \"2 * x\" }\no = { choice = [\"a\", \"b\"] }\n"))
        self.run_with(WORKER, "run", self.study)
        before = self.trials("s")[3]["config"]
        self.run_with(WORKER, "rerun", "3", "s", "--set", "space.x=0.25")
        again = self.trials("s-trial3")[0]["config"]
        self.assertEqual(again, {**before, "x": 0.25, "twice": 0.5})
        self.run_with(WORKER, "rerun", "3", "s", "--set", "space.o=c")
        self.assertEqual(self.trials("s-trial3")[0]["config"], {**before, "o": "c"})

    def test_fresh_starts_over_and_keeps_what_was_there(self):
        self.run_with(WORKER, "run", self.study)
        self.clavier("run", self.study, "--set", "study.metric=other", expect=1)
        self.clavier("run", self.study, "--fresh", "--set", "study.trials=2")
        self.assertEqual([len(self.trials(name)) for name in ("s", "s.old-1")], [2, 5])

    def test_a_rerun_finds_the_program_where_the_study_was_begun(self):
        (self.folder / "own").mkdir()
        (self.folder / "own" / "worker.py").write_text(WORKER)
        self.study.rename(self.folder / "own" / "study.toml")
        self.clavier("run", "own/study.toml")
        self.clavier("rerun", "1", "s")
        (self.folder / "far" / "away").mkdir(parents=True)
        self.home = self.home.rename(self.folder / "far" / "away" / "studies")
        shutil.copy(self.folder / "own" / "worker.py", self.folder)
        self.clavier("rerun", "1", "s")

    def test_names_of_metrics_that_never_come_are_told(self):
        shown = self.run_with(WORKER, "run", self.study, "--set", "study.metric=los",
                              "--set", "trial.stop.lss=0.1", expect=1)
        self.assertIn('trial 0 reports no "los", the study\'s metric; it reported loss; did you mean "loss"?',
                      shown.stdout + shown.stderr)
        self.assertIn('trial.stop.lss: trial 0 has ended and reported no "lss"; did you mean "loss"?',
                      shown.stdout + shown.stderr)
        self.assertIn("--fresh", shown.stderr)


if __name__ == "__main__":
    unittest.main()
