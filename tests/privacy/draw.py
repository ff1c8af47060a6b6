#!/usr/bin/python3
"""Draws the laboratory's results: one SVG for each plot, lab.html with all of them, verdicts.md.

    /usr/bin/python3 tests/privacy/draw.py lab.jsonl --out DIR [--options "--full --seed 3"]

A plot whose rows are missing is left out. Needs Debian's python3-matplotlib. --options is what the
run was given, for the commands on the page.
"""
import argparse
import html
import json
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first
import matplotlib.ticker  # noqa: E402

# Okabe and Ito's colours, told apart by every kind of eye; hatches and markers say the same again.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#777777")
BOUND = {"color": "black", "linestyle": "--", "linewidth": 1.2}
CHANCE = {"color": GREY, "linestyle": ":", "linewidth": 1.2}
plt.rcParams.update({
    "svg.hashsalt": "nightjar", "svg.fonttype": "path", "font.size": 10, "axes.grid": True,
    "grid.alpha": 0.3, "axes.axisbelow": True, "legend.fontsize": 8.5, "figure.constrained_layout.use": True,
    "axes.spines.top": False, "axes.spines.right": False, "hatch.linewidth": 0.6})
PLOTS = []


def plot(name, experiment, title, sentence):
    """Registers a function of the rows that returns a figure, or None where it has no rows."""
    def register(function):
        PLOTS.append((name, experiment, title, sentence, function))
        return function
    return register


class Rows:
    def __init__(self, lines):
        self.all = [json.loads(line) for line in lines if line.strip()]

    def __call__(self, experiment, kind, **columns):
        return [row for row in self.all if row["experiment"] == experiment and row["kind"] == kind
                and all(row.get(name) == value for name, value in columns.items())]

    def verdicts(self):
        return [row for row in self.all if row["experiment"] == "verdict"]

    def limit(self, words, relation, otherwise):
        """The bound that verdicts with these words were given."""
        found = [row["limit"] for row in self.verdicts()
                 if words in row["what"] and row["relation"] == relation]
        return found[0] if found else otherwise


def unique(values):
    return list(dict.fromkeys(values))


def share(values):
    return [100 * value for value in values]


def bars(axis, groups, series, width=0.8):
    """series: (label, values, colour, hatch). Values that are None are left out."""
    each = width / len(series)
    for i, (label, values, colour, hatch) in enumerate(series):
        at = [g - width / 2 + each * (i + 0.5) for g in range(len(groups))]
        kept = [(x, v) for x, v in zip(at, values) if v is not None]
        if kept:
            axis.bar(*zip(*kept), each * 0.9, label=label, color=colour, hatch=hatch,
                     edgecolor="white", linewidth=0.5)
    axis.set_xticks(range(len(groups)), groups)
    axis.grid(axis="x", visible=False)


def upper_marks(axis, at, points, uppers):
    axis.errorbar(at, points, [[0] * len(points), [u - p for p, u in zip(points, uppers)]], fmt="none",
                  ecolor="black", capsize=3, linewidth=1)


