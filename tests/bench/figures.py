"""One measured run: what was measured, against which floor in the same run, and whether its goal was met."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its unit. With a floor, `ratio` is value to floor; the goal is on `of` (value or ratio)."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    """The greatest allowed value; None if the figure is only reported."""
    floor: float | None = None
    of: str = "value"

    @property
    def ratio(self) -> float | None:
        """Return the ratio to the floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool:
        """Return whether the goal was met. A figure without a goal always meets it."""
        judged = self.ratio if self.of == "ratio" else self.value
        return self.goal is None or (judged is not None and judged <= self.goal)

    def dump(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


@dataclass(frozen=True, slots=True)
class Run:
    """One bench: its name, what it was run with, and its figures."""

    name: str
    parameters: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)

    @property
    def met(self) -> bool:
        """Return whether every goal was met."""
        return all(figure.met for figure in self.figures)

    def dump(self) -> dict[str, Any]:
        """Return plain JSON data."""
        figures = [figure.dump() for figure in self.figures]
        return {"name": self.name, "parameters": self.parameters, "met": self.met, "figures": figures}


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked)) - 1))]
