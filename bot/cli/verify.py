"""`handover verify`: prove the journal, offline and with the public key alone."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.cli.command_errors import EXIT_FAILURE, CommandError
from bot.cli.context import read
from bot.cli.options import DEFAULT, AsJson, ConfigPath
from bot.cli.output import moment, say, show_json
from bot.text import _
from config.fields import KEY_BYTES
from config.settings import Storage
from workflows.storage.journal import Verification
from workflows.storage.journal import verify as prove
from workflows.storage.store import Store, sqlite_url

PublicKey = Annotated[str, typer.Option("--public-key", metavar="BASE64", help="The key to prove with.")]
Data = Annotated[Path | None, typer.Option("--data", metavar="FOLDER", help="A copied data folder; no configuration.")]
PrintKey = Annotated[bool, typer.Option("--print-public-key", help="Print our public key and stop.")]


def verify(
    ctx: typer.Context,
    public_key: PublicKey = "",
    data: Data = None,
    print_key: PrintKey = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Prove the journal: every entry's hash, every link, every signed head. Reads only.

    Give auditors the public key by another way than the data, and let them use it here. Exits with 1 on any fault.

    For example:
      handover verify
      handover verify --data ./copy --public-key 'k3y...='
    """
    if data and not public_key:
        raise CommandError(
            _("--data needs --public-key."), _("`handover verify --print-public-key` shows it where the bot runs.")
        )
    storage = None if data else read(ctx, config).storage
    key = public_key or (public_half(storage) if storage else "")
    _check_key(key)
    if print_key:
        say(key)
        return
    store = Store(_address(storage, data))
    try:
        found = prove(store, key)
    finally:
        store.close()
    if as_json:
        show_json(found)
    else:
        show(found, key)
    if not found.ok:
        raise typer.Exit(EXIT_FAILURE)


def public_half(storage: Storage) -> str:
    """Return the public key that belongs to the configured signing key, base64."""
    seed = b64decode(storage.signing_key.get_secret_value())
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()


def show(found: Verification, key: str) -> None:
    """Print what was proven, and what was not."""
    say(
        _("The journal is whole.")
        if found.ok
        else _("THE JOURNAL IS NOT WHOLE: {count} fault(s).").format(count=len(found.faults))
    )
    for fault in found.faults:
        say(f"  - {fault}")
    say(_("{sealed} of {entries} entries linked").format(sealed=found.sealed, entries=found.entries))
    say(_("Head: {head}").format(head=found.head))
    say(
        _("Signed up to entry {seq} at {at}, checked with {key}").format(
            seq=found.signed, at=moment(found.signed_at, "UTC"), key=key
        )
        if found.signed_at
        else _("No head has been signed yet: the daily audit signs the first one.")
    )


def _check_key(key: str) -> None:
    try:
        good = len(b64decode(key, validate=True)) == KEY_BYTES
    except ValueError:
        good = False
    if not good:
        raise CommandError(
            _("The public key must be 32 bytes in base64."), _("`handover verify --print-public-key` shows ours.")
        )


def _address(storage: Storage | None, data: Path | None) -> str:
    if storage and storage.url:
        return storage.url
    folder = data or (storage.path if storage else Path())
    url = sqlite_url(folder)
    if not Path(url.removeprefix("sqlite:///")).is_file():
        raise CommandError(
            _("There is no data in {folder}.").format(folder=folder),
            _("Give the folder that storage.path names; `handover run` makes it."),
        )
    return url
