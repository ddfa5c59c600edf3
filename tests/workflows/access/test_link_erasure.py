"""Account links of a person are deleted with the person's last readable case."""

import sqlalchemy as sa
from sqlmodel import col, select

from connectors.contract import AccountId
from tests.workflows.office import DANA, NONE, SECURITY, Office
from workflows.access.links import forget
from workflows.storage.rows.access import AccountLink
from workflows.storage.rows.case import Case


def _links(office: Office) -> int:
    with office.store.read() as session:
        return len(session.exec(select(AccountLink)).all())


def test_links_stand_while_a_case_can_be_read_and_go_with_the_last(office: Office) -> None:
    office.crm.users[AccountId("crm-dana")].email = "old@x.example"
    office.crm.users[AccountId("crm-dana")].login = "d.oneill"
    case_id = office.offboarding.open(office.request())
    office.linking.link(case_id, "crm", SECURITY, login="d.oneill")
    office.linking.none(case_id, "directory", SECURITY, *NONE)
    with office.store.write() as session:
        key = session.get_one(Case, case_id).leaver_key
        assert forget(session, key) == 0
        session.execute(sa.update(Case).where(col(Case.id) == case_id).values(wrapped_key=b""))
        assert forget(session, "somebody else") == 0
        assert forget(session, key) == 2
        assert forget(session, key) == 0
    assert _links(office) == 0
    assert DANA.email