def legend_on_top(figure, handles, labels, columns):
    """Above all axes; the empty title keeps its room free."""
    lines = -(-len(labels) // columns)
    figure.suptitle("\n".join([" "] * lines), fontsize=10.5)
    figure.legend(handles, labels, loc="upper center", ncol=columns, frameon=False)


def by_load(axis):
    axis.set_xscale("log")
    axis.set_xticks([2, 3, 5, 10, 20, 50, 100], ["2", "3", "5", "10", "20", "50", "100"])
    axis.minorticks_off()
    axis.set_xlabel("λ/µ: packets inside on average")


@plot("entropy", "mixing", "Entropy per hop",
      "What one relay's mix queue leaves to guess is what the ideal mix leaves, at every load: the lower "
      "part shows how many bits are missing, and the bound on that.")
def entropy(rows):
    found = rows("mixing", "entropy")
    if not found:
        return None
    figure, (top, low) = plt.subplots(2, 1, figsize=(6.4, 5.6), height_ratios=(3, 1.3), sharex=True)
    load = [row["lambda_over_mu"] for row in found]
    top.fill_between(load, [row["min_bits"] for row in found], [row["product_bits"] for row in found],
                     color=BLUE, alpha=0.12, label="from the worst packet to the mean")
    top.plot(load, [row["p5_bits"] for row in found], color=BLUE, linestyle=":", label="5th percentile")
    top.plot(load, [row["formula_bits"] for row in found], color=GREY, label="formula, log2(e·λ/µ)")
    top.plot(load, [row["ideal_bits"] for row in found], "s", color=ORANGE, markersize=9, fillstyle="none",
             markeredgewidth=1.6, label="ideal mix, same packets")
    top.plot(load, [row["product_bits"] for row in found], "o", color=BLUE, markersize=4, label="product's mix queue")
    top.set_ylabel("entropy per hop [bit]")
    top.legend(loc="upper left")
    bound = rows.limit("distance to the ideal mix", "<=", 0.05)
    low.axhline(bound, **BOUND)
    low.axhline(-bound, **BOUND)
    low.annotate(f"bound {bound:g}", (load[-1], bound), (0, -4), textcoords="offset points", ha="right", va="top",
                 fontsize=8.5)
    low.plot(load, [row["gap_bits"] for row in found], "o-", color=BLUE, markersize=4)
    low.set_ylabel("ideal − product [bit]")
    low.set_ylim(-1.4 * bound, 1.4 * bound)
    by_load(low)
    return figure


@plot("alone", "mixing", "What the mean hides",
      "How often a packet leaves a pool in which it is alone, and how often the best single guess is right. "
      "Where no triangle is drawn fewer than 0.3 % were alone.")
def alone(rows):
    found = rows("mixing", "entropy")
    if not found:
        return None
    figure, axis = plt.subplots(figsize=(6.4, 4.4))
    load = [row["lambda_over_mu"] for row in found]
    for column, colour, marker, label in (("best_guess", BLUE, "o", "best single guess is right"),
                                          ("alone", RED, "^", "alone in the pool")):
        for prefix, fill, size, who in (("ideal_", "none", 10, "ideal mix"), ("", "full", 5, "product")):
            seen = [(x, 100 * row[prefix + column]) for x, row in zip(load, found) if row[prefix + column] > 0]
            if seen:
                axis.plot(*zip(*seen), marker=marker, color=colour, fillstyle=fill, markersize=size,
                          linestyle="-" if not prefix else "none", label=f"{label}, {who}")
    axis.set_yscale("log")
    ticks = [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_ylim(0.3, 60)
    axis.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.set_ylabel("share of packets [%]")
    axis.legend()
    by_load(axis)
    return figure


@plot("held", "mixing", "Held times against the law",
      "How far the time that packets are held is from the exponential law, at three loads of the relay's "
      "workers. Leaving in the nearest tick of a millisecond keeps the bound; leaving in the next one, as it was, "
      "misses it.")
def held(rows):
    found = [row for row in rows("mixing", "held") if row["kernel"] != "none"]
    if not found:
        return None
    loads = sorted(unique(row["load"] for row in found))
    figure, axis = plt.subplots(figsize=(6.4, 4.4))

    def series(kernel, nearest):
        return [next((row["ks_law"] for row in found if row["kernel"] == kernel and row["load"] == load
                      and (row["earlier_ms"] == 0) == nearest), None) for load in loads]
    bars(axis, [f"{100 * load:.0f} %" for load in loads],
         [("AVX2, nearest tick (product)", series("avx2", True), BLUE, None),
          ("portable, nearest tick (product)", series("portable", True), SKY, "//"),
          ("AVX2, next tick", series("avx2", False), ORANGE, None),
          ("portable, next tick", series("portable", False), "#F5CF80", "//")])
    bound = rows.limit("held times against the law", "<=", 0.01)
    axis.axhline(bound, **BOUND, label=f"bound {bound:g}")
    axis.set_ylim(0, 1.45 * max(bound, *(row["ks_law"] for row in found)))
    axis.set_xlabel("load of the relay's workers")
    axis.set_ylabel("Kolmogorov–Smirnov distance")
    axis.legend(ncol=2, loc="upper center")
    return figure


@plot("order", "mixing", "Order within a tick",
      "The product's shuffled flush is uniform by order of arrival and by order of due time; the same queue with "
      "its shuffle undone is found out, and in order of arrival it costs entropy.")
def order(rows):
    found = rows("mixing", "order")
    if not found:
        return None
    rates = sorted(unique(row["per_second"] for row in found))
    names = {"product": "product: shuffled", "due": "control: by due time", "arrival": "control: by arrival"}
    looks = {"product": (BLUE, None), "due": (ORANGE, "//"), "arrival": (GREEN, "xx")}
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.4), width_ratios=(1.5, 1))
    groups = [f"{rate:,.0f}/s,\n{order}" for rate in rates for order in ("arrival", "due time")]

    def value(flush, rate, column):
        return next((row[column] for row in found if row["flush"] == flush and row["per_second"] == rate), None)
    bars(left, groups, [(label, [abs(value(flush, rate, f"deviate_by_{by}")) for rate in rates
                                 for by in ("arrival", "due")], *looks[flush]) for flush, label in names.items()])
    left.axhline(rows.limit("by arrival, deviate", "<=", 4.5), **BOUND, label="bound of the product")
    left.set_yscale("log")
    left.set_ylabel("distance from uniform [standard deviations]")
    left.set_xlabel("packets a second, order that is looked for")
    left.tick_params(axis="x", labelsize=8.5)
    bars(right, [f"{rate:,.0f}/s" for rate in rates],
         [(label, [value(flush, rate, "measured_bits") for rate in rates], *looks[flush])
          for flush, label in names.items()])
    right.set_ylabel("entropy per hop [bit]")
    right.set_xlabel("packets a second")
    right.set_ylim(0, 1.1 * max(row["measured_bits"] for row in found))
    legend_on_top(figure, *left.get_legend_handles_labels(), 4)
    return figure


