"""The CRM's finished database: built once, kept in the cache, copied at each start."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.sandbox.company import clients, people, tryton_seed
from tests.sandbox.company.tryton_install import Say, locked, version
from tests.sandbox.company.tryton_rpc import Rpc
from tests.sandbox.company.tryton_server import DATABASE, NotStarted, Server, configuration, environment

ADMIN_LOGIN, ADMIN_PASSWORD = "admin", "Practice-admin-2026"
FILE = f"{DATABASE}.sqlite"
MODULES = ("sale_opportunity", "notification_email")
"""The first is the CRM; the second has fields that name a user, as the company's own modules may."""


def template(cache: Path, programs: Path, say: Say) -> Path:
    """Return the folder with the seeded database and the recorded exports; its name follows from the seed's code."""
    sources = [Path(module.__file__ or "").read_bytes() for module in (clients, people, tryton_seed)]
    seed = hashlib.sha256(b"\0".join([version().encode(), *sources])).hexdigest()[:16]
    home = cache / f"tryton-template-{seed}"
    with locked(cache / "tryton-template.lock"):
        if not home.exists():
            draft = _draft(home)
            shutil.copyfile(_bare(cache, programs, say) / FILE, draft / FILE)
            _seed(draft, programs, say)
            draft.rename(home)
    return home


def _draft(home: Path) -> Path:
    draft = home.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def _bare(cache: Path, programs: Path, say: Say) -> Path:
    """Return the folder with a database that has the modules and nothing else."""
    home = cache / f"tryton-bare-{version()}"
    if not home.exists():
        say("Building the CRM's database (once, about a minute)")
        draft = _draft(home)
        (draft / FILE).touch()
        (draft / "password").write_text(ADMIN_PASSWORD)
        (draft / "trytond.conf").write_text(configuration(draft, 0))
        _administer(draft, programs, "--all", "--email", "admin@northwind.example")
        _administer(draft, programs, "-u", *MODULES, "--activate-dependencies")
        draft.rename(home)
    return home


def _administer(draft: Path, programs: Path, *step: str) -> None:
    started = [str(programs / "python"), str(programs / "trytond-admin")]
    command = [*started, "-c", str(draft / "trytond.conf"), "-d", DATABASE, *step]
    variables = {**environment(), "TRYTONPASSFILE": str(draft / "password")}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotStarted(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _seed(draft: Path, programs: Path, say: Say) -> None:
    say("Seeding the CRM with people, clients and exports")
    server = Server(draft)
    server.serve(programs)
    try:
        tryton_seed.fill(Rpc(server.rpc_url, ADMIN_LOGIN, ADMIN_PASSWORD))
        tryton_seed.export_history(server.rpc_url, {"company": 1})
    finally:
        server.stop()
    history = "".join(tryton_seed.exports_in(server.log.read_text(encoding="utf-8")))
    (draft / "history.log").write_text(history, encoding="utf-8")
    server.log.unlink()
    tryton_seed.finish(draft / FILE)
