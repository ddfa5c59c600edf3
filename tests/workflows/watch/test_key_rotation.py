"""A rotation of the master key: nothing is lost, also by a kill in the middle, and the old key is not needed after."""

import pytest
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, select

from tests.workflows.office import DANA, HR, SECURITY, Office
from workflows.people import Actor
from workflows.refusals import Refused
from workflows.storage.case import mail_key, read_case
from workflows.storage.rows.operations import RootKey
from workflows.storage.vault import Vault, WrongKey
from workflows.watch import key_rotation
from workflows.watch.key_rotation import KeyRotation, Rotation, take_root

OLD, NEW, NEWER = b"m" * 32, b"n" * 32, b"o" * 32


def rotation(office: Office, *masters: bytes) -> KeyRotation:
    vault = Vault(masters[0], masters[1:])
    take_root(office.store, vault)
    return KeyRotation(office.store, vault, office.journal, office.context.authorization)


def wrapped(office: Office) -> list[bytes]:
    """Return every wrapped key in the database."""
    with office.store.read() as session:
        return [
            key
            for table in SQLModel.metadata.sorted_tables
            if "wrapped_key" in table.columns
            for key in session.execute(sa.select(table.c.wrapped_key).where(table.c.wrapped_key != b"")).scalars()
        ]


@pytest.fixture
def case_id(office: Office) -> str:
    """Return a case with a link and a delegation: keys in three tables."""
    case_id = office.offboarding.open(office.request())
    office.work("revoke")
    office.linking.link(case_id, "crm", SECURITY, login="dana")
    now = office.clock.now()
    office.services.delegations.make("U0MAX", "U0ZOE", now, now.replace(year=2027), HR)
    assert len(wrapped(office)) >= 3
    return case_id


def test_all_keys_are_put_under_the_newest_and_the_old_one_is_not_needed_after(office: Office, case_id: str) -> None:
    before = wrapped(office)
    dry = rotation(office, NEW, OLD).rotate(SECURITY, dry_run=True)
    assert dry == Rotation(len(before), 0, 0)
    assert wrapped(office) == before
    assert rotation(office, NEW, OLD).rotate(SECURITY) == dry
    assert rotation(office, NEW, OLD).rotate(SECURITY) == Rotation(0, len(before), 0)
    vault = Vault(NEW)
    assert all(vault.fits(key) and not Vault(OLD).fits(key) for key in wrapped(office))
    take_root(office.store, vault)
    with office.store.read() as session:
        case, data = read_case(session, vault, case_id)
    assert data.leaver.email == DANA.email
    assert case.mail_key == mail_key(vault, DANA.email), "rows are still found"


def test_a_second_rotation_keeps_the_rows_found(office: Office, case_id: str) -> None:
    rotation(office, NEW, OLD).rotate(SECURITY)
    rotation(office, NEWER, NEW).rotate(SECURITY)
    vault = Vault(NEWER)
    take_root(office.store, vault)
    with office.store.read() as session:
        assert read_case(session, vault, case_id)[0].mail_key == mail_key(vault, DANA.email)


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_a_kill_in_the_middle_loses_nothing(
    office: Office, case_id: str, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "PAGE", 1)
    done: list[dict[str, bytes]] = []

    def write(session: Session, table: sa.Table, old: dict[str, bytes], changed: dict[str, bytes]) -> None:
        update(session, table, old, changed)
        if len(done) == pages:
            raise KeyboardInterrupt  # within the transaction
        done.append(changed)

    update = key_rotation._update
    monkeypatch.setattr(key_rotation, "_update", write)
    with pytest.raises(KeyboardInterrupt):
        rotation(office, NEW, OLD).rotate(SECURITY)
    monkeypatch.setattr(key_rotation, "_update", update)
    assert sum(Vault(NEW).fits(key) for key in wrapped(office)) == pages
    assert all(Vault(NEW, [OLD]).fits(key) for key in wrapped(office)), "a bot with both keys works meanwhile"
    assert rotation(office, NEW, OLD).rotate(SECURITY) == Rotation(len(wrapped(office)) - pages, pages, 0)


def test_keys_that_no_listed_one_opens_are_counted_and_left(office: Office, case_id: str) -> None:
    before, lost = wrapped(office), Vault(NEWER).new_key()
    with pytest.raises(WrongKey):
        rotation(office, NEW, NEWER).rotate(SECURITY)
    assert wrapped(office) == before
    with office.store.write() as session:
        session.execute(sa.text("update delegation set wrapped_key = :lost"), {"lost": lost})
    assert rotation(office, NEW, OLD).rotate(SECURITY) == Rotation(len(before) - 1, 0, 1)
    assert lost in wrapped(office)


def test_without_the_first_key_nothing_starts(office: Office, case_id: str) -> None:
    """Every lookup would miss, and a leaver's case would not be found."""
    rotation(office, NEW, OLD).rotate(SECURITY)
    with office.store.write() as session:
        for row in session.exec(select(RootKey)):
            session.delete(row)
    with pytest.raises(WrongKey):
        take_root(office.store, Vault(NEW))


def test_who_has_no_right_rotates_nothing(office: Office, case_id: str) -> None:
    before = wrapped(office)
    with pytest.raises(Refused):
        rotation(office, NEW, OLD).rotate(Actor("slack:U0NORA", "Nora"))
    assert wrapped(office) == before
