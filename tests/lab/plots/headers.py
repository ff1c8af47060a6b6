"""Plots of what an exit reads in headers, and of what connect times give away."""
import textwrap

from plots.base import BLUE, CHANCE, GREEN, ORANGE, PURPLE, RED, bars, legend_on_top, plot, plt, unique


@plot("headers", "headers", "What an exit reads",
      "How well a session's headers name its client among all (left; numbers: among nine) and one client of two (right), by "
      "the packets that were seen. Dashed: the control, the same score with headers that tell the true times.")
def headers(rows):
    found = rows("headers", "which")
    if not found:
        return None
    looks = {"stamps": (RED, "X"), "numbers": (BLUE, "o"), "acks": (ORANGE, "s"), "SURBs": (GREEN, "v"),
             "late acks": (PURPLE, "D")}
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.4), sharey=True)
    for name in unique(row["reads"] for row in found):
        for control in (True, False):
            seen = sorted((row["packets"], row["right"] / max(1, row["sessions"]), row["auc"]) for row in found
                          if (row["reads"], row["control"]) == (name, control))
            if not seen:
                continue
            colour, marker = looks[name]
            style = {"color": colour, "marker": marker, "linestyle": "--" if control else "-",
                     "alpha": 0.5 if control else 1, "label": f"{name}, control" if control else name}
            packets, right, auc = zip(*seen)
            axes[0].plot(packets, right, **style)
            axes[1].plot(packets, auc, **style)
    axes[1].axhline(0.5, **CHANCE, label="chance")
    for axis, title in zip(axes, ("share of sessions named", "AUC")):
        axis.set_xscale("log")
        axis.set_ylim(-0.03, 1.03)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("packets of the session that were read")
    legend_on_top(figure, *axes[1].get_legend_handles_labels(), 4)
    return figure


@plot("handovers", "handovers", "Which exit did the client move to?",
      "An observer of all links that knows when a client connects, hands over or leaves looks for the exit whose total "
      "changes (share of the cases found, the best of its windows). In brackets: cover of the exits, cells by reply. "
      "Cover is a model on measured totals.")
def handovers(rows):
    found = [row for row in rows("handovers", "found")
             if row["link"] != "middle mixes" and not row["link"].startswith("beat")]
    if not found:
        return None
    settings = unique(row["setting"] for row in found)
    figure, axes = plt.subplots(1, len(settings), figsize=(5.6 * len(settings) + 1, 4.8), sharey=True, squeeze=False)
    looks = {"connects": (BLUE, None), "handover": (ORANGE, "//"), "leaves": (GREEN, "..")}
    for axis, setting in zip(axes[0], settings):
        ours = [row for row in found if row["setting"] == setting and row["events"] >= 10]
        covers = unique(row["cover"] for row in sorted(ours, key=lambda row: row["cells"]))
        series = []
        for what, (colour, hatch) in looks.items():
            best = [max((row["right"] for row in ours if (row["what"], row["cover"]) == (what, cover)), default=None)
                    for cover in covers]
            series.append((what, best, colour, hatch))
        cells = {row["cover"]: row["cells"] for row in ours}
        bars(axis, [textwrap.fill(f"{cover} ({cells[cover]:.2f})", 12) for cover in covers], series)
        axis.axhline(ours[0]["chance"], **CHANCE, label="chance")
        axis.set_title(setting, fontsize=10)
        axis.tick_params(axis="x", labelsize=8)
    axes[0][0].set_ylabel("exit found")
    legend_on_top(figure, *axes[0][0].get_legend_handles_labels(), 4)
    return figure
