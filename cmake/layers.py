#!/usr/bin/env python3
"""Checks every project include against the layer table of docs/architecture.md.

A folder includes lower layers only; siblings never. LibTorch headers stay in train/.
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
# Public umbrella: <clavier/clavier.h> may see what users see.
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


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src")
    found = list(problems(root))
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"layers: {len(found)} includes break the rules" if found else "layers: every include respects them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
