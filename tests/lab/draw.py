#!/usr/bin/python3
"""Draws the laboratory's results: an SVG for each plot, lab.html with all plots, and verdicts.md.

    /usr/bin/python3 tests/lab/draw.py lab.jsonl --out DIR [--options "--full --seed 3"]

A plot whose rows are missing is left out. Needs Debian's python3-matplotlib. --options: the options
of the run, for the commands on the page.
"""
import argparse
import html
from pathlib import Path

from plots import relay, ends, headers, sessions, exchange, attacks, metrics  # noqa: F401, I001  in this order on the page
from plots.base import PLOTS, Rows, plt

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Nightjar: what the laboratory measured</title><style>
body {{ font: 15px/1.45 sans-serif; margin: 24px; color: #222; background: white; }}
main {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(560px, 1fr)); gap: 24px; align-items: start; }}
figure {{ margin: 0; border: 1px solid #ccc; border-radius: 6px; padding: 14px; }}
figure h2 {{ font-size: 17px; margin: 0 0 8px; }} figure img {{ width: 100%; height: auto; }}
code {{ background: #f1f1f1; padding: 1px 5px; border-radius: 3px; }}
table {{ border-collapse: collapse; margin-top: 10px; }} td, th {{ padding: 3px 12px; text-align: left; border-bottom: 1px solid #ddd; }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; }} .passed {{ color: #00694d; }} .failed {{ color: #b03a00; font-weight: bold; }}
</style></head><body>
<h1>What the laboratory measured</h1>
<p>{summary} What it means: docs/anonymity.md.</p>
<main>
{figures}
</main>
<h2>Verdicts</h2>
{verdicts}
</body></html>
"""
FIGURE = """<figure><h2>{title}</h2><img src="{name}.svg" alt="{alt}">
<figcaption><p>{sentence}</p><code>{command}</code></figcaption></figure>"""


def number(value):
    return f"{value:.4g}"


def verdict_table(rows):
    if not rows.verdicts():
        return "<p>There are none.</p>"
    lines = ["<table><tr><th>claim</th><th>measured</th><th></th><th>bound</th><th></th></tr>"]
    for row in rows.verdicts():
        lines.append(f"<tr><td>{html.escape(row['what'])}</td><td class=n>{number(row['value'])}</td>"
                     f"<td>{html.escape(row['relation'])}</td><td class=n>{number(row['limit'])}</td>"
                     f"<td class={row['kind']}>{row['kind']}</td></tr>")
    return "\n".join(lines) + "</table>"


def verdicts_in_markdown(rows):
    lines = ["| claim | measured | | bound | |", "|---|---|---|---|---|"]
    lines += [f"| {row['what']} | {number(row['value'])} | {row['relation']} | {number(row['limit'])} | {row['kind']} |"
              for row in rows.verdicts()]
    return "\n".join(lines) + "\n"


def summary(rows):
    kinds = [row["kind"] for row in rows.verdicts()]
    text = f"{kinds.count('passed')} bounds passed, {kinds.count('failed')} failed."
    for row in rows("speed", "hops"):
        text += (f" With {row['clients']:,} clients the simulation makes {row['clear_hops_per_s']:,.0f} packet hops a "
                 "second.")
    twins = rows("observer", "twins")
    if twins:
        text += (f" Of {sum(row['cells'] for row in twins):,} cells of networks in which no client is active, "
                 f"{sum(row['differing'] for row in twins):,} differ from those of their twins with the same "
                 "seed in which all clients are.")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--options", default="")
    wanted = parser.parse_args()
    rows = Rows(wanted.lines.read_text().splitlines())
    wanted.out.mkdir(parents=True, exist_ok=True)
    figures = []
    for name, experiment, title, sentence, function in PLOTS:
        figure = function(rows)
        if figure is None:
            continue
        figure.savefig(wanted.out / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
        figures.append(FIGURE.format(title=title, name=name, alt=html.escape(sentence), sentence=html.escape(sentence),
                                     command=f"tests/lab/run {experiment} {wanted.options}".strip()))
    (wanted.out / "verdicts.md").write_text(verdicts_in_markdown(rows))
    (wanted.out / "lab.html").write_text(PAGE.format(
        summary=summary(rows), figures="\n".join(figures), verdicts=verdict_table(rows)))


if __name__ == "__main__":
    main()
