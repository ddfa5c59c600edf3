"""`handover connectors`: the kinds of system, and the capabilities and limits of each."""

import typer

from bot.cli.context import AsJson, wiring
from bot.cli.output import finish, show_table
from bot.text import N_, _
from config.reference import keys
from connectors.contract import Manifest

HELP = N_("Shows the capabilities and the limits of each kind.")
EXAMPLES = ("handover connectors", "handover connectors --json")


def connectors(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Print every kind of system."""
    manifests: tuple[Manifest, ...] = wiring(ctx).manifests()
    finish([_summary(manifest) for manifest in manifests], lambda: _show(manifests), as_json=as_json)


def _show(manifests: tuple[Manifest, ...]) -> None:
    show_table(
        [_("Kind"), _("System"), _("Can"), _("Cannot")],
        [
            (m.kind, m.title, ", ".join(c.__name__ for c in m.capabilities), "\n".join(_(words) for words in m.cannot))
            for m in manifests
        ],
    )


def _summary(manifest: Manifest) -> dict[str, object]:
    """Return a manifest's declarations, for programs."""
    return {
        "kind": manifest.kind,
        "title": manifest.title,
        "capabilities": [capability.__name__ for capability in manifest.capabilities],
        "cannot": [_(words) for words in manifest.cannot],
        "settings": {
            key.name: {"required": key.required, "description": key.meaning} for key in keys(manifest.settings)
        },
    }
