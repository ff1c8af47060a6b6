"""What all plots share: the rows of a run, the colours, and the registry of plots."""
import json

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  the backend is chosen first


# Okabe and Ito's colours, which colour-blind readers can distinguish; hatches and markers repeat
# them.
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
    """Registers a function that draws a figure from the rows. It returns None if its rows are missing."""
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
        """The bound of the verdicts that contain these words."""
        found = [row["limit"] for row in self.verdicts()
                 if words in row["what"] and row["relation"] == relation]
        return found[0] if found else otherwise


def unique(values):
    return list(dict.fromkeys(values))


def share(values):
    return [100 * value for value in values]


def bars(axis, groups, series, width=0.8):
    """Draws groups of bars. `series`: (label, values, colour, hatch). A value of None draws no bar."""
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


def auc_axis(axis, bound):
    axis.axhline(0.5, **CHANCE, label="chance")
    axis.axhline(bound, **BOUND, label=f"bound {bound:g}")
    axis.set_ylim(0.4, 1.02)
    axis.set_ylabel("AUC")


def legend_on_top(figure, handles, labels, columns):
    """Puts the legend above all axes. The empty title keeps room for it."""
    lines = -(-len(labels) // columns)
    figure.suptitle("\n".join([" "] * lines), fontsize=10.5)
    figure.legend(handles, labels, loc="upper center", ncol=columns, frameon=False)
