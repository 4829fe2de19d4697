"""COCO's part of bench/search.py: its noiseless functions, minimised by one of our searchers or by Optuna.

Usage: coco_search.py BENCH_SEARCH SEARCHER PROBLEM SEED TRIALS...   one line: how far above the minimum the best trial is
SEARCHER: one of bench_search's, optuna-tpe or optuna-cmaes. PROBLEM: f01-d02 is function 1 in 2 dimensions; the seed
is its instance, too.
"""
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import cocoex

warnings.simplefilter("ignore")


def ours(program, searcher, dimension, seed, trials):
    """Points to evaluate; each is to be answered with its loss."""
    command = [program, "ask", searcher, str(dimension), str(seed), str(trials)]
    asked = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in asked.stdout:
        loss = yield list(map(float, line.split()))
        asked.stdin.write(f"{loss!r}\n")
        asked.stdin.flush()


def optunas(searcher, dimension, seed, trials):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = {"optuna-tpe": lambda: optuna.samplers.TPESampler(seed=seed, multivariate=True),
               "optuna-cmaes": lambda: optuna.samplers.CmaEsSampler(seed=seed)}[searcher]()
    study = optuna.create_study(sampler=sampler)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, (yield [trial.suggest_float(f"x{i}", -5, 5) for i in range(dimension)]))


def minimum(suite, problem):
    """At the best parameter, which COCO writes down for its own tests."""
    other = suite.get_problem_by_function_dimension_instance(*problem)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        other._best_parameter("print")  # into a file
        best = [float(word) for word in pathlib.Path("._bbob_problem_best_parameter.txt").read_text().split()]
    return other(best)


def main():
    program, searcher, name, seed, *counts = sys.argv[1:]
    counts = list(map(int, counts))
    function, dimension = int(name[1:3]), int(name[5:])
    suite = cocoex.Suite("bbob", "", f"dimensions:{dimension} instance_indices:{seed}")
    problem = suite.get_problem_by_function_dimension_instance(function, dimension, int(seed))
    points = (optunas(searcher, dimension, int(seed), counts[-1]) if searcher.startswith("optuna")
              else ours(program, searcher, dimension, seed, counts[-1]))
    losses, best = [], float("inf")
    point = next(points)
    for number in range(1, counts[-1] + 1):
        loss = float(problem(point))
        best = min(best, loss)
        if number in counts:
            losses.append(best)
        try:
            point = points.send(loss)
        except StopIteration:
            break
    least = minimum(suite, (function, dimension, int(seed)))
    print(json.dumps({"searcher": searcher, "problem": name, "seed": int(seed), "losses": [loss - least for loss in losses]}))


if __name__ == "__main__":
    main()