@plot("baseline", "mixing", "Other relays, same packets",
      "The same estimate for relays that mix otherwise: a first-in-first-out relay leaves next to nothing to "
      "guess (truly nothing, to who counts the order), a uniform delay of 0 to 20 ms some 2.5 bits less than ours.")
def baseline(rows):
    found = rows("mixing", "baseline")
    if not found:
        return None
    rates = sorted(unique(row["per_second"] for row in found))
    looks = [(BLUE, None), (GREY, ".."), (ORANGE, "//"), (GREEN, "xx")]
    label = {"exponential": "exponential, mean 50 ms (the law)", "fifo": "constant 50 ms, in order"}
    figure, axis = plt.subplots(figsize=(6.4, 4.4))
    bars(axis, [f"{rate:,.0f}/s" for rate in rates],
         [(label.get(relay, relay), [row["density_bits"] for row in found if row["relay"] == relay], *look)
          for relay, look in zip(unique(row["relay"] for row in found), looks)])
    axis.set_ylabel("entropy per hop, by delay density [bit]")
    axis.set_xlabel("packets a second")
    axis.set_ylim(0, 1.3 * max(row["density_bits"] for row in found))
    axis.legend(ncol=2, loc="upper left")
    return figure


def auc_axis(axis, bound):
    axis.axhline(0.5, **CHANCE, label="chance")
    axis.axhline(bound, **BOUND, label=f"bound {bound:g}")
    axis.set_ylim(0.4, 1.02)
    axis.set_ylabel("AUC")


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
    figure, axes = plt.subplots(1, len(cases), figsize=(max(6.4, 4.1 * len(cases)), 4.4), sharey=True, squeeze=False)
    bound = rows.limit("AUC, upper 95 %", "<=", 0.55)
    for axis, (work, size) in zip(axes[0], cases):
        ours = [row for row in found if (row["work"], row["bytes"]) == (work, size)]
        # A control of other work, of as many bytes, is as good: with the law off all work shows.
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
    bars(axis, [row["what"].replace(", ", ",\n").replace(" to exits", "\nto exits").replace(" with", "\nwith")
                for row in found], [("AUC", [row["auc"] for row in found], BLUE, None)], 0.5)
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
      "themselves name the client to a bad exit; with one slot in each gap they say far less, but the longer a session "
      "is watched the more, to it and to who holds both ends.")
