"""All tables for a test's rows: the migrations make them once, and every other SQLite file begins as a copy of that.

On PostgreSQL the fixture `url` gives such a copy. Deaths are played within one process here: nothing has to wait for a
disk.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from workflows.storage.store import Store, sqlite_url
from workflows.storage.vault import Vault

VAULT = Vault(b"m" * 32)
"""The vault of offices and stages."""


def lay_out(store: Store) -> None:
    """Bring the rows to this version's shape, as `Store.upgrade` does, before anything else is done with them."""
    if store.postgres:
        return
    sa.event.listen(store._writer, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    file = Path(sa.make_url(store.url).database or "")
    if file.exists():
        store.upgrade()
    else:
        file.write_bytes(_finished())


@cache
def _finished() -> bytes:
    with TemporaryDirectory() as folder:
        store = Store(sqlite_url(Path(folder)))
        store.upgrade()
        store.close()  # whatever stood beside the file is in it now
        [file] = Path(folder).iterdir()
        return file.read_bytes()
