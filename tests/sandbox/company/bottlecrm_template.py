"""BottleCRM's finished database: built once, kept in the cache, copied at each start."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.sandbox.company import clients, people
from tests.sandbox.company.bottlecrm_install import Say, locked, version
from tests.sandbox.company.bottlecrm_server import FILE, environment, prepare
from tests.sandbox.company.people import BY_UID, DOMAIN, LEAVER, PEOPLE
from tests.sandbox.company.tryton_server import NotStarted

BOT, TOKEN = "svc-handover", "bcrm_pat_practice-token-of-a-sandbox-on-loopback-only"
CLIENTS = 150
"""Of the practice company's clients, so many are in this CRM; the leaver's come first, all of them."""
SHARED_WITH = BY_UID["bob.ross"]
SEED = Path(__file__).with_name("bottlecrm_seed.py")


def template(cache: Path, programs: Path, say: Say) -> Path:
    """Return the folder with the seeded database; its name follows from the seed's code."""
    sources = [Path(source).read_bytes() for source in (clients.__file__, people.__file__, SEED, __file__)]
    home = cache / f"bottlecrm-template-{hashlib.sha256(b''.join([version().encode(), *sources])).hexdigest()[:16]}"
    with locked(cache / "bottlecrm-template.lock"):
        if not home.exists():
            say("Building BottleCRM's database and seeding it with people and clients (once, about 20 s)")
            draft = home.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            prepare(draft)
            _run(draft, programs / "python", "-m", "django", "migrate", "-v", "0", "--run-syncdb")
            _run(draft, programs / "python", str(SEED), said=json.dumps(seed()))
            draft.rename(home)
    return home


def seed() -> dict[str, Any]:
    """Return who and what is in the CRM: the same people and clients as in the other systems."""
    members = [{"uid": p.uid, "email": p.email, "name": p.name, "role": "USER"} for p in PEOPLE if p.crm]
    admins = [
        {"uid": BOT, "email": f"{BOT}@{DOMAIN}", "name": "Handover", "role": "ADMIN"},
        {"uid": "crm.admin", "email": f"crm.admin@{DOMAIN}", "name": "CRM administrator", "role": "ADMIN"},
    ]
    return {
        "org": "Northwind Practice",
        "people": members + admins,
        "bot": BOT,
        "token": TOKEN,
        "clients": [_client(*pair) for pair in enumerate(clients.few(CLIENTS))],
    }


def _client(number: int, client: clients.Client) -> dict[str, Any]:
    deals = [{"title": d.title, "amount": str(d.amount), "state": d.state} for d in client.deals]
    shared = [SHARED_WITH.uid] if client.owner == LEAVER.uid and number % 5 == 2 else []
    return {
        "name": client.name,
        "owner": client.owner,
        "deals": deals,
        "shared": shared,
        "team": number % 4 == 1,
        "more": number % 6 == 3,
    }


def _run(folder: Path, program: Path, *arguments: str, said: str = "") -> None:
    done = subprocess.run(
        [str(program), *arguments],
        env=environment(folder),
        cwd=folder,
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotStarted(f"{program.name} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")


def database(home: Path) -> Path:
    """Return the template's database file."""
    return home / FILE