def linking(rows):
    found = rows("linking", "tpr")
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
                # Both ends compare ticks with deliveries: who only sends otherwise is no other law there.
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


@plot("exposure", "routes", "Time to the first bad route",
      "The chance that some packet of a client has passed three bad mixes, by the share f of each layer that is bad. "
      "Lines: closed form; points: simulated clients that draw routes by the product's code.")
def exposure(rows):
    found = rows("routes", "exposure_curve")
    if not found:
        return None
    kept = sorted(unique(row["fixed_hops"] for row in found))
    shares = sorted(unique(row["bad_share"] for row in found), reverse=True)
    figure, axes = plt.subplots(2, 2, figsize=(8, 6.2), sharex=True, sharey=True)
    looks = [(RED, "o"), (ORANGE, "s"), (GREEN, "^"), (BLUE, "D"), (PURPLE, "v")]
    for axis, hops in zip(axes.flat, kept):
        for bad, (colour, marker) in zip(shares, looks):
            line = [row for row in found if (row["fixed_hops"], row["bad_share"]) == (hops, bad)]
            axis.plot([row["seconds"] for row in line], share(row["closed_form"] for row in line), color=colour,
                      label=f"f = {100 * bad:g} %")
            dots = [row for row in line if row["simulated"] is not None][::2]
            axis.plot([row["seconds"] for row in dots], share(row["simulated"] for row in dots), marker, color=colour,
                      markersize=4, fillstyle="none")
        axis.set_title(f"fixed_hops {hops}" + (" (default)" if hops == 1 else ""), fontsize=10)
        axis.set_xscale("log")
        axis.set_xlim(1, 1e8)
        axis.set_xticks([1, 60, 3600, 86400, 86400 * 30, 86400 * 365], ["1 s", "1 min", "1 h", "1 d", "30 d", "1 y"])
        axis.minorticks_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("clients exposed [%]")
    for axis in axes[1]:
        axis.set_xlabel("time from the first packet")
    axes[0][0].legend(loc="lower right")
    return figure


@plot("failing_relay", "routes", "A mix of layer 2 fails",
      "What a download suffers (each point is a network; layers of four mixes): if the session keeps the mix "
      "it dies and is replaced; if it keeps none a quarter of all slots is lost for good and the rate falls.")
def failing_relay(rows):
    found = rows("routes", "failing_relay")
    if not found:
        return None
    looks = {"any": ("none is kept", GREEN, "s", 0), "kept": ("the mix that fails is kept", RED, "o", -0.12),
             "other": ("another one is kept", BLUE, "^", 0.12)}
    panels = (("pause of the download [s]", lambda row: row["pause_s"]),
              ("rate afterwards [% of before]", lambda row: 100 * row["rate_after_Bps"] / row["rate_before_Bps"]),
              ("slots lost in the first 5 s [%]", lambda row: 100 * row["slots_lost_early"]))
    figure, axes = plt.subplots(1, 3, figsize=(8.2, 4.2))
    for axis, (title, value) in zip(axes, panels):
        for stopped, (label, colour, marker, shift) in looks.items():
            seen = [(row["fixed_hops"] + shift, value(row)) for row in found if row["stopped"] == stopped]
            if seen:
                axis.plot(*zip(*seen), marker, color=colour, fillstyle="none", markeredgewidth=1.4, label=label)
        axis.set_xticks(range(4))
        axis.set_xlim(-0.5, 3.5)
        axis.set_ylim(bottom=-2 if axis is axes[2] else 0)
        axis.set_xlabel("fixed_hops")
        axis.set_ylabel(title)
    legend_on_top(figure, *axes[0].get_legend_handles_labels(), 3)
    return figure


@plot("withhold", "active", "Withheld packets: time to notice",
      "Seconds until loops tell that somebody withholds packets (each point is a network). Marks at the right edge: "
      "not within the run. Packets held back for 1 s are lost to no count; only the delays of relays' loops show it.")
