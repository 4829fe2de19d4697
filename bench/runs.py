"""What the benchmarks that drive whole programs share: a study of ours, and the environment of its peers."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time


def run_study(build, text):
    """Runs the study called "bench" with the program in `build`. Seconds from the start of the program to its
    end, and the best value that any trial reported of its metric, of which more is better."""
    work = pathlib.Path(tempfile.mkdtemp(prefix="clavier-bench-"))
    try:
        study = work / "study.toml"
        study.write_text(text)
        clavier = build / "bin/clavier"
        start = time.monotonic()
        subprocess.run([clavier, "run", study, "--dir", work / "studies"], check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        trials = json.loads(subprocess.run([clavier, "trials", "bench", "--json", "--dir", work / "studies"],
                                           check=True, capture_output=True, text=True).stdout)
        return seconds, max(trial["best"] for trial in trials)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def peers_python(root, venv):
    """The Python of a virtual environment with Ray Tune and PyTorch, set up where it is missing."""
    if not (venv / "bin/ray").exists():
        print("setting up Ray Tune and PyTorch in", venv, flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", "-r", root / "bench/peers/requirements.txt"], check=True)
    return venv / "bin/python"
