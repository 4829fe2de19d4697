"""Kills, stops and interrupts tuners, guards, workers and what they start, at random, over all kinds
of study, and compares what the study has kept with what the workers know.

    CLAVIER_CHAOS_SECONDS=1800 script/check chaos
    CLAVIER_BIN=build/torch/bin python3 tests/chaos/chaos.py --seed 7 --round 3

After every round: each report that a worker has written into its own log stands in the study's log
once, in order and unaltered, but for what was under way when a tuner was killed; no configuration is
lost or repeated; `clavier verify` agrees; every trial has ended; no process and no half-written file
is left. A failed round keeps its folder, and says how to do it again; what the machine's timing
makes of the same signals may differ.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
BIN = pathlib.Path(os.environ["CLAVIER_BIN"]).resolve()
LAST_RUN_S = 120  # For the undisturbed run at the end of a round.

STUDY = """
[study]
name = "s"
metric = "loss"
mode = "min"
trials = {trials}
seed = {seed}
[space]
x = {{ uniform = [-1, 1] }}
{more_space}
[trial]
cpus = 0.1
max_losses = 1000000
{trial}
[worker]
command = {command}
restart_paused = true
[checkpoint]
every = 2
[scheduler]
{scheduler}
[cluster]
{cluster}
"""
FIFO = 'algorithm = "fifo"\nmax_steps = 8'
PROMOTION = 'algorithm = "asha"\nvariant = "promotion"\nmax_steps = 8\nreduction = 2'
PBT = 'algorithm = "pbt"\ninterval = 4\nmax_steps = 12'
SPEEDS = "seconds_per_step = 0.05\nslots = [{ cpus = 0.1, speed = 1 }, { cpus = 0.1, speed = 2 }]"


def worker(mode, steps, seconds=0.03):
    return json.dumps([sys.executable, str(HERE / "worker.py"), mode, str(steps), str(seconds)])


KINDS = {
    "plain script": dict(command=worker("plain", 6)),
    "warm client": dict(command=worker("client", 8), trials=8),
    "shell": dict(command=json.dumps(["bash", str(HERE / "worker.sh")])),
    "speeds": dict(command=worker("client", 8, 0.001), scheduler=FIFO, cluster=SPEEDS),
    "promotion": dict(command=worker("client", 8), scheduler=PROMOTION, trials=9),
    "population": dict(command=worker("exploit", 12), scheduler=PBT, trials=4),
    "several slots": dict(command=worker("client", 6), trial='slots = "k"', cluster="slots = [{ count = 4 }]",
                          more_space="k = { choice = [1, 2, 4] }"),
    "forking workers": dict(command=worker("fork", 6)),
    "C++": None,
}


class Failed(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


class Round:
    def __init__(self, seed, kind, folder):
        self.random = random.Random(seed)
        self.kind, self.folder = kind, folder
        self.study = folder / "home" / "s"
        self.study.mkdir(parents=True)
        info = os.stat(self.study)
        self.mark = f"CLAVIER_MARK={info.st_dev}:{info.st_ino}:".encode()
        self.forced = folder / "forced.log"
        self.tuner = None
        self.cut = False  # A tuner has ended without a word, so some reports may be under way.
        self.told = collections.Counter()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("CLAVIER_")}
        self.environment.update(CLAVIER_HOME=str(folder / "home"), CHAOS_LOG=str(self.forced),
                                PYTHONPATH=str(SOURCE / "python"))
        if KINDS[kind] is None:
            self.command = [str(BIN / "processes"), str(self.study)]
            return
        options = dict(trials=6, seed=self.random.randrange(1000), more_space="", trial="", scheduler=FIFO,
                       cluster="workers = 2")
        options.update(KINDS[kind])
        (folder / "study.toml").write_text(STUDY.format(**options))
        self.command = [str(BIN / "clavier"), "run", str(folder / "study.toml")]

    def start(self):
        output = open(self.folder / "output.txt", "ab")
        self.tuner = subprocess.Popen(self.command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                      stdout=output, stderr=output, start_new_session=True)

    def ours(self):
        """Living processes of this study but the tuner: (role, pid)."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                name, rest = (entry / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
                if rest.split()[0] != "Z" and self.mark in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (name, int(rest.split()[1]))
            except (OSError, IndexError):
                continue
        guards = {pid for pid, (name, _) in found.items() if name == "clavier-guard"}
        return [("guard" if pid in guards else "worker" if parent in guards else "grandchild", pid)
                for pid, (_, parent) in found.items()]

    def disturb(self):
        role = self.random.choice(["tuner", "guard", "worker", "worker", "grandchild", "all"])
        number = self.random.choice([signal.SIGKILL] * 4 + [signal.SIGSTOP] * 2 + [signal.SIGINT])
        # Whoever gets an interrupt otherwise is a program that fails by its own rules.
        if number == signal.SIGINT and role != "guard":
            role = "tuner"
        victims = [pid for each, pid in self.ours() if role in (each, "all")]
        if role in ("worker", "guard", "grandchild") and victims:
            victims = [self.random.choice(victims)]
        if role in ("tuner", "all") and self.tuner.poll() is None:
            victims.append(self.tuner.pid)
            self.cut = self.cut or number != signal.SIGSTOP
        for pid in victims:
            self.signal(pid, number)
            self.told[f"{number.name} {role}"] += 1
        if number == signal.SIGSTOP:
            time.sleep(self.random.uniform(0, 0.4))
            for pid in victims:
                self.signal(pid, signal.SIGCONT)

    @staticmethod
    def signal(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def play(self):
        self.start()
        for _ in range(self.random.randrange(2, 9)):
            time.sleep(self.random.uniform(0.02, 0.7))
            if self.tuner.poll() is not None:
                self.start()
                time.sleep(self.random.uniform(0, 0.3))
            self.disturb()
        try:
            self.tuner.wait(LAST_RUN_S)
            self.start()
            status = self.tuner.wait(LAST_RUN_S)
        except subprocess.TimeoutExpired:
            raise Failed("the study hangs")
        check(status == 0, f"the last run ended with {status}")
        self.check_processes()
        self.check_reports()
        self.check_trials()
        self.check_files()

    def check_processes(self):
        left = self.ours()
        check(not left, f"processes are left: {left}")

    def query(self, sql):
        with sqlite3.connect(f"file:{self.study / 'study.db'}?mode=ro", uri=True) as log:
            return log.execute(sql).fetchall()

    def check_reports(self):
        sent, kept = collections.defaultdict(list), collections.defaultdict(list)
        for line in self.forced.read_text().splitlines() if self.forced.exists() else []:
            trial, launch, step, value = line.split()
            sent[int(trial), int(launch)].append((int(step), float(value)))
        ended = set(self.query("SELECT trial, launch FROM step WHERE kind = 'exited'"))
        for trial, launch, step, value, metrics in self.query(
                "SELECT trial, launch, iteration, value, metrics FROM step WHERE kind = 'report' ORDER BY id"):
            # Where a worker does not know its launch, it says in a metric which of its runs it is.
            key = trial, int(json.loads(metrics or "{}").get("run", launch))
            kept[key].append((step, value))
            if (trial, launch) in ended:
                ended.add(key)
        for key in sent.keys() | kept.keys():
            count = len(kept[key])
            check(kept[key] == sent[key][:count], f"trial, launch {key}: reported {sent[key]}, kept {kept[key]}")
            # Written down and not yet sent when it was killed: one. A tuner that was killed had read no more.
            lost = len(sent[key]) - count
            check(lost <= 1 or (self.cut and key not in ended), f"trial, launch {key}: {lost} reports are lost")

    def check_trials(self):
        clavier = str(BIN / "clavier")
        for arguments in (["verify", "s"], ["trials", "s", "--json"]):
            done = subprocess.run([clavier, *arguments], env=self.environment, cwd=self.folder, capture_output=True,
                                  text=True, timeout=LAST_RUN_S)
            check(done.returncode == 0, f"{arguments}: {done.stdout} {done.stderr}")
        trials = json.loads(done.stdout)
        check([trial["trial"] for trial in trials] == list(range(len(trials))), "trials are missing")
        created = [json.dumps(each["config"]) for (body,) in self.query("SELECT body FROM step WHERE body IS NOT NULL ORDER BY id")
                   for each in json.loads(body).get("created", [])]
        check(len(set(created)) == len(created) == len(trials), f"configurations: {created}")
        ends = {trial["status"] for trial in trials}
        check(ends <= {"completed", "stopped"} | ({"paused"} if self.kind in ("promotion", "C++") else set()),
              f"trials are {ends}")

    def check_files(self):
        left = [str(path) for path in self.study.rglob("*")
                if path.name.endswith((".part", ".new")) or path.name == "control.sock"]
        check(not left, f"files are left: {left}")

    def end(self):
        victims = self.ours() + ([("tuner", self.tuner.pid)] if self.tuner and self.tuner.poll() is None else [])
        for _, pid in victims:
            self.signal(pid, signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--round", type=int, help="only this one")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    begun, number, failed, told = time.monotonic(), options.round or 0, 0, collections.Counter()
    while options.round is not None or time.monotonic() - begun < options.seconds:
        kind = list(KINDS)[number % len(KINDS)]
        folder = pathlib.Path(tempfile.mkdtemp(prefix="clavier-chaos-"))
        play = Round(f"{options.seed} {number}", kind, folder)
        try:
            play.play()
            shutil.rmtree(folder)
        except Failed as why:
            failed += 1
            print(f"round {number} ({kind}) failed: {why}\n  in {folder}, after {dict(play.told)}\n"
                  f"  again: {sys.argv[0]} --seed {options.seed} --round {number}", flush=True)
        finally:
            play.end()
        told += play.told
        number += 1
        if options.round is not None:
            break
    print(f"{number} rounds, {failed} failed; {dict(sorted(told.items()))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
