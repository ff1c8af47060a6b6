"""Plots of the attacks: a share of bad mixes, a failing mix, withholding and tagging packets."""
from plots.base import (BLUE, BOUND, GREEN, GREY, ORANGE, PURPLE, RED, SKY, auc_axis, bars, legend_on_top, plot, plt, share, unique,
                        upper_marks)


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
      "Seconds until loops show that packets are withheld (each point is a network). Marks at the right edge: "
      "not within the run. The attacked relay finds the attack. Others only miss loops. Packets held back for 1 s are "
      "lost to no count: only the attacked relay's loops show it, because they are late.")
def withhold(rows):
    found = rows("active", "withhold")
    if not found:
        return None

    def name(row):
        back = f",\nfor {row['held_back_s']:g} s" if row["held_back_s"] else ""
        return f"{row['target']}, {100 * row['withheld']:.0f} %{back}"
    cases = unique(map(name, found))
    looks = (("target_notices_s", "its own loops", BLUE, "o", -0.2),
             ("first_other_relay_s", "first of the other relays", GREEN, "^", 0),
             ("first_client_s", "first client (of a gateway: its own)", RED, "s", 0.2))
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
    axis.axvline(rows.limit("mix, 90 % withheld: seconds until", "<=", 8), **BOUND,
                 label="bound for its own loops at 90 % and more")
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


@plot("emptied", "active", "An emptied mix (n-1)",
      "How often an attacker that withholds or replaces the packets into a mix follows the one that it lets through, "
      "by the law of mixing and the share that it withholds: without the relay's answer, and while it answers.")
def emptied(rows):
    found = rows("active", "n_minus_one")
    if not found:
        return None

    def name(row):
        how = row["how"] if row["how"] != "withheld" else "a fifth of\nthe time" if row["every_s"] else ""
        return f"{100 * row['share']:.0f} %" + (f"\n{how}" if how else "")
    laws = unique(row["law"] for row in found)
    counts = [sum(row["law"] == law for row in found) for law in laws]
    figure, axes = plt.subplots(1, len(laws), figsize=(9, 4), sharey=True, width_ratios=counts)
    for axis, law in zip(axes, laws):
        line = [row for row in found if row["law"] == law]
        bars(axis, [name(row) for row in line],
             [("without the answer", share(row["followed"] for row in line), ORANGE, "//"),
              ("while the relay answers", share(row["followed_answered"] for row in line), BLUE, None)])
        axis.axhline(100 * rows.limit("followed while the relay answers", "<=", 0.15), **BOUND, label="bound")
        axis.set_title(law, fontsize=10)
    axes[0].set_ylabel("packets followed [%]")
    legend_on_top(figure, *axes[0].get_legend_handles_labels(), 3)
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


@plot("operators", "operators", "The operator at the other end",
      "How often a bad exit names the operator of the client's gateway, and a bad gateway that of the exit, from the "
      "mixes that a session avoids. Where each operator keeps to one position, both only guess.")
def operators(rows):
    found = rows("operators", "named")
    if not found:
        return None
    looks = ((RED, "o", "any", "operator", "right", "any positions, operators"),
             (ORANGE, "s", "any", "family", "right", "any positions, families"),
             (GREEN, "^", "any", "operator", "right_in_first_layer", "any, operators with a mix of layer 1"),
             (BLUE, "o", "one", "operator", "right", "one position, operators"),
             (SKY, "s", "one", "family", "right", "one position, families"))
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 4.2), sharey=True)
    for axis, insider, title in zip(axes, ("exit", "gateway"), ("an exit names the gateway's operator",
                                                                "a gateway names the exit's operator")):
        for colour, marker, positions, owner, column, label in looks:
            line = [row for row in found
                    if (row["insider"], row["positions"], row["owner"]) == (insider, positions, owner)]
            axis.plot([row["seconds"] for row in line], share(row[column] for row in line), f"{marker}-", color=colour,
                      fillstyle="none", label=label)
            if column == "right" and owner == "operator":
                axis.axhline(100 * line[0]["chance"], color=colour, linestyle=":", linewidth=1.2,
                             label="guessing, " + ("any positions" if positions == "any" else "one position"))
        axis.set_xscale("log")
        ticks = [0.2, 0.5, 1, 2, 5, 20, 60]
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.set_xlabel("observed [s]")
        axis.set_title(title, fontsize=10)
    axes[0].set_ylabel("named right [%]")
    axes[0].set_ylim(0, 105)
    legend_on_top(figure, *axes[0].get_legend_handles_labels(), 3)
    return figure


