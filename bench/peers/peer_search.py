"""Optuna's and Rustuna's part of bench/search.py: the same problems, which bench_search evaluates for them.

Usage: peer_search.py BENCH_SEARCH run PROBLEM SEED TRIALS...   one line: the loss of the best trial after so many
       peer_search.py BENCH_SEARCH time DIMENSIONS TRIALS       one line: milliseconds per suggestion, by library
"""
import json
import random
import statistics
import subprocess
import sys
import time
import warnings

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")


class Problem:
    """A problem of bench_search, asked for over its pipes."""

    def __init__(self, program, name):
        lines = subprocess.check_output([program, "problems"], text=True).splitlines()
        self.spec = next(spec for spec in map(json.loads, lines) if spec["problem"] == name)
        self.server = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def suggest(self, trial):
        config = {}
        for parameter in self.spec["parameters"]:
            if not all(config.get(parent) in values for parent, values in parameter["when"]):
                continue
            name, kind = parameter["name"], parameter["kind"]
            if kind == "choice":
                config[name] = trial.suggest_categorical(name, parameter["options"])
            elif kind == "real":
                config[name] = trial.suggest_float(name, parameter["low"], parameter["high"], log=parameter["log"])
            else:
                config[name] = trial.suggest_int(
                    name, parameter["low"], parameter["high"], log=parameter["log"], step=parameter["step"])
        return config

    def violations(self, config):
        """Of each constraint, how much more its smaller side is than its greater one."""
        amounts = []
        for constraint in self.spec["constraints"]:
            sides = constraint.split("<=") if "<=" in constraint else reversed(constraint.split(">="))
            less, more = (eval(side, {}, dict(config)) for side in sides)
            amounts.append(less - more)
        return amounts

    def evaluate(self, seed, trial, config):
        """The loss, and what the trial reports."""
        words = [self.spec["problem"], str(seed), str(trial)]
        for parameter in self.spec["parameters"]:
            value = config.get(parameter["name"])
            if value is None:
                words.append("-")
            elif parameter["kind"] == "choice":
                words.append(str(parameter["options"].index(value)))
            else:
                words.append(repr(value))
        self.server.stdin.write(" ".join(words) + "\n")
        self.server.stdin.flush()
        return tuple(map(float, self.server.stdout.readline().split()))


def sampler_for(searcher, parameters, seed):
    """As its documentation advises for the space."""
    if searcher == "cmaes":
        whole = any(parameter["kind"] == "integer" for parameter in parameters)
        return optuna.samplers.CmaEsSampler(seed=seed, with_margin=whole, warn_independent_sampling=False)
    conditional = any(parameter["when"] for parameter in parameters)
    return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=conditional)


def run(program, searcher, name, seed, counts):
    problem = Problem(program, name)
    study = optuna.create_study(sampler=sampler_for(searcher, problem.spec["parameters"], seed))
    best, losses = None, []
    for number in range(counts[-1]):
        trial = study.ask()
        config = problem.suggest(trial)
        loss, reported = problem.evaluate(seed, number, config)
        violations = problem.violations(config)
        for index, violation in enumerate(violations):
            trial.set_constraint(f"c{index}", violation)
        study.tell(trial, reported)
        if all(violation <= 0 for violation in violations) and (best is None or reported < best[0]):
            best = (reported, loss)
        if number + 1 in counts:
            losses.append(best[1] if best else 1e300)
    print(json.dumps({"searcher": searcher, "problem": name, "seed": seed, "losses": losses}))


def suggestion_ms(study, tell, dimensions, trials):
    times = []
    for number in range(trials + 20):
        start = time.perf_counter()
        trial = study.ask()
        point = [trial.suggest_float(f"x{index}", 0, 1) for index in range(dimensions)]
        if number >= trials:
            times.append((time.perf_counter() - start) * 1e3)
        tell(study, trial, sum((x - 0.3) ** 2 for x in point))
    return statistics.median(times)


def optuna_suggestion_ms(dimensions, trials):
    """Filled at once by given trials: its own way there takes minutes."""
    rng = random.Random(1)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1, multivariate=True))
    domains = {f"x{index}": optuna.distributions.FloatDistribution(0, 1) for index in range(dimensions)}
    for _ in range(trials):
        point = {name: rng.random() for name in domains}
        loss = sum((x - 0.3) ** 2 for x in point.values())
        study.add_trial(optuna.trial.create_trial(params=point, distributions=domains, value=loss))
    return suggestion_ms(study, lambda study, trial, loss: study.tell(trial, loss), dimensions, 0)


def times(dimensions, trials):
    import rustuna
    from rustuna.samplers import TPESampler

    study = rustuna.create_study(sampler=TPESampler(seed=1, multivariate=True))
    theirs = suggestion_ms(study, lambda study, trial, loss: study.tell(trial.number, loss), dimensions, trials)
    print(json.dumps({"optuna": optuna_suggestion_ms(dimensions, trials), "rustuna": theirs}))


def main():
    program, command, *words = sys.argv[1:]
    if command == "run":
        run(program, words[0], words[1], int(words[2]), list(map(int, words[3:])))
    else:
        times(int(words[0]), int(words[1]))


if __name__ == "__main__":
    main()
