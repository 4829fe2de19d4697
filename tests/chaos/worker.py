"""Trains nothing: reports, and writes each report down, forced to the disk, before it is sent.

worker.py plain|client|exploit|fork STEPS STEP_SECONDS
"""
import json
import os
import pathlib
import sys
import time

mode, steps, step_seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
log = os.open(os.environ["CHAOS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def train(trial, launch, step, x):
    time.sleep(step_seconds)
    loss = x * x + 1 / step
    os.write(log, f"{trial} {launch} {step} {loss!r}\n".encode())
    os.fsync(log)
    return {"loss": loss}


def plain():
    x = json.loads(os.environ["CLAVIER_CONFIG"])["x"]
    for step in range(1, steps + 1):
        values = train(os.environ["CLAVIER_TRIAL"], os.environ["CLAVIER_LAUNCH"], step, x)
        print(json.dumps({"step": step, **values}), flush=True)


def fork():
    """A data loader, and a daemon in a session of its own."""
    for daemon in (False, True):
        if os.fork() == 0:
            if daemon:
                os.setsid()
                os.fork()
            time.sleep(1000)
            os._exit(0)


def client():
    if mode == "fork":
        fork()
    import clavier
    for trial in clavier.trials(exploit=mode == "exploit"):
        from_ = trial.checkpoint
        step = int((pathlib.Path(from_) / "step").read_text()) if from_ else 0
        while step < steps:
            step += 1
            def save(folder):
                (pathlib.Path(folder) / "step").write_text(str(step))
            if not trial.report(train(trial.id, trial.launch, step, trial.config["x"]), step, save):
                break
            if trial.checkpoint != from_:
                from_, step = trial.checkpoint, trial.step


plain() if mode == "plain" else client()
