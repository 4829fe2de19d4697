# bench search: searchers against Optuna and Rustuna: quality on closed-form problems, time per suggestion
"""Every searcher of ours on every problem of bench_search, beside Optuna's of the same kind, else its TPE (joint as ours
is, with groups where the space is conditional); time per suggestion beside the TPE of Optuna and Rustuna in the same
run; time and memory of long studies.

Optuna's results depend on nothing but its version, problem and seed: they are kept in the cache, and the first run
takes a quarter of an hour for them. A constraint costs Optuna the trials that violate it; we draw no such trial.

Usage: search.py ROOT [--json] [--seeds N] [--slow-seeds N] [--only SEARCHER] [--build DIR] [--coco] [PROBLEM...]
--slow-seeds: of the searchers that take milliseconds for a suggestion (gp, auto). --coco: in place of our problems the 24
noiseless functions of COCO's bbob suite in 2, 5 and 10 dimensions, without the times.
The last line is one JSON object: quality[SEARCHER][PROBLEM] = {ours, optuna} (medians of the loss of the best trial
after 100 and 300), wins, losses and p[SEARCHER] (at how many problems and counts our median is the better or the worse one, and how likely
as uneven a split is among equals: the sign test), behind[SEARCHER] (where ours is worse), chance[SEARCHER] (that a run of
ours beats one of Optuna's, mean over problems and counts), mean_rank[SEARCHER] (Optuna's too), auto_behind (where auto is worse
than the second best of the others, beyond noise), parallel_loss[SEARCHER] (what 8 trials at once lose of what it gains on
random search after 300 trials, median over problems), suggest_ms[SEARCHER][DIMENSIONS] = {ours, optuna, rustuna}, long[SEARCHER] =
{ms by trials, mb}.
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import venv

COUNTS = (100, 300)
SEARCHERS = {"random": "tpe", "sobol": "tpe", "tpe": "tpe", "gp": "tpe", "cmaes": "cmaes", "evolution": "tpe",
             "auto": "tpe"}  # beside which of Optuna's
SLOW = {"gp", "auto"}
DIMENSIONS = (2, 16)


def peers_python(root, cache, name):
    """The interpreter of an environment with the peers, made once."""
    home = cache / "peers" / name
    python = home / "bin" / "python"
    wanted = root / f"bench/peers/{name}_requirements.txt"
    mark = home / "installed.txt"
    if not mark.exists() or mark.read_text() != wanted.read_text():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True, stdout=sys.stderr)
        mark.write_text(wanted.read_text())
    return python


class Peers:
    """Runs that peer_search.py or coco_search.py makes, kept in a file of the cache."""

    def __init__(self, command, file):
        self.command, self.file, self.known = command, file, {}
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                self.keep(json.loads(line))

    def keep(self, run):
        self.known[run["searcher"], run["problem"], run["seed"]] = run["losses"]

    def complete(self, kinds, problems, seeds):
        wanted = [(k, p, s) for k in kinds for p in problems for s in range(1, seeds + 1)]
        missing = [each for each in wanted if each not in self.known]
        if missing:
            print(f"{len(missing)} runs of {', '.join(kinds)}", flush=True)
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


def sign_test(wins, losses):
    """How likely a split as uneven as this one is, either way, where both are equally good."""
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1)) / 2**n
    return min(1.0, 2 * tail)


def quality(runs, peers, problems):
    figures = {name: {} for name in ("quality", "behind", "chance", "wins", "losses", "p")}
    cells = [(p, at) for p in problems for at in range(len(COUNTS))]
    for name, mine in runs.items():
        theirs = peers[SEARCHERS[name]]
        figures["quality"][name] = {p: {"ours": medians(mine[p]), "optuna": medians(theirs[p])} for p in problems}
        ahead = {cell: medians(theirs[cell[0]])[cell[1]] - medians(mine[cell[0]])[cell[1]] for cell in cells}
        figures["behind"][name] = [f"{p} {COUNTS[at]}" for (p, at), lead in ahead.items() if lead < -1e-9]
        figures["chance"][name] = round(statistics.mean(chance(mine[p], theirs[p], at) for p, at in cells), 3)
        wins, losses = sum(lead > 1e-9 for lead in ahead.values()), sum(lead < -1e-9 for lead in ahead.values())
        figures["wins"][name], figures["losses"][name] = wins, losses
        figures["p"][name] = float(f"{sign_test(wins, losses):.3g}")
    return figures


def auto_behind(runs, problems):
    """Where hardly a run of auto's is as good as one of the second best of the others."""
    others = {name: each for name, each in runs.items() if name != "auto"}
    behind = []
    for problem in problems:
        for at, count in enumerate(COUNTS):
            second = sorted(others.values(), key=lambda each: medians(each[problem])[at])[1][problem]
            if chance(runs["auto"][problem], second, at) < 0.25:
                behind.append(f"{problem} {count}")
    return behind


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
    for name in at_once:
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


