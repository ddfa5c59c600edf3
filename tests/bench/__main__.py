"""`./dev bench [NAME ...] [--json FILE] [--kills N]`: measure, print, and exit with 1 where a goal was missed."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot.cli.output import show_table
from tests.bench import (
    ack,
    allocate,
    audit,
    chaos,
    growth,
    idle,
    lockout,
    mass,
    move,
    orphaned,
    proposal,
    stages,
    truth,
)
from tests.bench.calibration import Calibration, calibrate
from tests.bench.figures import Figure, Run

BENCHES: dict[str, Callable[[], Run]] = {
    "ack": ack.run,
    "lockout": lockout.run,
    "mass": mass.run,
    "idle": idle.run,
    "chaos": chaos.run,
    "audit": audit.run,
    "growth": growth.run,
    "move": move.run,
    "allocate": allocate.run,
    "proposal": proposal.run,
    "orphaned": orphaned.run,
    "truth": truth.run,
    "stages": stages.run,
}

COLUMNS = ("bench", "figure", "measured", "floor", "ratio", "goal", "met")
PRECISE = 10.0
"""Smaller values are shown with two digits after the point."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all benches, or those named; every run is printed, a missed goal as missed."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure as JSON, too")
    often = f"how often chaos kills; 200 for the record (default: {chaos.KILLS})"
    parser.add_argument("--kills", type=int, metavar="N", default=chaos.KILLS, help=often)
    where = "the one database that chaos and mass run on (default: each for chaos, SQLite for mass)"
    parser.add_argument("--on", choices=chaos.DATABASES, help=where)
    bots = "how many bots share a mass run, on PostgreSQL (default: 1)"
    parser.add_argument("--bots", type=int, choices=(1, 2, 4), default=1, help=bots)
    parser.add_argument("--seed", default="", metavar="WORD", help="throw other dice in chaos: another run, told apart")
    options = parser.parse_args(arguments)
    on = (options.on,) if options.on else chaos.DATABASES
    many = partial(mass.run, options.on or (mass.POSTGRESQL if options.bots > 1 else mass.SQLITE), options.bots)
    benches: dict[str, Callable[[], Run]] = {
        **BENCHES,
        "chaos": partial(chaos.run, options.kills, on, options.seed),
        "mass": many,
    }
    unknown = sorted(set(options.names) - set(BENCHES))
    if unknown:
        parser.error(f"there is no bench called {', '.join(unknown)}; known: {', '.join(BENCHES)}")
    print("· calibration", flush=True)
    calibration = calibrate()
    runs = [calibration.run()]
    for name in options.names or BENCHES:
        print(f"· {name}", flush=True)
        runs.append(with_processor(benches[name], calibration))
    show_table(COLUMNS, table(runs))
    if options.json:
        options.json.write_text(json.dumps([run.dump() for run in runs], indent=2), encoding="utf-8")
    return 0 if all(run.met for run in runs) else 1


def with_processor(bench: Callable[[], Run], calibration: Calibration) -> Run:
    """Run one bench, and add the processor time that it took with all its processes, beside the calibration's."""
    before = _processor_seconds()
    run = bench()
    taken = Figure("processor, all processes", _processor_seconds() - before, "s", floor=calibration.total)
    return replace(run, figures=[*run.figures, taken])


def _processor_seconds() -> float:
    """Return what this process and those that it has waited for have used so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """Return the figures as people read them."""
    return [(run.name, *cells(figure)) for run in runs for figure in run.figures]


def cells(figure: Figure) -> tuple[str, ...]:
    """Return one figure's cells."""
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    goal = (
        "" if figure.goal is None else f"<= {figure.goal:g}{' x floor' if figure.of == 'ratio' else f' {figure.unit}'}"
    )
    met = "" if figure.goal is None else ("met" if figure.met else "MISSED")
    floor = f"{figure.floor:.1f}" if figure.floor is not None else ""
    value = f"{figure.value:.2f}" if figure.value < PRECISE else f"{figure.value:.1f}"
    return figure.name, f"{value} {figure.unit}", floor, ratio, goal, met


if __name__ == "__main__":
    sys.exit(main())
