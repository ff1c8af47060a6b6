"""Plots of one relay: the entropy of its mix queue, hold times, and the order in which it sends."""
import matplotlib.ticker

from plots.base import BLUE, BOUND, GREEN, GREY, ORANGE, RED, SKY, bars, legend_on_top, plot, plt, unique


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


@plot("laws", "mixing", "Laws of mixing side by side",
      "What each law leaves to guess at one relay, and for how long it holds a packet: the mean, and as a dotted line "
      "the 99th percentile. Poisson and the timed pool have a mean delay of 50 ms, the thresholds a longest wait of "
      "100 ms. A threshold that is soon reached holds packets for less time, and leaves less to guess.")
def laws(rows):
    found = rows("mixing", "laws")
    if not found:
        return None
    figure, (top, low) = plt.subplots(2, 1, figsize=(6.4, 6.0), height_ratios=(3, 2), sharex=True)
    looks = [(BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (RED, "v")]
    for law, (colour, marker) in zip(unique(row["law"] for row in found), looks):
        mine = [row for row in found if row["law"] == law]
        load = [row["lambda_over_mu"] for row in mine]
        top.plot(load, [row["bits"] for row in mine], marker=marker, color=colour, markersize=5, label=law)
        low.plot(load, [row["held_mean_ms"] for row in mine], marker=marker, color=colour, markersize=5)
        low.plot(load, [row["held_p99_ms"] for row in mine], linestyle=":", color=colour)
    top.set_ylabel("entropy per hop [bit]")
    top.legend(loc="upper left")
    low.set_yscale("log")
    ticks = [10, 30, 100, 300]
    low.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    low.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    low.set_ylabel("held [ms]")
    by_load(low)
    low.set_xlabel("packets a second, in multiples of 20")
    return figure