def times(program, python, root, chosen):
    figures = {}
    for dimensions in DIMENSIONS:
        peers = json.loads(subprocess.check_output(
            [python, root / "bench/peers/peer_search.py", program, "time", str(dimensions), "1000"]))
        for searcher in chosen:
            if searcher in SLOW:
                continue  # for few trials: below
            line = subprocess.check_output([program, "time", searcher, str(dimensions), "1000"])
            mine = json.loads(line)["ms"]
            figures.setdefault(searcher, {})[str(dimensions)] = {"ours": mine, **peers}
            print(f"{searcher:8} {dimensions:3} parameters, 1,000 trials: {mine:.4f} ms per suggestion"
                  f" (Optuna {peers['optuna']:.2f}, Rustuna {peers['rustuna']:.3f})", flush=True)
    for searcher in sorted(SLOW & set(chosen)):
        mine = json.loads(subprocess.check_output([program, "time", searcher, "8", "300"]))["ms"]
        figures[searcher] = {"8": {"ours": mine}}
        print(f"{searcher:8}   8 parameters, 300 trials: {mine:.2f} ms per suggestion", flush=True)
    return figures


def long_studies(program, chosen):
    """Of 100,000 trials, eight parameters."""
    figures = {}
    for searcher in [each for each in chosen if each != "gp"]:  # it would take hours
        found = json.loads(subprocess.check_output([program, "long", searcher, "8", "100000"]))
        figures[searcher] = {"ms": found["ms"], "mb": found["mb"]}
        print(f"{searcher:9} ms per suggestion by trials: {found['ms']}, {found['mb']:.0f} MB", flush=True)
    return figures


def coco_problems():
    return [f"f{function:02}-d{dimension:02}" for dimension in (2, 5, 10) for function in range(1, 25)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("problems", nargs="*")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=11)
    parser.add_argument("--slow-seeds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=sorted(SEARCHERS), help="searchers; default: all")
    parser.add_argument("--coco", action="store_true")
    parser.add_argument("--build", type=pathlib.Path, help="a build folder; default: ROOT/build/torch")
    options = parser.parse_intermixed_args()
    program = (options.build or options.root / "build/torch") / "bin/bench_search"
    default = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "clavier"
    cache = pathlib.Path(os.environ.get("CLAVIER_CACHE", default))
    chosen = {name: kind for name, kind in SEARCHERS.items() if not options.only or name in options.only}
    kinds = sorted(set(chosen.values()))
    seeds = {name: min(options.seeds, options.slow_seeds) if name in SLOW else options.seeds for name in chosen}
    figures = {}
    if options.coco:
        python = peers_python(options.root, cache, "coco")
        problems = options.problems or coco_problems()
        command = [python, options.root / "bench/peers/coco_search.py", program]
        optuna = Peers(command, cache / "peers" / "optuna-5.0.0-coco.jsonl")
        # Ours may have changed since: it is kept for this run alone.
        fresh = Peers(command, pathlib.Path(os.devnull))
        for name in chosen:
            fresh.complete([name], problems, seeds[name])
        runs = {name: fresh.runs(name, problems, seeds[name]) for name in chosen}
        kinds = [f"optuna-{kind}" for kind in kinds]
    else:
        python = peers_python(options.root, cache, "search")
        lines = subprocess.check_output([program, "problems"], text=True).splitlines()
        problems = options.problems or [json.loads(line)["problem"] for line in lines]
        figures = {"suggest_ms": times(program, python, options.root, chosen), "long": long_studies(program, chosen)}
        optuna = Peers([python, options.root / "bench/peers/peer_search.py", program, "run"],
                       cache / "peers" / "optuna-5.0.0-search.jsonl")
        runs = {name: ours(program, name, seeds[name], 1) for name in chosen}
    optuna.complete(kinds, problems, options.seeds)
    peers = {kind.removeprefix("optuna-"): optuna.runs(kind, problems, options.seeds) for kind in kinds}
    everybody = named(runs, peers)
    show(everybody, problems)
    figures.update(quality(runs, peers, problems))
    figures["mean_rank"] = mean_ranks(everybody, problems)
    if "auto" in runs and len(runs) > 2:
        figures["auto_behind"] = auto_behind(runs, problems)
    if not options.coco and "random" in runs:
        at_once = {name: ours(program, name, seeds[name], 8) for name in ("tpe", "gp", "cmaes", "auto") if name in chosen}
        figures["parallel_loss"] = parallel_loss(runs, at_once, problems)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
