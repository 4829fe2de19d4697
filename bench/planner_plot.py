"""Draws what `script/bench planner --json` printed: makespan over the bound, for every rule, on cluster A.

Usage: script/bench planner --json | python3 bench/planner_plot.py > docs/planning.svg
"""
import json
import math
import sys

SETTINGS = [("free", "no costs"), ("eval", "evaluations"), ("eval+move", "evaluations and moves"), ("drift", "drift and noise")]
SIZES = ["4", "8", "20", "50"]
COLOURS = {"auto": "#d1495b", "hrfs": "#2f6690", "gpa": "#3a8f5c", "agnostic": "#8a6fae", "uniform-bundle": "#c98a1b",
           "max-min": "#1f9c9c", "goodput": "#b0518f", "first-fit": "#7a7a7a"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 210, 190, 52, 46, 26
TOP_RATIO = 13.0


def height(ratio):
    """On a logarithmic scale from 1 to TOP_RATIO."""
    return TOP + HEIGHT * (1 - math.log(max(ratio, 1.0)) / math.log(TOP_RATIO))


def panel(ratios, index, setting, title):
    left = LEFT + index * (WIDTH + GAP)
    out = [f'<text class="title" x="{left}" y="{TOP - 12}">{title}</text>']
    for tick in (1, 1.5, 2, 3, 5, 10):
        y = height(tick)
        out.append(f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if index == 0:
            out.append(f'<text class="tick" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    places = [left + WIDTH * (i + 0.5) / len(SIZES) for i in range(len(SIZES))]
    for place, size in zip(places, SIZES):
        out.append(f'<text class="tick" x="{place:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{size}</text>')
    for rule, colour in reversed(COLOURS.items()):
        points = [(x, ratios["A"][size][setting][rule]) for x, size in zip(places, SIZES)]
        points = [(x, height(ratio), ratio) for x, ratio in points if ratio is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
        out.append(f'<polyline points="{path}" stroke="{colour}" class="line"/>')
        for x, y, ratio in points:
            out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"><title>{rule}: {ratio:.3f}</title></circle>')
    return out


def main():
    ratios = json.loads(sys.stdin.read().strip().splitlines()[-1])["ratios"]
    width = LEFT + len(SETTINGS) * (WIDTH + GAP)
    total = TOP + HEIGHT + 84
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" font-family="system-ui, sans-serif">',
           "<style>svg{background:#fff}text{fill:#333}.title{font-size:13px;font-weight:600}.tick,.key{font-size:12px}"
           ".grid{stroke:#ddd}.line{fill:none;stroke-width:2}"
           "@media(prefers-color-scheme:dark){svg{background:#161a1d}text{fill:#ddd}.grid{stroke:#3a4045}}</style>"]
    for index, (setting, title) in enumerate(SETTINGS):
        out += panel(ratios, index, setting, title)
    x = LEFT
    for rule, colour in COLOURS.items():
        out.append(f'<rect x="{x}" y="{total - 42}" width="12" height="12" rx="2" fill="{colour}"/>')
        out.append(f'<text class="key" x="{x + 18}" y="{total - 32}">{rule}</text>')
        x += 36 + 8 * len(rule)
    out.append(f'<text class="key" x="{LEFT}" y="{total - 10}">number of trials across; makespan over the bound, logarithmic</text>')
    print("\n".join(out + ["</svg>"]))


if __name__ == "__main__":
    main()
