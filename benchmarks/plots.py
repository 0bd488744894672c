"""Draws what was measured, in light and in dark: `python -m benchmarks.plots RESULTS FOLDER`, in `.venv-bench`."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, Final

Series = dict[str, dict[str, list[float]]]

THEMES: Final = {
    "light": {"page": "#ffffff", "ink": "#1f2328", "grid": "#d8dee4"},
    "dark": {"page": "#0d1117", "ink": "#e6edf3", "grid": "#30363d"},
}
# Colour-blind people can tell the colours of Okabe and Ito apart; each line has a marker of its own too.
LINES: Final = {
    "floor": ("#8c959f", "o", "--"),
    "reconciler plan": ("#009e73", "o", "-"),
    "script, CSafeLoader": ("#e69f00", "s", "-"),
    "script, yaml.safe_load": ("#d55e00", "D", "-"),
    "yaml.load, CSafeLoader, alone": ("#56b4e9", "^", "-"),
    "octoDNS": ("#cc79a7", "v", "-"),
    "terraform": ("#8b6fd6", "P", "-"),
}
PANELS: Final = (("seconds", 0, "seconds of a whole plan"), ("memory", 1, "MiB of all processes of a plan"))


def draw(series: Series, column: int, title: str, theme: dict[str, str]) -> Any:
    """Draw one figure: a line for each thing, with both axes logarithmic."""
    plots: Any = import_module("matplotlib.pyplot")
    figure, axes = plots.subplots(figsize=(8.4, 4.4), layout="constrained")
    figure.set_facecolor(theme["page"])
    axes.set_facecolor(theme["page"])
    for name, (colour, marker, dashes) in LINES.items():
        points = sorted((int(size), values[column]) for size, values in series.get(name, {}).items())
        if points:
            width = 2.6 if name == "reconciler plan" else 1.6
            axes.plot(*zip(*points, strict=True), dashes, color=colour, marker=marker, linewidth=width, label=name)
    axes.set(xscale="log", yscale="log", title=title, xlabel="agents")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    figure.legend(loc="outside right center", frameon=False, labelcolor=theme["ink"], fontsize=9)
    _ink(axes, theme)
    return figure


def _ink(axes: Any, theme: dict[str, str]) -> None:
    axes.grid(visible=True, which="major", color=theme["grid"], linewidth=0.8)
    axes.tick_params(which="both", colors=theme["ink"])
    for part in (axes.title, axes.xaxis.label, axes.yaxis.label):
        part.set_color(theme["ink"])
    for edge in axes.spines.values():
        edge.set_color(theme["grid"])


def main(results: Path, folder: Path) -> None:
    """Write every picture."""
    library: Any = import_module("matplotlib")
    library.use("svg")
    # Text stays text in the SVG, and the same numbers give the same bytes.
    library.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "reconciler", "font.family": "sans-serif"})
    known = json.loads(results.read_text(encoding="utf-8"))
    series: Series = {**known.get("peers", {}).get("series", {}), **known.get("whole", {}).get("series", {})}
    for name, column, title in PANELS:
        for tone, theme in THEMES.items():
            figure = draw(series, column, title, theme)
            drawn = StringIO()
            figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
            lines = (line.rstrip() for line in drawn.getvalue().splitlines())
            (folder / f"performance-{name}-{tone}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