def withhold(rows):
    found = rows("active", "withhold")
    if not found:
        return None

    def name(row):
        back = f",\nfor {row['held_back_s']:g} s" if row["held_back_s"] else ""
        return f"{row['target']}, {100 * row['withheld']:.0f} %{back}"
    cases = unique(map(name, found))
    looks = (("target_notices_s", "its own loops, counted", BLUE, "o", -0.27),
             ("target_notices_by_delay_s", "its own loops, delays too", SKY, "D", -0.09),
             ("first_other_relay_s", "first of the other relays", GREEN, "^", 0.09),
             ("first_client_s", "first client (of a gateway: its own)", RED, "s", 0.27))
    figure, axis = plt.subplots(figsize=(7.6, 5.4))
    most = max(row[column] for row in found for column, *_ in looks if row[column] is not None)
    patience = rows.limit("clients' loops tell", "<=", 30)
    edge = max(most, patience) * 1.1
    for column, label, colour, marker, shift in looks:
        at = [(row[column], cases.index(name(row)) + shift) for row in found]
        axis.plot([x for x, _ in at if x is not None], [y for x, y in at if x is not None], marker, color=colour,
                  fillstyle="none", markeredgewidth=1.4, label=label)
        axis.plot([edge for x, _ in at if x is None], [y for x, y in at if x is None], marker, color=colour,
                  alpha=0.35, markersize=4)
    axis.axvline(rows.limit("until its own loops tell", "<=", 10), **BOUND, label="bound for its own loops")
    axis.axvline(patience, color="black", linestyle=":", linewidth=1.2,
                 label="bound for a gateway's clients")
    for i in range(1, len(cases)):
        axis.axhline(i - 0.5, color=GREY, linewidth=0.4)
    axis.set_yticks(range(len(cases)), cases)
    axis.grid(axis="y", visible=False)
    axis.invert_yaxis()
    axis.set_xlim(0, edge * 1.06)
    axis.set_xlabel("time from the attack's begin [s]; polled once a second")
    legend_on_top(figure, *axis.get_legend_handles_labels(), 3)
    return figure


@plot("tagged", "active", "A tagged session",
      "A bad gateway tags or drops packets of a session and watches the links at both ends of the mixes: AUC, "
      "upper 95 % bound. Tagging everything shows (control), since a dead session is replaced.")
def tagged(rows):
    found = rows("active", "tagged_session")
    if not found:
        return None
    figure, axis = plt.subplots(figsize=(6.4, 4.4))
    auc_axis(axis, rows.limit("AUC at both ends of the mixes", "<=", 0.55))
    names = [row["attack"].replace(" of a session", " packets of a\nsession" if "one" in row["attack"] else
                                   " of a\nsession") for row in found]
    bars(axis, names, [("attack", [None if row["control"] else row["auc"] for row in found], BLUE, None)], 0.5)
    bars(axis, names, [("control", [row["auc"] if row["control"] else None for row in found], ORANGE, "//")], 0.5)
    upper_marks(axis, range(len(found)), [row["auc"] for row in found], [row["auc_upper"] for row in found])
    axis.legend(loc="upper left")
    return figure


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
        text += (f" The simulation makes {row['clear_hops_per_s']:,.0f} packet hops a second in clear, "
                 f"{row['real_hops_per_s']:,.0f} with cryptography.")
    twins = rows("observer", "twins")
    if twins:
        text += (f" Of {sum(row['cells'] for row in twins):,} cells of networks in which nobody is active, "
                 f"{sum(row['differing'] for row in twins):,} differ from those of their twins with the same "
                 "seed in which everybody is.")
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
                                     command=f"tests/privacy/lab {experiment} {wanted.options}".strip()))
    (wanted.out / "verdicts.md").write_text(verdicts_in_markdown(rows))
    (wanted.out / "lab.html").write_text(PAGE.format(
        summary=summary(rows), figures="\n".join(figures), verdicts=verdict_table(rows)))


if __name__ == "__main__":
    main()
