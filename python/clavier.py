"""Tune a Python training script with Clavier: one file, nothing to install.

    import clavier

    config = clavier.config()                       # {"lr": 0.01, ...}
    model, first = build(config), 0
    if clavier.checkpoint():                        # a directory to resume from
        first = load(model, clavier.checkpoint())
    for epoch in range(first, 100):
        loss = train(model)
        go_on = clavier.report({"loss": loss}, step=epoch + 1,
                               checkpoint=lambda directory: save(model, directory))
        if not go_on:
            break

A process that is slow to start takes one trial after another:

    for trial in clavier.trials():
        ...the same, with trial.config, trial.checkpoint, trial.report(...)...

Started by hand the script runs as well: `config()` is what CLAVIER_CONFIG holds (JSON), else empty,
and reports are printed. Needs Python 3.8. Use it from one thread; worker processes of a data
loader must not call it. The wire is described in docs/worker-protocol.md.
"""

import atexit
import errno
import json
import math
import os
import shutil
import socket
import sys
import time
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Union

__version__ = "0.1.0"
__all__ = ["Trial", "checkpoint", "config", "directory", "report", "should_stop", "step",
           "trials"]

PROTOCOL_VERSION = 1
MAX_METRICS = 1000
MAX_METRIC_NAME_BYTES = 256
FULL_BYTES = 64 << 10  # A disk with less room is full.
SECONDS_BETWEEN_TRIES = 1.0  # Where a checkpoint waits for room,
MAX_WAITS_FOR_ROOM = 600  # so often.

Save = Callable[[str], Any]


def config() -> Dict[str, Any]:
    """The configuration to train with: parameter names to values, nested tables as dicts."""
    return _current().config


def checkpoint() -> Optional[str]:
    """The directory to resume from, or None to start from scratch."""
    return _current().checkpoint


def directory() -> str:
    """The trial's own directory, absolute; exists. The current one outside of a study."""
    return _current().directory


def step() -> int:
    """The step of the checkpoint; 0 from scratch."""
    return _current().step


def report(metrics: Mapping[str, Any], step: Optional[int] = None,
           checkpoint: Union[None, str, "os.PathLike[str]", Save] = None) -> bool:
    """Reports metrics at the end of a step (an epoch, usually); False means: leave now.

    `step` counts on from the last one if not given. Waits where the study wants to decide first.
    `checkpoint` is either a function that writes the state into the empty directory it gets,
    called only when the study wants a checkpoint (at the best step so far, before a pause, at the
    end, and by the other rules of `[checkpoint]`); or a directory already written, which is copied.
    If writing fails this raises, and the trial has failed; where the disk is full it goes on
    without that checkpoint, or waits for room before a pause and at its end.
    """
    return _current().report(metrics, step, checkpoint)


def should_stop() -> bool:
    """Whether the trial is to leave; for looking in between reports. Never waits.

    A trial that leaves in between goes on from its last checkpoint; one that reports first saves
    what it has come to.
    """
    return _current().should_stop()


def trials(exploit: bool = False) -> Iterator["Trial"]:
    """Trial after trial in one process, until there are no more.

    The functions of this module mean the current trial. `exploit`: the loop looks at
    `trial.checkpoint` and `trial.config` after every report, and takes over what they name when
    they have changed (population based training). An exception that leaves the loop ends the
    process and fails the trial; `trial.fail(error)` fails it alone.
    """
    return _Trials(_connect(several=True, exploit=exploit))


class _Trials:
    """Not a generator: one that is closed cannot tell `break` from an exception."""

    def __init__(self, worker: "Union[_Worker, _Standalone]"):
        self._worker = worker

    def __iter__(self) -> "_Trials":
        return self

    def __next__(self) -> "Trial":
        global _trial
        if _trial is not None:
            _trial._leave()
            _trial = None
        start = self._worker.next_start()
        if start is None:
            raise StopIteration
        _trial = Trial(start, self._worker)
        return _trial


