"""Slack's own definitions of messages and forms, as npm has them, and the check of payloads against them.

The compiler of TypeScript does the checking: a field that Slack does not know is a fault, like a missing one.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
LOCKED = ("package.json", "package-lock.json")
INSTALL = "apt-get install -y --no-install-recommends nodejs npm"
SECONDS = 300
ENUMS = frozenset(
    {"type", "style", "trigger_actions_on", "level", "sort", "align", "filter", "include", "color", "response_action"}
)
"""Fields whose values are Slack's own words. The values of all others are data."""


def install() -> Path:
    """Return the folder with the packages of the lock file, each checked against its hash. The first call asks npm."""
    print_ = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in LOCKED)).hexdigest()[:16]
    folder = CACHE / f"slack-types-{print_}"
    if folder.exists():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(f"npm is missing; install it with: {INSTALL}")
    CACHE.mkdir(exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=CACHE, prefix="slack-types-draft-"))
    try:
        for name in LOCKED:
            shutil.copy(HERE / name, draft)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=draft, check=True, capture_output=True, timeout=SECONDS)
        with suppress(OSError):  # another run of the tests was quicker
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def shape(value: Any, name: str = "") -> str:
    """Return the form of a payload: fields, kinds of values and Slack's own words, without the data."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{shape(part, key)}" for key, part in sorted(value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(sorted({shape(part, name) for part in value})) + "]"
    if isinstance(value, str):
        return value if name in ENUMS else "text"
    return type(value).__name__


def faults(blocks: Iterable[dict[str, Any]], views: Iterable[dict[str, Any]], folder: Path) -> list[str]:
    """Return what Slack's definitions refuse in blocks of messages and in whole views. One of each shape is checked."""
    shapes = {"KnownBlock": {shape(block): block for block in blocks}, "View": {shape(view): view for view in views}}
    lines = [f'import type {{ {", ".join(shapes)} }} from "@slack/types";']
    for kind, found in shapes.items():
        lines += [
            f"export const {kind.lower()}{number}: {kind} = {json.dumps(one)};"
            for number, one in enumerate(found.values())
        ]
    with tempfile.TemporaryDirectory(dir=folder, prefix="payloads-") as place:
        source = Path(place, "payloads.ts")
        source.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
        compiler = [str(folder / "node_modules" / ".bin" / "tsc"), "--noEmit", "--strict", "--skipLibCheck"]
        more = ["--module", "nodenext", "--moduleResolution", "nodenext", str(source)]
        done = subprocess.run([*compiler, *more], capture_output=True, text=True, check=False, timeout=SECONDS)
    told = [line for line in done.stdout.splitlines() if line.strip()]
    return told or ([done.stderr] if done.returncode else [])
