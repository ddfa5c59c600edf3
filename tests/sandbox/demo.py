"""`./dev demo`: the practice company with the bot in it, to click through; `--play` plays the story by itself."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.sandbox.guide import panel
from tests.sandbox.practice import Practice
from tests.sandbox.story import Chapter, Story

PORT = 8080


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C, or play; return the exit code."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="handover-practice-") as folder:
        started = time.monotonic()
        port = 0 if options.play else options.port

        def say(line: str) -> None:
            console.print(f"[dim]·[/] {line}")

        try:
            with Practice(Path(folder), port=port, http=options.http, say=say, panel=panel) as practice:
                console.print(f"[dim]·[/] ready after {time.monotonic() - started:.1f} s")
                return _play(practice, console, options.json) if options.play else _serve(practice, console)
        except KeyboardInterrupt:
            console.print("\nstopped everything that was started")
            return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--play", action="store_true", help="play the whole story unattended, print what the servers say, and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="with --play: write the timeline as JSON, too")
    parser.add_argument("--port", type=int, default=PORT, help=f"where the page is served (default {PORT}, 0 for any free port)")
    parser.add_argument("--http", action="store_true", help="deliver by signed HTTP in place of Socket Mode")
    return parser


def _serve(practice: Practice, console: Console) -> int:
    console.print(f"\nOpen [bold]{practice.slack.url}[/] in a browser. You are Hanna from HR: type [bold]/offboard @dana.oneill[/]")
    console.print("Ctrl-C stops everything that was started.\n")
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
        file.write_text(json.dumps({"true": good, "timeline": timeline}, ensure_ascii=False, indent=2), encoding="utf-8")
    console.print("The servers say what the bot said." if good else "[bold red]The servers say something else than the bot.[/]")
    return 0 if good else 1


def _table(chapters: Sequence[Chapter]) -> Table:
    table = Table("step", "about", "the bot said", "the servers say", title="Asked from outside: refused log-ins, CRM rows by SQL")
    for chapter in chapters:
        for name in chapter.claims:
            table.add_row(chapter.title, name, chapter.claims[name], chapter.facts.get(name, "nothing"))
    return table


if __name__ == "__main__":
    sys.exit(main())
