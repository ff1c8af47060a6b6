"""A plot of what a reader of all relays' metrics learns."""
from plots.base import BLUE, ORANGE, auc_axis, bars, legend_on_top, plot, plt, upper_marks


@plot("metrics", "metrics", "Who reads all relays' metrics",
      "Has one user moved 1 MB? Exact counts every 15 s say it for certain if the law is off. Two hours as relays publish them "
      "leave a guess. With the traffic law the user changes no count at all.")
def metrics(rows):
    found = rows("metrics", "auc")
    if not found:
        return None
    figure, axis = plt.subplots(figsize=(7.2, 4.4))
    auc_axis(axis, rows.limit("law, upload: AUC of two published", "<=", 0.55))
    bars(axis, [row["case"].replace(", ", "\n") for row in found],
         [("exact, every 15 s", [row["exact"] for row in found], ORANGE, "//"),
          ("published, two hours", [row["published"] for row in found], BLUE, None)])
    upper_marks(axis, [i + 0.2 for i in range(len(found))], [row["published"] for row in found],
                [row["published_upper"] for row in found])
    legend_on_top(figure, *axis.get_legend_handles_labels(), 4)
    return figure
