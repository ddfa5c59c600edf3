"""The practice company with the bot in it, to click through in a browser; `--play` plays its story by itself."""

import argparse
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from tests.sandbox.company.people import HR, LEAVER
from tests.sandbox.guide import panel
from tests.sandbox.leftovers import end_leftovers, mark
from tests.sandbox.practice import Practice
from tests.sandbox.story import Chapter, Story

PORT = 8080
HIGHEST_PORT = 65535
ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end the demo besides Ctrl-C: `kill`, and a closed terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C, or play; return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    port = _port(options, console)
    if port is None:
        return 2
    for ending in ENDINGS:
        signal.signal(ending, _end)
    if left := end_leftovers():
        console.print(f"[dim]·[/] ended {left} processes that an earlier practice company left")
    with tempfile.TemporaryDirectory(prefix=mark(), ignore_cleanup_errors=True) as folder:
        try:
            return _run(Path(folder), port, options, console)
        except KeyboardInterrupt:
            with suppress(OSError):  # the terminal may be gone
                console.print("\nStopped. Nothing of the practice company is left running.")
            return 130 if options.play else 0


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _run(folder: Path, port: int, options: argparse.Namespace, console: Console) -> int:
    started = time.monotonic()

    def say(line: str) -> None:
        console.print(f"[dim]·[/] {line}")

    practice = Practice(folder, port=port, http=options.http, say=say, panel=panel)
    try:
        practice.__enter__()
        console.print(f"[dim]·[/] ready after {time.monotonic() - started:.1f} s")
        return _play(practice, console, options.json) if options.play else _serve(practice, console)
    finally:
        for ending in (signal.SIGINT, *ENDINGS):  # a second Ctrl-C must not leave half of it running
            signal.signal(ending, signal.SIG_IGN)
        practice.__exit__(None, None, None)  # also after a start that was broken off


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev demo",
        description=__doc__,
        epilog="Ctrl-C stops everything. Nothing leaves this computer, and nothing is kept.",
    )
    add = parser.add_argument
    add("--port", type=int, help=f"where the page is served; default {PORT}, or a free one where that is taken")
    add("--play", action="store_true", help="play the whole story by itself, and exit with 1 if the servers disagree")
    add("--json", type=Path, metavar="FILE", help="with --play: write what was said as JSON, too")
    add("--http", action="store_true", help="let Slack reach the bot by signed HTTP in place of Socket Mode")
    return parser


def _port(options: argparse.Namespace, console: Console) -> int | None:
    """Return the port for the page; None after saying what is wrong with the one that was asked for."""
    wanted = PORT if options.port is None else options.port
    if options.play or wanted == 0:
        return 0
    why = _unusable(wanted)
    if why and options.port is None:
        console.print(f"[dim]·[/] port {wanted} cannot be used ({why}): taking another one")
        return 0
    if why:
        console.print(f"Port {wanted} cannot be used ({why}). Choose another with --port, or leave --port away.")
        return None
    return int(wanted)


def _unusable(port: int) -> str:
    if not 0 < port <= HIGHEST_PORT:
        return f"there are ports 1 to {HIGHEST_PORT}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return os.strerror(error.errno or 0)
    return ""


def _serve(practice: Practice, console: Console) -> int:
    console.print(f"\n  Open   [bold]{practice.slack.url}[/]\n")
    console.print(f"  You are {HR.name} from HR. The story on the right of the page says what to do;")
    console.print(f"  it begins with [bold]/offboard @{LEAVER.uid}[/] in #offboarding.")
    console.print("  Ctrl-C stops everything.\n")
    while True:
        time.sleep(3600)


def _play(practice: Practice, console: Console, file: Path | None) -> int:
    def tell(chapter: Chapter) -> None:
        mark = "[green]true[/]" if chapter.true else "[bold red]NOT TRUE[/]"
        console.print(f"[bold]{chapter.title}[/] ({chapter.seconds:.1f} s) {mark if chapter.facts else ''}")
        console.print(f"    {chapter.said}", markup=False)

    chapters = Story(practice, tell).play()
    console.print(_table(chapters))
    good = all(chapter.true for chapter in chapters)
    if file:
        timeline = [{**asdict(chapter), "true": chapter.true} for chapter in chapters]
        said = json.dumps({"true": good, "timeline": timeline}, ensure_ascii=False, indent=2)
        file.write_text(said, encoding="utf-8")
    same = "The servers say what the bot said."
    console.print(same if good else "[bold red]The servers say something else than the bot.[/]")
    return 0 if good else 1


def _table(chapters: Sequence[Chapter]) -> Table:
    title = "Asked from outside: refused log-ins, CRM rows by SQL"
    table = Table("step", "about", "the bot said", "the servers say", title=title)
    for chapter in chapters:
        for name in chapter.claims:
            table.add_row(chapter.title, name, chapter.claims[name], chapter.facts.get(name, "nothing"))
    return table


if __name__ == "__main__":
    sys.exit(main())
