"""`handover verify`: the proof of the journal, offline, with the public key alone."""

from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.cli.context import DEFAULT, AsJson, ConfigPath, read
from bot.cli.output import CommandError, finish, moment, say
from bot.text import N_, _
from config.fields import is_key
from config.settings import Storage
from workflows.storage import journal
from workflows.storage.store import Store, sqlite_url

HELP = N_(
    """Reads only, and needs nothing but the data and the public key.

Give auditors the public key by another way than the data. Exits with 1 after a fault.
"""
)
EXAMPLES = ("handover verify", "handover verify --data ./copy --public-key 'k3y...='")


def verify(
    ctx: typer.Context,
    public_key: Annotated[
        str, typer.Option(metavar="BASE64", help=N_("The public key. Default: from the configuration."))
    ] = "",
    data: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=N_("A copy of a data folder. Needs no configuration."))
    ] = None,
    print_key: Annotated[bool, typer.Option("--print-public-key", help=N_("Print our public key, and stop."))] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Verify the journal, and print the result."""
    if data and not public_key:
        raise CommandError(
            _("--data needs --public-key."), _("On the bot's machine, `handover verify --print-public-key` prints it.")
        )
    storage = None if data else read(ctx, config).storage
    key = public_key or (public_half(storage) if storage else "")
    if not is_key(key):
        raise CommandError(
            _("The public key must be 32 bytes in base64."), _("`handover verify --print-public-key` prints ours.")
        )
    if print_key:
        say(key)
        return
    with closing(Store(_address(storage, data))) as store:
        found = journal.verify(store, key)
    finish(found, lambda: _show(found, key), as_json=as_json, good=found.ok)


def _show(found: journal.Verification, key: str) -> None:
    say(
        _("The journal is whole.")
        if found.ok
        else _("THE JOURNAL IS NOT WHOLE: {count} fault(s).").format(count=len(found.faults))
    )
    say(*(f"  - {fault}" for fault in found.faults))
    say(_("{sealed} of {entries} entries linked").format(sealed=found.sealed, entries=found.entries))
    say(_("Head: {head}").format(head=found.head))
    say(
        _("Signed up to entry {seq} at {at}, checked with {key}").format(
            seq=found.signed, at=moment(found.signed_at, "UTC"), key=key
        )
        if found.signed_at
        else _("No head has been signed yet: the daily audit signs the first one.")
    )


def public_half(storage: Storage) -> str:
    """Return the public key of the configured signing key, in base64."""
    seed = b64decode(storage.signing_key.get_secret_value())
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()


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
