"""A company with a long past: leavers by the hundred thousand, in a real slapd and as rows."""

import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from tests.sandbox.company import ldif
from tests.sandbox.company.slapd import Slapd
from workflows.access.account_state import VerdictNote, seal
from workflows.storage.case import name_key
from workflows.storage.rows.access import Access, LeaverAccount
from workflows.storage.rows.case import Case, CaseName, CaseState
from workflows.storage.rows.work_state import WorkState
from workflows.storage.store import Store
from workflows.storage.vault import Vault

MASTER = b"b" * 32
SYSTEM = "directory"
OU = f"ou=leavers,{ldif.PEOPLE_DN}"
LEFT = datetime(2025, 1, 31, 17, 0, tzinfo=UTC)
PAGE = 5000


def entry_uuid(number: int) -> str:
    """Return the stable id of one leaver."""
    return str(UUID(int=(0x4A << 120) | (0x4 << 76) | (0x8 << 60) | number))


def directory(folder: Path, count: int) -> Slapd:
    """Return a slapd, not started yet, with `count` locked leavers in an OU of their own."""
    slapd = Slapd(folder)
    slapd.start()
    slapd.stop()
    conf = folder / "slapd.conf"
    # The practice company is small; the bot's account may page through all of this one.
    big = conf.read_text(encoding="utf-8").replace("maxsize 104857600", "maxsize 2147483648")
    big = big.replace("overlay ppolicy", f'limits dn.exact="{ldif.SERVICE_DN}" size=unlimited\noverlay ppolicy')
    conf.write_text(big, encoding="utf-8")
    file = folder / "leavers.ldif"
    with file.open("w", encoding="ascii") as out:
        out.write(f"dn: {OU}\nobjectClass: organizationalUnit\nou: leavers\n\n")
        out.writelines(_entry(number) for number in range(count))
    subprocess.run(
        ["/usr/sbin/slapadd", "-q", "-f", conf, "-b", ldif.SUFFIX, "-l", file], check=True, capture_output=True
    )
    file.unlink()
    return slapd


def rows(store: Store, count: int, systems: Sequence[str] = (SYSTEM,)) -> None:
    """Write the cases of the first `count` leavers with their accounts, all read back as locked on the last day."""
    vault = Vault(MASTER)
    with store.write() as session:
        numbers = iter(range(count))
        while page := list(islice(numbers, PAGE)):
            cases, locked = zip(*(_case(vault, number, systems) for number in page), strict=True)
            session.execute(sa.insert(Case), list(cases))
            session.execute(sa.insert(CaseName), [name for number in page for name in _names(vault, number)])
            session.execute(sa.insert(Access), [access for one in locked for access, _account in one])
            session.execute(sa.insert(LeaverAccount), [account for one in locked for _access, account in one])


def _entry(number: int) -> str:
    return "".join(_lines(number))


def _lines(number: int) -> Iterator[str]:
    uid = f"leaver{number}"
    yield f"dn: uid={uid},{OU}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: Leaver {number}\nsn: {number}\n"
    yield f"mail: {uid}@northwind.example\nuserPassword: {{SSHA}}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
    yield f"entryUUID: {entry_uuid(number)}\npwdAccountLockedTime: 000001010000Z\n\n"


Row = dict[str, object]


def case_id(number: int) -> str:
    """Return the id of one leaver's case."""
    return f"HO-250131-{number:06x}"


def _names(vault: Vault, number: int) -> list[Row]:
    names = f"leaver{number}@northwind.example", f"leaver{number}"
    return [{"case_id": case_id(number), "key": name_key(vault, name)} for name in names]


def _case(vault: Vault, number: int, systems: Sequence[str]) -> tuple[Row, list[tuple[Row, Row]]]:
    case, account, uid, key = case_id(number), entry_uuid(number), f"leaver{number}", vault.new_key()
    leaver = {"name": f"Leaver {number}", "email": f"{uid}@northwind.example", "logins": [uid]}
    boss = {"key": "max@x.example", "name": "Max", "email": "max@x.example"}
    data = {
        "leaver": leaver,
        "approver": boss,
        "successors": [boss],
        "opened_by": {"id": "cli:root", "name": "root"},
        "channel": "C0CASES",
        "note": "",
    }
    row: Row = {
        "id": case,
        "leaver_key": vault.blind(account),
        "mail_key": vault.blind(f"mail:{uid}@northwind.example"),
        "state": CaseState.WATCHED,
        "immediate": False,
        "effective_at": LEFT,
        "opened_at": LEFT - timedelta(days=30),
        "opened_by": "cli:root",
        "approver": "mail:max@x.example",
        "strategy": "balanced",
        "reason": "resignation",
        "wrapped_key": key,
        "sealed": vault.seal(key, data, f"case:{case}"),
    }
    return row, [_locked(vault, key, case, number, system) for system in systems]


def _locked(vault: Vault, key: bytes, case: str, number: int, system: str) -> tuple[Row, Row]:
    access_id, account, uid = f"{case}:{system}", entry_uuid(number), f"leaver{number}"
    row_id = f"{access_id}:{account}"
    note = VerdictNote("", f"pwdAccountLockedTime of uid={uid},{OU}")
    account_data = {
        "login": uid,
        "matched_by": "mail",
        "before": {},
        "groups": {},
        "done": ["locked"],
        "marks": ["locked"],
    }
    access: Row = {
        "id": access_id,
        "case_id": case,
        "system": system,
        "state": WorkState.DONE,
        "due_at": LEFT,
        "attempt": 0,
        "verdict": "locked",
        "note": seal(vault, key, f"access:{access_id}", note),
        "read_at": LEFT,
        "locked_at": LEFT,
    }
    read: Row = {
        "id": row_id,
        "access_id": access_id,
        "case_id": case,
        "system": system,
        "account_id": account,
        "verdict": "locked",
        "note": seal(vault, key, f"account:{row_id}", note),
        "read_at": LEFT,
        "sealed": vault.seal(key, account_data, f"account:{row_id}"),
    }
    return access, read