@plot("held_link", "held", "A disturbed link",
      "The share of clients that come to the one bad exit within 14 session lifetimes, by what an attacker does to "
      "the client's link for 10.5 s of every 15 s. The bound is 1.2 times the share of clients left alone.")
def held_link(rows):
    found = rows("held", "held")
    if not found:
        return None
    exits = sorted(unique(row["exits"] for row in found))
    attacks = unique(row["attack"] for row in found)
    met = {(row["exits"], row["attack"]): row["met"] for row in found}
    figure, axes = plt.subplots(1, len(exits), figsize=(8.2, 4.2), sharey=True)
    for axis, count in zip(axes, exits):
        bars(axis, [attack.replace(" ", "\n") for attack in attacks],
             [("clients", [100 * met[count, attack] for attack in attacks], BLUE, None)])
        axis.axhline(120 * met[count, "left alone"], **BOUND)
        axis.tick_params(axis="x", labelsize=8)
        axis.set_title(f"one bad exit of {count}", fontsize=10)
        axis.set_ylim(0, 105)
    axes[0].set_ylabel("clients that come to it [%]")
    return figure


@plot("drops", "drops", "Dropped packets: a mark, and how soon they are noticed",
      "By the packets of a client that an attacker drops in a row: the AUC of an exit that knows the moment and looks for "
      "the gap (left axis), and the share of clients whose own loops tell within a minute (right axis). The exit has the "
      "only session of a client in its first hour, or one or both of the two that a client has afterwards.")
def drops(rows):
    found, noticed = rows("drops", "mark", loss=0), rows("drops", "notice")
    if not found or not noticed:
        return None
    figure, axis = plt.subplots(figsize=(7.2, 4.4))
    for session, colour in (("alone", RED), ("main", ORANGE), ("lingering", BLUE), ("both", GREEN)):
        for way, line in (("up", "o-"), ("down", "s--")):
            line_of = sorted((row["dropped"], row["auc"]) for row in found if (row["session"], row["way"]) == (session, way))
            if line_of:
                axis.plot(*zip(*line_of), line, color=colour, fillstyle="none", label=f"{way}, {session}")
    auc_axis(axis, 0.55)
    axis.set_xscale("log", base=2)
    axis.set_xlabel("packets dropped in a row")
    notice = axis.twinx()
    notice.plot([row["dropped"] for row in noticed], share(row["noticed"] for row in noticed), "^:", color="black",
                label="clients that notice")
    notice.set_ylim(-20, 104)
    notice.set_ylabel("clients that notice [%]")
    notice.grid(visible=False)
    handles, labels = axis.get_legend_handles_labels()
    more, names = notice.get_legend_handles_labels()
    legend_on_top(figure, handles + more, labels + names, 3)
    return figure


@plot("lasting", "routes", "Routes that last",
      "Share of clients that have met bad relays, over 90 days, where 5 % of mixes and exits are bad and honest ones "
      "come, leave and are down for hours. Drawn for each session, every client meets them within days.")
def lasting(rows):
    found = rows("routes", "lasting_curve", bad_share=0.05)
    if not found:
        return None
    looks = {"each session": (RED, "-"), "product": (BLUE, "-"), "2 mixes": (SKY, "--"), "4 mixes": (GREEN, "--"),
             "5 exits": (SKY, "--"), "8 exits": (GREEN, "--"), "2 to 4 weeks": (ORANGE, ":"),
             "12 to 24 weeks": (PURPLE, ":")}
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 4.2), sharey=True)
    panels = (("route", "some packet had three bad mixes", "exits"),
              ("exit", "some session was at a bad exit", "mixes"))
    for axis, (column, title, other) in zip(axes, panels):
        for rule, (colour, style) in looks.items():
            line = [row for row in found if row["rule"] == rule]
            if line and other not in rule:
                label = "product: 1 mix, 3 exits, 6 to 12 weeks" if rule == "product" else rule
                axis.plot([row["days"] for row in line], share(row[column] for row in line), style, color=colour,
                          label=label)
        axis.set_xscale("log")
        axis.set_xlim(1 / 24, 90)
        axis.set_xticks([1 / 24, 0.25, 1, 7, 30, 90], ["1 h", "6 h", "1 d", "7 d", "30 d", "90 d"])
        axis.minorticks_off()
        axis.set_xlabel("time from the first session")
        axis.set_title(title, fontsize=10)
        axis.legend(loc=(0.4, 0.52), fontsize=7.5)
    axes[0].set_ylabel("clients [%]")
    axes[0].set_ylim(0, 105)
    return figure
