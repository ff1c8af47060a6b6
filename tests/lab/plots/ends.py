"""Plots of the ends: which clients are busy, what their gateway learns, and linking two ends of a flow."""
import textwrap

from plots.base import (BLUE, BOUND, CHANCE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, auc_axis, bars, legend_on_top, plot, plt, unique,
                        upper_marks)


@plot("observer", "observer", "Who is active?",
      "How well an idle client is told from a busy one (AUC; whisker: upper 95 % bound). With the law off every "
      "watcher wins; with the law none may pass the bound.")
def observer(rows):
    found = rows("observer", "auc", law=True)
    controls = rows("observer", "auc", law=False)
    if not found:
        return None
    cases = unique((row["work"], row["bytes"]) for row in found)
    watchers = unique(row["watcher"] for row in found)
    across = min(3, len(cases))
    down = -(-len(cases) // across)
    figure, axes = plt.subplots(down, across, figsize=(max(6.4, 4.1 * across), 4.2 * down), sharey=True, squeeze=False)
    bound = rows.limit("AUC, upper 95 %", "<=", 0.55)
    for axis in axes.flat[len(cases):]:
        axis.set_visible(False)
    for axis, (work, size) in zip(axes.flat, cases):
        ours = [row for row in found if (row["work"], row["bytes"]) == (work, size)]
        # A control with other work of the same size is as good: without the traffic law all work
        # shows.
        off = sorted((row for row in controls if row["bytes"] == size), key=lambda row: row["work"] != work)
        pair = [[next((row for row in some if row["watcher"] == watcher), None) for watcher in watchers]
                for some in (off, ours)]
        auc_axis(axis, bound)
        values = [[row and row["auc"] for row in some] for some in pair]
        bars(axis, [watcher.replace(" ", "\n") for watcher in watchers],
             [("law off (control)", values[0], ORANGE, "//"), ("traffic law", values[1], BLUE, None)])
        for some, shift in zip(pair, (-0.2, 0.2)):
            kept = [(i + shift, row["auc"], row["upper"]) for i, row in enumerate(some) if row]
            if kept:
                upper_marks(axis, *zip(*kept))
        axis.set_title(f"{work} of {size / 1000:,.0f} kB: {ours[0]['clients']:,} clients,\n"
                       f"{ours[0]['seeds']} networks", fontsize=10)
        axis.set_xlabel("who watches")
        axis.label_outer()
    legend_on_top(figure, *axes[0][0].get_legend_handles_labels(), 4)
    return figure


@plot("gateway", "gateway", "The client's own gateway",
      "Whether the gateway tells loops from the rest, or sees that sessions change (AUC; whisker: upper 95 % "
      "bound); right: how unevenly packets spread over the mixes next to it.")
def gateway(rows):
    found, hops = rows("gateway", "deliveries"), rows("gateway", "next_hops")
    found = [row for row in found if "auc" in row]
    if not found:
        return None
    figure, axes = plt.subplots(1, 2 if hops else 1, figsize=(8.2 if hops else 6.4, 4.4), squeeze=False,
                                gridspec_kw={"width_ratios": [2, 1]} if hops else None)
    axis = axes[0][0]
    auc_axis(axis, rows.limit("loops among", "<=", 0.55))
    bars(axis, [textwrap.fill(row["what"], 13) for row in found], [("AUC", [row["auc"] for row in found], BLUE, None)], 0.5)
    if all("upper" in row for row in found):
        upper_marks(axis, range(len(found)), [row["auc"] for row in found], [row["upper"] for row in found])
    axis.legend(loc="upper right")
    if hops:
        right = axes[0][1]
        bars(right, [row["what"].replace(" ", "\n") for row in hops],
             [("", [row["deviations"] for row in hops], SKY, None)], 0.5)
        right.axhline(rows.limit("unevenness", "<=", 4), **BOUND)
        right.axhline(0, color="black", linewidth=0.8)
        right.set_ylabel("unevenness [standard deviations]")
    return figure


@plot("linking", "linking", "Linking the two ends of a flow",
      "The classifier of MixMatch against three laws, after 100 and 600 observations. With Poisson slots the moments "
      "themselves name the client to a bad exit; with one slot in each gap they say nothing in so short a time.")
def linking(rows):
    found = [row for row in rows("linking", "tpr", setting="standard") if row["observations"] <= 600]
    if not found:
        return None
    watchers = [name for name in ("exit's links", "target's link", "bad exit", "both ends")
                if any(row["watcher"] == name for row in found)]
    looks = {"law": ("traffic law: one slot a gap", BLUE, "o", "-"), "poisson": ("Poisson slots", ORANGE, "s", "--"),
             "off": ("law off (control)", RED, "X", "none")}
    figure, axes = plt.subplots(2, len(watchers), figsize=(1.9 * len(watchers) + 0.6, 5.8), sharey="row", sharex=True,
                                squeeze=False)
    bound = rows.limit("TPR at FPR 0.01 after 100", "<=", 0.05)
    for column, watcher in enumerate(watchers):
        for axis, measure in zip(axes[:, column], ("auc", "tpr")):
            for defence, (label, colour, marker, line) in looks.items():
                # "Both ends" compares ticks with deliveries, so another schedule of sending
                # makes no difference.
                if (watcher, defence) == ("both ends", "poisson"):
                    continue
                seen = sorted((row["observations"], row[measure]) for row in found
                              if (row["watcher"], row["defence"]) == (watcher, defence))
                axis.plot([x for x, _ in seen], [y for _, y in seen], marker=marker, color=colour, linestyle=line,
                          label=label)
            axis.set_xlim(0, 700)
            axis.set_xticks([100, 600])
        axes[0][column].axhline(0.5, **CHANCE, label="chance")
        axes[1][column].axhline(0.01, **CHANCE)
        axes[1][column].axhline(bound, **BOUND, label=f"bound at 100, TPR {bound:g}")
        axes[0][column].set_title(watcher, fontsize=10)
        axes[1][column].set_xlabel("observations")
    axes[0][0].set_ylim(0.4, 1.02)
    axes[1][0].set_ylim(-0.03, 1.02)
    axes[0][0].set_ylabel("AUC")
    axes[1][0].set_ylabel("true positives at 1 % false")
    handles, labels = axes[0][0].get_legend_handles_labels()
    more = axes[1][0].get_legend_handles_labels()
    handles, labels = handles + more[0][-1:], labels + more[1][-1:]
    legend_on_top(figure, handles, labels, 3)
    return figure


@plot("beats", "linking", "Slow beats, and long watches",
      "The same classifier for networks of other rates and delays, for a session that lingers after its handover "
      "at a third of the pace, and for one of six that share it because of isolation keys. A beat whose gaps are long "
      "against the mixes' delays passes them: 'slow beat' is a network that nobody should run, 10 slots a second with "
      "50 ms a hop.")
def beats(rows):
    found = rows("linking", "tpr", defence="law")
    settings = unique(row["setting"] for row in found)
    if len(settings) < 2:
        return None
    looks = {"standard": (BLUE, "o"), "low": (GREEN, "v"), "high": (PURPLE, "^"), "slow beat": (RED, "X"),
             "lingering": (ORANGE, "s"), "isolated": (GREY, "D")}
    figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.4), sharey=True)
    for axis, watcher in zip(axes, ("bad exit", "both ends")):
        for setting in settings:
            seen = sorted((row["observations"], row["auc"]) for row in found
                          if (row["setting"], row["watcher"]) == (setting, watcher))
            colour, marker = looks[setting]
            axis.plot([x for x, _ in seen], [y for _, y in seen], color=colour, marker=marker, label=setting)
        axis.axhline(0.5, **CHANCE, label="chance")
        axis.set_xscale("log")
        axis.set_ylim(0.4, 1.02)
        axis.set_title(watcher, fontsize=10)
        axis.set_xlabel("packets of the session that were seen")
    axes[0].set_ylabel("AUC")
    legend_on_top(figure, *axes[0].get_legend_handles_labels(), 3)
    return figure
