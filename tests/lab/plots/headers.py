"""Plots of what an exit reads in headers, and of what connect times give away."""
from plots.base import BLUE, CHANCE, GREEN, ORANGE, PURPLE, RED, legend_on_top, plot, plt, unique


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
