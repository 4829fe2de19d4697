# bench search: searchers against Optuna and Rustuna: quality on closed-form problems, time per suggestion
"""Every searcher of ours on every problem of bench_search, beside Optuna's of the same kind, else its TPE (joint as ours
is, with groups where the space is conditional); time per suggestion beside the TPE of Optuna and Rustuna in the same
run.

Optuna's results depend on nothing but its version, problem and seed: they are kept in the cache, and the first run
takes a quarter of an hour for them. A constraint costs Optuna the trials that violate it; we draw no such trial.

Usage: search.py ROOT [--json] [--seeds N] [--build DIR] [PROBLEM...]
The last line is one JSON object: quality[SEARCHER][PROBLEM] = {ours, optuna} (medians of the loss of the best trial
after 100 and 300), behind[SEARCHER] (where our median is the worse one), wins[SEARCHER] (the chance that a run of
ours beats one of Optuna's, mean over problems and counts), mean_rank[SEARCHER] (Optuna's too), parallel_loss[SEARCHER] (what 8
trials at once lose of what it gains on random search after 300 trials, median over problems), suggest_ms[SEARCHER][DIMENSIONS] =
{ours, optuna, rustuna}.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import venv

COUNTS = (100, 300)
SEARCHERS = {"random": "tpe", "sobol": "tpe", "tpe": "tpe", "gp": "tpe", "cmaes": "cmaes"}  # beside which of Optuna's
DIMENSIONS = (2, 16)


def peers_python(root, cache):
    """The interpreter of an environment with the peers, made once."""
    home = cache / "peers" / "search"
    python = home / "bin" / "python"
    wanted = root / "bench/peers/search_requirements.txt"
    mark = home / "installed.txt"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True, stdout=sys.stderr)
        mark.write_text(wanted.read_text())
    return python


class Optuna:
    """Runs of Optuna, kept in a file of the cache."""

    def __init__(self, python, root, program, cache):
        self.command = [python, root / "bench/peers/peer_search.py", program, "run"]
        self.file = cache / "peers" / "optuna-5.0.0-search.jsonl"
        self.known = {}
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                self.keep(json.loads(line))

    def keep(self, run):
        self.known[run["searcher"], run["problem"], run["seed"]] = run["losses"]

    def complete(self, problems, seeds):
        wanted = [(k, p, s) for k in sorted(set(SEARCHERS.values())) for p in problems for s in range(1, seeds + 1)]
        missing = [each for each in wanted if each not in self.known]
        if missing:
            print(f"Optuna: {len(missing)} runs that the cache does not have", flush=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for run in pool.map(self.run, missing):
                self.keep(run)
                with self.file.open("a") as file:
                    file.write(json.dumps(run) + "\n")

    def run(self, key):
        return json.loads(subprocess.check_output([*self.command, *map(str, key), *map(str, COUNTS)]))

    def runs(self, kind, problems, seeds):
        return {p: [self.known[kind, p, s] for s in range(1, seeds + 1)] for p in problems}


def ours(program, searcher, seeds, pending):
    command = [program, "run", searcher, str(seeds), str(pending), *map(str, COUNTS)]
    runs = {}
    for line in subprocess.check_output(command, text=True).splitlines():
        run = json.loads(line)
        runs.setdefault(run["problem"], []).append(run["losses"])
    return runs


def medians(runs):
    return [statistics.median(run[at] for run in runs) for at in range(len(COUNTS))]


def chance(mine, theirs, at):
    """That a run of mine beats one of theirs; a tie is half."""
    pairs = [(a[at], b[at]) for a in mine for b in theirs]
    return sum((a < b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)


def quality(runs, peers, problems):
    figures = {"quality": {}, "behind": {}, "wins": {}}
    for name, mine in runs.items():
        theirs = peers[SEARCHERS[name]]
        figures["quality"][name] = {p: {"ours": medians(mine[p]), "optuna": medians(theirs[p])} for p in problems}
        figures["behind"][name] = [
            f"{p} {count}" for p in problems for at, count in enumerate(COUNTS)
            if medians(mine[p])[at] > medians(theirs[p])[at] + 1e-9]
        figures["wins"][name] = round(statistics.mean(
            chance(mine[p], theirs[p], at) for p in problems for at in range(len(COUNTS))), 3)
    return figures


def named(runs, peers):
    return {**runs, **{f"optuna-{kind}": each for kind, each in peers.items()}}


def mean_ranks(everybody, problems):
    ranks = {name: [] for name in everybody}
    for problem in problems:
        for at in range(len(COUNTS)):
            found = {name: medians(runs[problem])[at] for name, runs in everybody.items()}
            for name, value in found.items():
                better = sum(other < value - 1e-9 for other in found.values())
                same = sum(abs(other - value) <= 1e-9 for other in found.values())
                ranks[name].append(better + (same + 1) / 2)
    return {name: round(statistics.mean(each), 2) for name, each in ranks.items()}


def parallel_loss(runs, at_once, problems):
    losses = {}
    for name in ("tpe", "cmaes"):
        lost = []
        for problem in problems:
            base, alone, together = (medians(each[problem])[-1] for each in (runs["random"], runs[name], at_once[name]))
            if base > alone:
                lost.append((together - alone) / (base - alone))
        losses[name] = round(statistics.median(lost), 4)
    return losses


def show(everybody, problems):
    print(f"{'median loss after ' + ', '.join(map(str, COUNTS)):24}" + "".join(f"{name:>24}" for name in everybody))
    for problem in problems:
        cells = [medians(each[problem]) for each in everybody.values()]
        print(f"{problem:24}" + "".join(f"{a:12.4g}{b:12.4g}" for a, b in cells))


def times(program, python, root):
    figures = {}
    for dimensions in DIMENSIONS:
        peers = json.loads(subprocess.check_output(
            [python, root / "bench/peers/peer_search.py", program, "time", str(dimensions), "1000"]))
        for searcher in SEARCHERS:
            if searcher == "gp":
                continue  # is for few trials: below
            line = subprocess.check_output([program, "time", searcher, str(dimensions), "1000"])
            mine = json.loads(line)["ms"]
            figures.setdefault(searcher, {})[str(dimensions)] = {"ours": mine, **peers}
            print(f"{searcher:8} {dimensions:3} parameters, 1,000 trials: {mine:.4f} ms per suggestion"
                  f" (Optuna {peers['optuna']:.2f}, Rustuna {peers['rustuna']:.3f})", flush=True)
    ours = json.loads(subprocess.check_output([program, "time", "gp", "8", "300"]))["ms"]
    figures["gp"] = {"8": {"ours": ours}}
    print(f"gp         8 parameters, 300 trials: {ours:.2f} ms per suggestion", flush=True)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("problems", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=11)
    parser.add_argument("--build", type=pathlib.Path, help="a build folder; default: ROOT/build/torch")
    options = parser.parse_args()
    program = (options.build or options.root / "build/torch") / "bin/bench_search"
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "clavier"
    cache = pathlib.Path(os.environ.get("CLAVIER_CACHE", default))
    python = peers_python(options.root, cache)
    lines = subprocess.check_output([program, "problems"], text=True).splitlines()
    problems = options.problems or [json.loads(line)["problem"] for line in lines]
    figures = {"suggest_ms": times(program, python, options.root)}
    optuna = Optuna(python, options.root, program, cache)
    optuna.complete(problems, options.seeds)
    peers = {kind: optuna.runs(kind, problems, options.seeds) for kind in sorted(set(SEARCHERS.values()))}
    runs = {searcher: ours(program, searcher, options.seeds, 1) for searcher in SEARCHERS}
    at_once = {searcher: ours(program, searcher, options.seeds, 8) for searcher in ("tpe", "cmaes")}
    everybody = named(runs, peers)
    show(everybody, problems)
    figures.update(quality(runs, peers, problems))
    figures["mean_rank"] = mean_ranks(everybody, problems)
    figures["parallel_loss"] = parallel_loss(runs, at_once, problems)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
