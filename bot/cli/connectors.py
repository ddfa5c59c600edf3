"""`handover connectors`: the kinds of system with the capabilities and limits of each, and packages for new ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.context import AsJson, wiring
from bot.cli.output import CommandError, finish, say, show_table
from bot.text import N_, _
from config.reference import keys
from connectors.contract import Manifest

HELP = N_(
    """Shows the capabilities and the limits of each kind, and kinds of other packages that cannot be used.

With --new it writes a package for a kind of your own. Its tests fail until you have written its methods.
"""
)
DISTRIBUTION = "handover-bot"
EXAMPLES = (
    "handover connectors",
    "handover connectors --json",
    "handover connectors --new acme --capability Groups --into ~/src",
)


def connectors(
    ctx: typer.Context,
    new: Annotated[
        str, typer.Option("--new", metavar="NAME", help=N_("Write a package for a new kind of this name."))
    ] = "",
    capability: Annotated[
        list[str] | None,
        typer.Option(
            "--capability", metavar="NAME", help=N_("A capability of the new kind, beside Accounts; repeatable.")
        ),
    ] = None,
    into: Annotated[
        Path, typer.Option("--into", metavar="FOLDER", help=N_("The folder that gets the new package's folder."))
    ] = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help=N_("Print the files, and write none."))] = False,
    as_json: AsJson = False,
) -> None:
    """Print every kind of system, or write a package for a new one."""
    if new:
        _write_package(wiring(ctx), new, capability or [], into, dry_run=dry_run)
        return
    if capability or dry_run or into != Path():
        raise CommandError(_("These options need --new."))
    wired = wiring(ctx)
    manifests: tuple[Manifest, ...] = wired.manifests()
    outside = wired.outside_kinds()
    packages = {one.kind: one.package for one in outside}
    refused = [one for one in outside if one.fault]
    summaries = [_summary(manifest, packages.get(manifest.kind, DISTRIBUTION)) for manifest in manifests]
    faults = [{"kind": one.kind, "package": one.package, "fault": one.fault} for one in refused]
    finish(
        [*summaries, *faults],
        lambda: _show(manifests, packages, [one.fault for one in refused]),
        as_json=as_json,
        good=not refused,
    )


def _write_package(wired: Any, name: str, capabilities: Sequence[str], into: Path, *, dry_run: bool) -> None:
    """Write the files of a new package into a folder of its own, which must not be there."""
    try:
        files: Mapping[str, str] = wired.new_package(name, capabilities)
    except ValueError as error:
        raise CommandError(_("No package was written: {why}.").format(why=error)) from error
    folder = into.expanduser() / f"handover-{name.replace('_', '-')}"
    if folder.exists():
        raise CommandError(
            _("{path} exists already, and was left as it is.").format(path=folder), _("Choose another name or --into.")
        )
    for path, text in files.items():
        if dry_run:
            say(f"--- {folder / path}", text)
        else:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
            say(_("Written: {path}").format(path=folder / path))
    if not dry_run:
        say(_("Next: cd {path}; pip install --editable '.[test]'; pytest").format(path=folder))
        say(_("Each test fails until its methods are written. README.md has the steps."))


def _show(manifests: tuple[Manifest, ...], packages: Mapping[str, str], faults: Sequence[str]) -> None:
    show_table(
        [_("Kind"), _("System"), _("Can"), _("Cannot")],
        [
            (
                m.kind,
                "\n".join(filter(None, [m.title, packages.get(m.kind)])),
                ", ".join(c.__name__ for c in m.capabilities),
                "\n".join(_(words) for words in m.cannot),
            )
            for m in manifests
        ],
    )
    for fault in faults:
        say(f"{fault}.")


def _summary(manifest: Manifest, package: str) -> dict[str, object]:
    """Return a manifest's declarations, for programs."""
    return {
        "kind": manifest.kind,
        "package": package,
        "title": manifest.title,
        "capabilities": [capability.__name__ for capability in manifest.capabilities],
        "cannot": [_(words) for words in manifest.cannot],
        "settings": {
            key.name: {"required": key.required, "description": key.meaning} for key in keys(manifest.settings)
        },
    }
