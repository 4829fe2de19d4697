#!/usr/bin/env python3
"""Checks every project include against the layer table of docs/architecture.md.

A folder includes lower layers only; siblings never. LibTorch headers stay in train/. The public headers, which
alone are installed, are those of public_headers.txt: what INTERFACES and clavier.h need, no more and no less.
Usage: cmake/layers.py [SOURCE_DIR]    exit status 1 if an include breaks a rule
"""
import pathlib
import re
import sys

LAYERS = [
    ["base"],
    ["study"],
    ["model"],
    ["search", "sched", "cluster", "store", "worker", "report"],
    ["exec", "train"],
    ["tuner"],
    ["app"],
    ["cli"],
]
# The worlds above the policies pick what they need from them.
ALLOWED_BELOW = {"exec": {"base", "study", "cluster", "worker"}, "train": {"base", "study", "worker"},
                 "tuner": {"base", "study", "search", "sched", "cluster", "store", "exec"}}
# What users include: everything for a program that tunes itself, and what they may implement.
INTERFACES = ["clavier.h", "search/searcher.h", "sched/scheduler.h", "cluster/planner.h", "exec/executor.h",
              "worker/trial_context.h"]
PUBLIC_HEADERS = pathlib.Path(__file__).parent / "public_headers.txt"
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)
TORCH = re.compile(r"^(torch|ATen|c10)/")


def problems(root):
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cc") or path.parent == root:
            continue
        folder = path.relative_to(root).parts[0]
        test = path.stem.endswith("_test")
        for include in INCLUDE.findall(path.read_text(encoding="utf-8")):
            target = include.split("/")[0]
            if TORCH.match(include) and folder != "train":
                yield f"{path}: LibTorch header <{include}> outside train/"
            if target not in LEVEL or target == folder or "/" not in include:
                continue
            below = ALLOWED_BELOW.get(folder)
            if below is not None and not test and target not in below:
                yield f"{path}: {folder} may not include {include}"
            elif LEVEL[target] >= LEVEL[folder]:
                yield f"{path}: {folder} (layer {LEVEL[folder]}) includes {include} (layer {LEVEL[target]})"


def public_problems(root):
    needed, to_read = set(INTERFACES), list(INTERFACES)
    while to_read:
        header = to_read.pop()
        for include in INCLUDE.findall((root / header).read_text(encoding="utf-8")):
            if (root / include).is_file() and include not in needed:
                needed.add(include)
                to_read.append(include)
    lines = PUBLIC_HEADERS.read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if line and not line.startswith("#")}
    for header in sorted(needed - listed):
        yield f"{PUBLIC_HEADERS}: public headers include {header}, which is not in the list: users would miss it"
    for header in sorted(listed - needed):
        yield f"{PUBLIC_HEADERS}: {header} is in the list, and no public header needs it"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src")
    found = [*problems(root), *public_problems(root)]
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"layers: {len(found)} problems" if found else "layers: every include respects them; the public headers are closed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
