"""Plot of uneven lines between clients and their gateways."""
from plots.base import BLUE, GREY, RED, auc_axis, plot, plt, unique


@plot("exchange", "exchange", "A line that is not even",
      "A bad exit that also has the client's link at its gateway, 3,000 packets: AUC. Left: the line delays each cell by up "
      "to so much. Right: an attacker holds the cells for so long in a random half of all seconds. 'Gate' is the product; "
      "the others are models of a gateway that counts delays from arrival, with slots at private moments or in common.")
def exchange(rows):
    kinds = [("line", "delay of the line, up to [ms]"), ("pattern", "cells held for [ms]")]
    if not all(rows("exchange", kind) for kind, _ in kinds):
        return None
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 3.6), sharey=True)
    looks = {"at arrival": (RED, "s-"), "in common": (GREY, "x--"), "gate": (BLUE, "o-")}
    for axis, (kind, label) in zip(axes, kinds):
        found = [row for row in rows("exchange", kind) if row["observations"] == 3000]
        for law in unique(row["law"] for row in found):
            colour, line = looks[law]
            points = sorted((row["ms"], row["auc"]) for row in found if row["law"] == law)
            axis.plot(*zip(*points), line, color=colour, fillstyle="none", label=law)
        auc_axis(axis, 0.55)
        axis.set_xlabel(label)
    axes[0].legend(fontsize=8, loc="upper left")
    return figure
