"""Plots of whole sessions and of wrong clocks."""
import textwrap

from plots.base import BLUE, CHANCE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, auc_axis, bars, legend_on_top, plot, plt, unique


@plot("sessions", "sessions", "Whole sessions",
      "How well a bad exit tells which of two clients a session belongs to, by how long it watches: with the clients' links, "
      "with the client's bad gateway, or together with another bad exit. Bars: two standard deviations. Crosses: what the "
      "model of the score expects.")
def sessions(rows):
    found = [row for row in rows("sessions", "whose") if not row["setting"].startswith("planted")]
    if not found:
        return None
    adversaries = unique(row["adversary"] for row in found)
    figure, axes = plt.subplots(1, len(adversaries), figsize=(4.2 * len(adversaries), 4.2), sharey=True, squeeze=False)
    looks = dict(zip(("main", "lingering", "one of six", "whole pace", "both"),
                     ((BLUE, "o"), (ORANGE, "s"), (GREEN, "D"), ("black", "v"), (RED, "^"))))
    for axis, adversary in zip(axes[0], adversaries):
        for setting, session in unique((row["setting"], row["session"]) for row in found
                                       if row["adversary"] == adversary):
            seen = sorted((row["minutes"], row["auc"], 2 * row["deviation"], row["expected"]) for row in found
                          if (row["adversary"], row["setting"], row["session"]) == (adversary, setting, session))
            minutes, auc, deviation, expected = zip(*seen)
            colour, marker = looks[session]
            axis.errorbar(minutes, auc, deviation, color=colour, marker=marker, capsize=3, label=f"{setting}, {session}",
                          linestyle="--" if setting == "active" else "-")
            if not adversary.startswith("two exits"):
                axis.plot(minutes, expected, color=colour, marker="x", linestyle="none")
        axis.axhline(0.5, **CHANCE)
        axis.set_xscale("log")
        axis.set_title(adversary, fontsize=10)
        axis.set_xlabel("minutes watched")
    axes[0][0].set_ylim(0.4, 1.02)
    axes[0][0].set_ylabel("AUC")
    handles = dict(pair for axis in axes[0] for pair in zip(*reversed(axis.get_legend_handles_labels())))
    legend_on_top(figure, handles.values(), handles.keys(), 4)
    return figure


@plot("clocks", "clocks", "Wrong clocks",
      "How well exits and gateways tell which of two clients a session belongs to, where clients' clocks are off by so much "
      "and run fast or slow by so many millionths.")
def clocks(rows):
    found = rows("clocks", "whose")
    if not found:
        return None
    figure, axis = plt.subplots(figsize=(8.6, 4.4))
    adversaries = unique(row["adversary"] for row in found)
    series = []
    for name, colour, hatch in zip(unique(row["clocks"] for row in found), (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY, BLUE),
                                  (None, "//", None, "\\\\", None, "//", None, "..")):
        auc = {row["adversary"]: row["auc"] for row in found if row["clocks"] == name}
        series.append((name, [auc.get(adversary) for adversary in adversaries], colour, hatch))
    bars(axis, [textwrap.fill(adversary, 18) for adversary in adversaries], series)
    auc_axis(axis, 0.53)
    legend_on_top(figure, *axis.get_legend_handles_labels(), 4)
    return figure


@plot("target", "target", "Lines that stall",
      "How well a server, or a bad exit, tells whose stream or session it has, where each client's line stalls or breaks at times "
      "and the adversary sees all lines.")
def target(rows):
    found = rows("target", "stalls")
    if not found:
        return None
    figure, axis = plt.subplots(figsize=(8.6, 4.4))
    lines = unique(row["line"] for row in found)
    series = []
    for adversary, colour, hatch in zip(unique(row["adversary"] for row in found), (BLUE, ORANGE, GREEN),
                                       (None, "//", "..")):
        auc = {row["line"]: row["auc"] for row in found if row["adversary"] == adversary}
        series.append((adversary, [auc.get(line) for line in lines], colour, hatch))
    bars(axis, [textwrap.fill(line, 16) for line in lines], series)
    auc_axis(axis, 0.53)
    legend_on_top(figure, *axis.get_legend_handles_labels(), 3)
    return figure
