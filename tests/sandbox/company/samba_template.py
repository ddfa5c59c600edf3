"""The practice domain's finished database: provisioned and filled once, kept in the cache, unpacked at each start."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.sandbox.company import authority, ldif, people, samba_conf, samba_seed
from tests.sandbox.company.tryton_install import locked

Bound = Callable[[Path], AbstractContextManager[Any]]
"""Serves a folder and gives a connection bound as the administrator."""


def template(cache: Path, serve: Bound) -> Path:
    """Return the archive with the domain; its name follows from the code that makes it and from Samba's version."""
    made_by = [Path(__file__), *(Path(m.__file__ or "") for m in (authority, ldif, people, samba_conf, samba_seed))]
    version = samba_seed.tool("--version").encode()
    name = hashlib.sha256(b"\0".join([version, *(path.read_bytes() for path in made_by)])).hexdigest()[:16]
    archive = cache / f"samba-template-{name}.tar.gz"
    with locked(cache / "samba-template.lock"):
        if not archive.exists():
            draft = cache / "samba-template.draft"
            shutil.rmtree(draft, ignore_errors=True)
            _provision(draft)
            with serve(draft) as admin:
                samba_seed.fill(admin, draft / "private" / "sam.ldb", draft / "smb.conf")
            _pack(draft, archive)
            shutil.rmtree(draft)
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Lay the domain out in a folder, with a configuration and a certificate of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    configure(folder)


def configure(folder: Path) -> None:
    """Write what depends on where the folder is."""
    authority.issue(folder / "tls")
    (folder / "smb.conf").write_text(samba_conf.render(folder), encoding="utf-8")


def _provision(folder: Path) -> None:
    samba_seed.tool(
        "domain",
        "provision",
        f"--targetdir={folder}",
        f"--realm={samba_conf.REALM}",
        f"--domain={samba_conf.DOMAIN}",
        "--server-role=dc",
        "--dns-backend=NONE",
        f"--adminpass={samba_conf.ADMIN_PASSWORD}",
        "--host-name=dc1",
        "--host-ip=127.0.0.1",
        "--option=interfaces=127.0.0.1/8",
        "--option=bind interfaces only=yes",
    )
    configure(folder)


def _pack(folder: Path, archive: Path) -> None:
    draft = archive.with_suffix(".draft")
    for socket in [path for path in (folder / "private").rglob("*") if path.is_socket()]:
        socket.unlink()
    subprocess.run(["tar", "-czf", draft, "-C", folder, "private", "state"], check=True)
    draft.rename(archive)