class Trial:
    """One trial as its training code sees it."""

    def __init__(self, start: Mapping[str, Any], worker: "Union[_Worker, _Standalone]"):
        self.id: int = start["trial"]
        self.launch: int = start["launch"]
        self.attempt: int = start.get("attempt", 1)
        self.width: float = start.get("width", 1.0)
        self.config: Dict[str, Any] = _Config(start.get("config") or {})
        self.step: int = start.get("step") or 0
        self._worker = worker
        self._directory: str = start.get("directory") or os.getcwd()
        self._checkpoint: Optional[str] = start.get("checkpoint")
        self._until: Optional[int] = start.get("until")
        self._every: int = start.get("checkpoint_every") or 0
        self._at_end: bool = start.get("checkpoint_at_end", True)
        self._best_metric: Optional[str] = start.get("best_metric")
        self._best_is_less: bool = start.get("best_mode") != "max"
        self._best: Optional[float] = start.get("best")
        self._step_seconds: float = start.get("step_seconds") or 0.0
        self._last: Optional[int] = None
        self._told: Optional[str] = None
        self._exploit: Optional[Mapping[str, Any]] = None
        self._asked = False
        self._left = False
        self._failure: Optional[str] = None
        self._unsaved: Optional[Save] = None
        self._since = self._due = time.monotonic()

    @property
    def checkpoint(self) -> Optional[str]:
        """The directory to resume from, or None."""
        self._asked = True
        return self._checkpoint

    @property
    def directory(self) -> str:
        """The trial's own directory, absolute; exists."""
        os.makedirs(self._directory, exist_ok=True)
        return self._directory

    @property
    def until(self) -> Optional[int]:
        """The step at which the study decides next; None if nothing limits the trial."""
        return self._until

    def should_stop(self) -> bool:
        """Whether the trial is to leave. Never waits."""
        self._take_all_that_came()
        return self._told is not None

    def report(self, metrics: Mapping[str, Any], step: Optional[int] = None,
               checkpoint: Union[None, str, "os.PathLike[str]", Save] = None) -> bool:
        """See the function `report`."""
        if self._left:
            return False
        done = time.monotonic()
        values = _numbers(metrics)
        before = self._last_step()
        now = before + 1 if step is None else int(step)
        if now < 0:
            raise ValueError(f"the reported step is {now}: steps count from 0")
        self._last = now
        message = {"type": "report", "trial": self.id, "launch": self.launch, "step": now,
                   "metrics": values}
        best = self._is_best(values)
        self._unsaved = checkpoint if callable(checkpoint) else None
        if checkpoint is not None and self._unsaved is None:
            save = _copier(checkpoint)
            if isinstance(self._worker, _Worker):
                message["checkpoint"] = self._save_if_room(save)
        elif self._unsaved and (best or self._passes_interval(before, now)):
            message["checkpoint"] = self._save_if_room(self._unsaved)
        if self._step_seconds > 0:
            done = self._wait_for_pace(now - before)
        message["seconds"] = done - self._since
        self._worker.send(message)

        self._take_all_that_came()
        waited = False
        while self._told is None and self._exploit is None and self._reached():
            waited = True
            self._take(self._worker.receive(wait=True) or {"type": "quit"})
        if self._told == "pause" or (self._told == "stop" and self._at_end):
            self._save_unsaved()
        if self._exploit:
            self._take_over(self._exploit)
        # What else a report costs is part of the emulated step that follows.
        self._since = done if self._step_seconds > 0 and not waited else time.monotonic()
        if waited:
            self._due = self._since
        self._left = self._told is not None
        return not self._left

    def fail(self, error: Any) -> None:
        """Ends this trial as failed once the loop over `trials` goes on."""
        self._failure = _one_line(error)

    def _leave(self, process_ends: bool = False) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._finish_checkpoint()
        kind = {None: "completed", "pause": "paused"}.get(self._told, "stopped")
        message = {"type": "exited", "trial": self.id, "launch": self.launch, "kind": kind}
        if self._failure is not None:
            message.update(kind="failed", error=self._failure)
        if process_ends:
            message["leaving"] = True
        self._worker.send(message)

    def _finish_checkpoint(self) -> None:
        """At the trial's own end: a state that was offered but not wanted then is wanted now."""
        if self._told is None and self._failure is None and self._at_end:
            try:
                self._save_unsaved()
            except Exception as error:  # It is the trial's failure, whatever it is.
                self.fail(error)

    def _passes_interval(self, before: int, now: int) -> bool:
        return self._every > 0 and now // self._every > before // self._every

    def _is_best(self, values: Mapping[str, float]) -> bool:
        """Whether the study keeps the best step's state and this is it; from now on it is."""
        value = values.get(self._best_metric) if self._best_metric else None
        if value is None or not math.isfinite(value):
            return False
        if self._best is not None and not (
                value < self._best if self._best_is_less else value > self._best):
            return False
        self._best = value
        return True

    def _last_step(self) -> int:
        """Counting starts at the checkpoint only for code that has looked at it."""
        if self._last is not None:
            return self._last
        if self._checkpoint and not self._asked:
            _note(f"this trial could resume from {self._checkpoint}, but the script never calls "
                  "checkpoint(): it starts from scratch")
            return 0
        return self.step

    def _wait_for_pace(self, steps: int) -> float:
        """Where a slower machine is emulated, until the steps would be done there; when they are.

        The deadlines count from the start, or from the last decision waited for: what was late for
        one is made up for before the next.
        """
        done = time.monotonic()
        self._due += max(steps, 0) * self._step_seconds
        while done < self._due:
            time.sleep(self._due - done)
            done = time.monotonic()
        return done

    def _reached(self) -> bool:
        return self._until is not None and self._last >= self._until

    def _take_all_that_came(self) -> None:
        while self._told is None:
            message = self._worker.receive(wait=False)
            if message is None:
                return
            self._take(message)

    def _take(self, message: Mapping[str, Any]) -> None:
        if message.get("trial", self.id) != self.id:
            return
        kind = message.get("type")
        if kind == "continue":
            self._until = message.get("until")
        elif kind in ("stop", "pause", "quit"):
            self._told = kind
        elif kind == "exploit":
            self._exploit = message

    def _take_over(self, message: Mapping[str, Any]) -> None:
        self._exploit = self._unsaved = None
        self._checkpoint = message["checkpoint"]
        self.config = _Config(message.get("config") or {})
        self.step = self._last = message.get("step") or 0
        self._until = message.get("until")

    def _save_unsaved(self) -> None:
        """Before a pause and at the trial's own end it waits for room: nothing else keeps them."""
        save = self._unsaved
        if save is None:
            return
        name = self._save_if_room(save)
        waits = 0 if self._told == "stop" else MAX_WAITS_FOR_ROOM
        while name is None and waits > 0 and not self._told_to_hurry():
            waits -= 1
            time.sleep(SECONDS_BETWEEN_TRIES)
            name = self._save_if_room(save)
        if name is not None:
            self._tell_checkpoint({"checkpoint": name})

    def _tell_checkpoint(self, content: Mapping[str, Any]) -> None:
        self._worker.send({"type": "checkpoint", "trial": self.id, "launch": self.launch,
                           "step": self._last, **content})

    def _told_to_hurry(self) -> bool:
        message = self._worker.receive(wait=False)
        return message is not None and message.get("type") in ("stop", "quit")

    def _save_if_room(self, save: Save) -> Optional[str]:
        """None where the disk is full: that is no fault of the trial. The study hears of it."""
        unsaved = self._unsaved
        try:
            return self._save(save)
        except _DiskFull as full:
            self._unsaved = unsaved
            self._tell_checkpoint({"error": str(full)})
            return None

    def _save(self, save: Save) -> str:
        """Lets `save` fill a hidden directory and renames it: all of it is there, or nothing."""
        self._unsaved = None
        first = name = f"checkpoint_{self._last:06}_{self.launch}"
        repeats = 1
        while os.path.lexists(os.path.join(self._directory, name)):
            repeats += 1
            name = f"{first}_{repeats}"
        hidden = os.path.join(self._directory, f".{name}.part")
        try:
            shutil.rmtree(hidden, ignore_errors=True)
            os.makedirs(hidden)
            save(hidden)
            os.rename(hidden, os.path.join(self._directory, name))
        except Exception as error:
            kind = _DiskFull if _says_disk_full(error, self._directory) else RuntimeError
            shutil.rmtree(hidden, ignore_errors=True)
            raise kind(f"writing the checkpoint of step {self._last} to "
                               f"{self._directory} failed: {_one_line(error)}") from error
        return name


