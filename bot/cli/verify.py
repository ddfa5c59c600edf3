"""`handover verify`: the proof of the journal, with the public key and the heads that were kept outside."""

from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.cli.context import DEFAULT, AsJson, ConfigPath, read
from bot.cli.output import CommandError, finish, moment, say, warn
from bot.text import N_, _, listed, ngettext
from config.fields import is_key
from config.settings import Settings, Storage
from workflows.ports import SystemClock
from workflows.storage import heads
from workflows.storage.heads import Head, HeadFile
from workflows.storage.store import Store, sqlite_url
from workflows.storage.verification import Verification, newest_entry_at
from workflows.storage.verification import verify as prove

HELP = N_(
    """Reads only. Needs the data, the public key, and heads that were kept outside the database.

Without --data the bot's own file of heads is compared as well. Give auditors the public key and the heads by another
way than the data. Exits with 1 after a fault, and where an audit was due and no fresh head exists.
"""
)
EXAMPLES = (
    "handover verify --slack",
    "handover verify --data ./copy --public-key 'k3y...=' --heads ./heads-of-the-auditor.txt",
)


def verify(
    ctx: typer.Context,
    public_key: Annotated[
        list[str] | None,
        typer.Option(metavar="BASE64", help=N_("A public key; repeatable. Default: from the configuration.")),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=N_("A copy of a data folder. Needs no configuration."))
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option("--head", metavar="LINE", help=N_("A head from an audit's message; repeatable."))
    ] = None,
    heads_file: Annotated[
        list[Path] | None,
        typer.Option("--heads", metavar="FILE", help=N_("A file with heads, such as a syslog; repeatable.")),
    ] = None,
    slack: Annotated[bool, typer.Option("--slack", help=N_("Read the heads from the audit channel in Slack."))] = False,
    print_key: Annotated[bool, typer.Option("--print-public-key", help=N_("Print our public key, and stop."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Verify the journal, and print the result."""
    if data and not public_key:
        raise CommandError(
            _("--data needs --public-key."), _("On the bot's machine, `handover verify --print-public-key` prints it.")
        )
    settings = read(ctx, config) if slack or not data else None
    storage = settings.storage if settings and not data else None
    keys = tuple(public_key or ()) or ((public_half(storage), *storage.former_public_keys) if storage else ())
    if not all(is_key(key) for key in keys):
        raise CommandError(
            _("The public key must be 32 bytes in base64."), _("`handover verify --print-public-key` prints ours.")
        )
    if print_key:
        say(keys[0])
        return
    given = [*_typed(head or ()), *(one for path in heads_file or () for one in _in_file(path))]
    if slack and settings:
        given += _in_slack(settings)
    if storage:
        given += HeadFile(storage.kept_heads).kept()
    with closing(Store(_address(storage, data))) as store:
        judged_at = SystemClock().now() if storage else newest_entry_at(store)
        found = prove(store, keys, _distinct(given), judged_at=judged_at)
    good = found.ok and bool(storage or found.signed_at or not found.entries)
    finish(found, lambda: _show(found, keys), as_json=as_json, good=good)


def _show(found: Verification, keys: tuple[str, ...]) -> None:
    say(_point(found))
    say(*(f"  - {fault}" for fault in found.faults))
    say(_("{sealed} of {entries} entries linked").format(sealed=found.sealed, entries=found.entries))
    say(_("Head: {head}").format(head=found.head))
    say(
        _("Signed up to entry {seq} at {at}, checked with {key}").format(
            seq=found.signed, at=moment(found.signed_at, "UTC"), key=listed(keys)
        )
        if found.signed_at
        else _("No head has been signed yet: the daily audit signs the first one.")
    )
    if found.outside:
        said = ngettext(
            "{count} head from outside fits. Entries up to {seq} are those of then.",
            "{count} heads from outside fit. Entries up to {seq} are those of then.",
            found.outside,
        )
        say(said.format(count=found.outside, seq=found.proven))
    else:
        say(_("No head from outside was compared: a database replaced as a whole would not be noticed."))


def _point(found: Verification) -> str:
    """Return the result in a sentence."""
    if found.faults:
        return _("THE JOURNAL IS NOT WHOLE: {count} fault(s).").format(count=len(found.faults))
    if not found.entries:
        return _("There is nothing to verify yet: no case, and no entry.")
    if not found.signed_at:
        return _("The links hold, but nothing is proven: no head has been signed.")
    return _("The journal is whole.")


def public_half(storage: Storage) -> str:
    """Return the public key of the configured signing key, in base64."""
    seed = b64decode(storage.signing_key.get_secret_value())
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()


def _distinct(given: list[Head]) -> list[Head]:
    return sorted(set(given), key=lambda head: head.seq)


def _typed(lines: tuple[str, ...] | list[str]) -> list[Head]:
    found = [one for line in lines for one in heads.read(line)]
    if len(found) < len(lines):
        raise CommandError(
            _("--head needs a whole line that begins with handover-head."), _("Copy it from an audit's message.")
        )
    return found


def _in_file(path: Path) -> list[Head]:
    found = heads.read(path.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise CommandError(_("There is no head in {path}.").format(path=path), _("A head is a line: handover-head ..."))
    return found


def _in_slack(settings: Settings) -> list[Head]:
    from bot.slack import published_heads  # noqa: PLC0415 - loads Slack's library
    from bot.slack.client import web_client  # noqa: PLC0415

    found = published_heads.read(web_client(settings.slack), settings.slack.audit_channel)
    if not found:
        warn(_("The audit channel shows no head: nothing was compared with Slack."))
        raise typer.Exit(1)
    return found


def _address(storage: Storage | None, data: Path | None) -> str:
    if storage and storage.url:
        return storage.url
    folder = data or (storage.path if storage else Path())
    url = sqlite_url(folder)
    if not Path(url.removeprefix("sqlite:///")).is_file():
        raise CommandError(
            _("There is no data in {folder}.").format(folder=folder),
            _("Use the folder of storage.path. `handover run` creates it."),
        )
    return url
