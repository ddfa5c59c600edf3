"""`handover connectors`: the kinds of system, and the capabilities and limits of each."""

from collections.abc import Mapping, Sequence

import typer

from bot.cli.context import AsJson, wiring
from bot.cli.output import finish, say, show_table
from bot.text import N_, _
from config.reference import keys
from connectors.contract import Manifest

HELP = N_("Shows the capabilities and the limits of each kind.")
DISTRIBUTION = "handover-bot"
EXAMPLES = ("handover connectors", "handover connectors --json")


def connectors(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Print every kind of system."""
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