class _DiskFull(Exception):
    pass


def _says_disk_full(error: Optional[BaseException], directory: str) -> bool:
    """Not every library passes on why its file could not be written: then the disk is asked.

    To be called before what was half-written is removed.
    """
    while error is not None:
        if any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT)):
            return True
        error = error.__cause__ or error.__context__
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < FULL_BYTES


class _Config(dict):
    def __missing__(self, name: str) -> Any:
        raise KeyError(f"there is no parameter '{name}': put it into [space] of the study file, or "
                       "into CLAVIER_CONFIG (JSON) when you start this script by hand")


class _Worker:
    """The worker's end of the socket."""

    def __init__(self, wire: socket.socket, several: bool = False, exploit: bool = False):
        self._wire = wire
        self._wire.setblocking(True)
        self._pid = os.getpid()
        self._bytes = b""
        self._closed = False
        self.several = several
        self.send({"type": "hello", "version": PROTOCOL_VERSION, "resume": True,
                   "several": several, "exploit": exploit, "paced": True,
                   "name": os.path.basename(sys.argv[0] or "python"), "pid": self._pid})

    def send(self, message: Mapping[str, Any]) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("only the process that Clavier started may talk to it, not its "
                               "children")
        if self._closed:
            return
        try:
            self._wire.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        except OSError:
            self._closed = True

    def receive(self, wait: bool) -> Optional[Dict[str, Any]]:
        """The next message; None if there is none, or after the end of the stream."""
        while True:
            line, newline, rest = self._bytes.partition(b"\n")
            if newline:
                self._bytes = rest
                try:
                    message = json.loads(line)
                except ValueError:
                    message = None
                if isinstance(message, dict):
                    return message
                _note(f"ignored a message of the tuner: {line[:80]!r}")
            elif self._closed:
                return {"type": "quit"}
            elif not self._read(wait):
                return None

    def _read(self, wait: bool) -> bool:
        try:
            chunk = self._wire.recv(65536, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        self._bytes += chunk
        self._closed = not chunk
        return True

    def next_start(self) -> Optional[Dict[str, Any]]:
        """Waits for a trial; None when there will be none. All else was meant for the one before."""
        while True:
            message = self.receive(wait=True) or {"type": "quit"}
            if message.get("type") == "start":
                return message
            if message.get("type") == "quit":
                return None


class _Standalone:
    """What talks where nobody listens: reports go to standard output."""

    several = True

    def __init__(self) -> None:
        self._starts = [self._start_from_environment()]

    @staticmethod
    def _start_from_environment() -> Dict[str, Any]:
        text = os.environ.get("CLAVIER_CONFIG")
        if text is None:
            _note("not started by `clavier run`: the configuration is empty "
                  "(set CLAVIER_CONFIG='{\"lr\": 0.1}' to try one)")
        until = os.environ.get("CLAVIER_UNTIL")
        return {"trial": int(os.environ.get("CLAVIER_TRIAL", 0)),
                "launch": int(os.environ.get("CLAVIER_LAUNCH", 0)),
                "config": json.loads(text) if text else {},
                "directory": os.environ.get("CLAVIER_DIR"),
                "checkpoint": os.environ.get("CLAVIER_CHECKPOINT") or None,
                "step": int(os.environ.get("CLAVIER_STEP", 0)),
                "until": int(until) if until else None,
                "checkpoint_at_end": False}

    def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "report":
            print(json.dumps({"step": message["step"], **message["metrics"]}), flush=True)

    def receive(self, wait: bool) -> Optional[Dict[str, Any]]:
        # Nobody decides here: where a study would, the trial goes on.
        return {"type": "continue", "until": None} if wait else None

    def next_start(self) -> Optional[Dict[str, Any]]:
        return self._starts.pop() if self._starts else None


_worker: Union[None, _Worker, _Standalone] = None
_trial: Optional[Trial] = None


def _connect(several: bool, exploit: bool = False) -> Union[_Worker, _Standalone]:
    global _worker
    if _worker is not None:
        if several:
            raise RuntimeError("call trials() once, and before every other function of clavier")
        return _worker
    wire = _inherited_socket()
    if wire is None:
        _worker = _Standalone()
    else:
        _worker = _Worker(wire, several, exploit)
        _speak_at_exit()
    return _worker


def _inherited_socket() -> Optional[socket.socket]:
    # Programs started from here must not take themselves for the worker.
    text = os.environ.pop("CLAVIER_FD", None)
    if text is None:
        return None
    try:
        wire = socket.socket(fileno=int(text))
        if wire.family == socket.AF_UNIX and wire.type == socket.SOCK_STREAM:
            wire.set_inheritable(False)
            return wire
        wire.detach()
    except (OSError, ValueError):
        pass
    _note(f"descriptor {text} is no socket of Clavier's: reports go to standard output")
    return None


def _current() -> Trial:
    """The current trial; the only one of a script that does not loop over `trials`."""
    global _trial
    if _trial is None:
        if _worker is not None and _worker.several:
            raise RuntimeError("there is no trial outside of the loop over trials()")
        worker = _connect(several=False)
        start = worker.next_start()
        if start is None:  # The tuner is gone already.
            raise SystemExit(0)
        _trial = Trial(start, worker)
    return _trial


def _speak_at_exit() -> None:
    """Adds what the process's exit status cannot say: an exception, a pause or a stop obeyed."""
    pid = os.getpid()
    previous = sys.excepthook

    def on_exception(kind: Any, error: BaseException, trace: Any) -> None:
        if _trial is not None and os.getpid() == pid:
            _trial.fail(error)
        previous(kind, error, trace)

    def on_exit() -> None:
        if _trial is not None and os.getpid() == pid:
            _trial._finish_checkpoint()
            if _trial._failure is not None or _trial._told is not None:
                _trial._leave(process_ends=True)

    sys.excepthook = on_exception
    atexit.register(on_exit)


def _numbers(metrics: Mapping[str, Any]) -> Dict[str, float]:
    if not isinstance(metrics, Mapping):
        raise TypeError("report() takes a dict of metrics, such as {\"loss\": 0.3}")
    if len(metrics) > MAX_METRICS:
        raise ValueError(f"more than {MAX_METRICS} metrics in one report")
    values = {}
    for name, value in metrics.items():
        name = str(name)
        if not 1 <= len(name.encode()) <= MAX_METRIC_NAME_BYTES or not name.isprintable():
            raise ValueError(f"{name!r} cannot be a metric's name: 1 to {MAX_METRIC_NAME_BYTES} "
                             "bytes without control characters")
        try:
            if isinstance(value, (str, bytes)):
                raise TypeError("text")
            values[name] = math.nan if value is None else float(value)
        except Exception as error:  # Tensors of several elements and huge integers have their own.
            raise TypeError(f"metric '{name}' is not a number: {value!r}") from error
    return values


def _copier(source: Union[str, "os.PathLike[str]"]) -> Save:
    if not os.path.isdir(source):
        raise NotADirectoryError(f"the checkpoint {os.fspath(source)!r} is not a directory")

    def copy(target: str) -> None:
        os.rmdir(target)  # copytree wants to make it itself.
        shutil.copytree(source, target)

    return copy


def _one_line(error: Any) -> str:
    text = str(error)
    if isinstance(error, BaseException):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    lines = text.strip().splitlines()
    return lines[0][:1000] if lines else "failed without a message"


def _note(text: str) -> None:
    print(f"clavier: {text}", file=sys.stderr, flush=True)
