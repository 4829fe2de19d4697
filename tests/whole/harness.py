"""Runs the built programs as a user would; shared by the tests beside it.

The build's bin folder comes from CLAVIER_BIN. Every test has a folder of its own.
"""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

BIN = pathlib.Path(os.environ["CLAVIER_BIN"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 60


class WholeProgram(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="clavier-whole-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.home = self.folder / "studies"
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith("CLAVIER_") and k != "PYTHONUNBUFFERED"}
        self.environment["PYTHONPATH"] = str(SOURCE / "python")
        self.environment["CLAVIER_DATA"] = os.environ.get("CLAVIER_DATA", str(self.folder / "data"))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self, *arguments):
        return [str(BIN / "clavier"), *map(str, arguments)]

    def surroundings(self):
        return {**self.environment, "CLAVIER_HOME": str(self.home)}

    def clavier(self, *arguments, expect=0, before=()):
        """Runs to the end; returns the finished process and checks its exit status."""
        process = subprocess.run([*before, *self.command(*arguments)], cwd=self.folder, env=self.surroundings(),
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S)
        if expect is not None:
            self.assertEqual(process.returncode, expect, f"{arguments}\n{process.stdout}\n{process.stderr}")
        return process

    def start(self, *arguments):
        """Starts in a process group of its own, output into a file."""
        output = open(self.folder / "output.txt", "wb")
        self.addCleanup(output.close)
        process = subprocess.Popen(self.command(*arguments), cwd=self.folder, env=self.surroundings(),
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)

    def output(self):
        return (self.folder / "output.txt").read_text(errors="replace")

    def wait_until(self, condition, what):
        """Polls the outside world, which offers nothing to wait on; bounded."""
        limit = time.monotonic() + TIMEOUT_S
        while time.monotonic() < limit:
            if condition():
                return
            time.sleep(0.02)
        log = self.folder / "output.txt"
        self.fail(f"{what} did not happen within {TIMEOUT_S} s\n" + (self.output() if log.exists() else ""))

    def query(self, study, sql):
        """Rows of a study's log, read as any viewer would; none while it does not exist."""
        try:
            with sqlite3.connect(f"file:{self.home / study / 'study.db'}?mode=ro", uri=True, timeout=10) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    def trials(self, study):
        return json.loads(self.clavier("trials", study, "--json").stdout)


def workers_alive(marker):
    """Processes whose command line holds the marker, zombies aside."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if marker in command and state != "Z" and "clavier run" not in command:
            found.append((int(entry.name), command))
    return found
