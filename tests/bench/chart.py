#!/usr/bin/env python3
"""Draws the chart of docs/performance.md from what `tests/bench/compare --json` wrote.

    tests/bench/chart.py docs/performance/*.json > docs/performance/chart.svg
"""
import json
import sys

BAR, GAP, LEFT, SCALE_WIDTH = 18, 6, 210, 470
COLOURS = {"crate": "#9aa0a6", "portable": "#7aa6c2", "avx2": "#2f6f9f", "ifma": "#123f63"}
# What is drawn: heading, row of the crate, row of ours, and the goal of each kernel.
PARTS = (("Unwrapping a packet, 64 waiting", "crate: unwrap", "unwrap, 64 waiting",
          {"portable": 1.5, "avx2": 3.6, "ifma": 8}),
         ("Creating a packet of five hops, alone", "crate: create", "create, 1 in one call",
          {"avx2": 4, "ifma": 8}),
         ("Creating a packet of five hops, eight in a call", "crate: create", "create, 8 in one call", {}))


def ratio(run, name):
    return next(row["ratio_p10"] for row in run["rows"] if row["name"] == name)


def bars(runs):
    """(heading, [(label, ratio, colour, goal)]) for each part."""
    for heading, theirs, ours, goals in PARTS:
        yield heading, [("crate sphinx-packet 0.8.0", ratio(runs[0], theirs), COLOURS["crate"], None)] + [
            (f"ours, {run['kernel']}", ratio(run, ours), COLOURS[run["kernel"]], goals.get(run["kernel"]))
            for run in runs]


def draw(runs):
    parts = list(bars(runs))
    most = max(max(value, goal or 0) for _, rows in parts for _, value, _, goal in rows)
    lines, y = [], 44
    for heading, rows in parts:
        lines.append(f'<text x="12" y="{y}" font-weight="bold">{heading}</text>')
        y += 12
        for label, value, colour, goal in rows:
            width, middle = SCALE_WIDTH * value / most, y + BAR - 5
            lines.append(f'<text x="{LEFT - 8}" y="{middle}" text-anchor="end">{label}</text>')
            lines.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
            lines.append(f'<text x="{LEFT + width + 6:.1f}" y="{middle}">{value:.1f}</text>')
            if goal:
                x = LEFT + SCALE_WIDTH * goal / most
                lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 2}" y2="{y + BAR + 2}" '
                             'stroke="#c0392b" stroke-width="2"/>')
            y += BAR + GAP
        y += 26
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + SCALE_WIDTH + 60}" height="{y - 8}" '
            'font-family="sans-serif" font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n'
            '<text x="12" y="20">Times as fast as the crate (10th percentiles of interleaved rounds); '
            'red: the goal</text>')
    return "\n".join([head, *lines, "</svg>"])


def main():
    order = list(COLOURS)
    runs = sorted((json.load(open(path)) for path in sys.argv[1:]), key=lambda run: order.index(run["kernel"]))
    if not runs:
        sys.exit(__doc__)
    print(draw(runs))


if __name__ == "__main__":
    main()
