"""Redacted recordings: the form of what real servers answer, and nothing of a person."""

import io
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.conformance.accounts import Newcomer
from connectors.conformance.recordings import differences
from connectors.contract import Person
from connectors.errors import Forbidden
from connectors.ldap import MANIFEST as LDAP
from connectors.recording import Recording, Shapes, form, load, vocabulary
from connectors.scim import MANIFEST as SCIM
from connectors.scim.connector import Scim
from connectors.tryton import MANIFEST as TRYTON
from tests.connectors.ldap.world import LdapWorld
from tests.connectors.scim.proxy import Proxy
from tests.connectors.scim.world import ScimWorld
from tests.connectors.tryton.world import BookWorld
from tests.sandbox.company.people import PEOPLE
from tests.sandbox.company.scim import Scim as ScimServer
from tests.sandbox.company.slapd import Slapd
from tests.sandbox.company.tryton import Tryton
from tests.workflows.memory import Time
from workflows.systems.recording import calls, record
from workflows.systems.registry import System


@pytest.fixture
def world() -> Iterator[ScimWorld]:
    with ScimServer(people=PEOPLE[:4]) as server:
        proxy = Proxy(server.port)
        try:
            yield ScimWorld(server, proxy)
        finally:
            proxy.close()


DANA = Newcomer("dana.roe", "Dana Roe", "dana.roe@northwind.example", "old password")


def recorded(connector: Any, manifest: Any, person: Person) -> tuple[str, Mapping[str, str]]:
    """Record a system; return the text, and the error of each call."""
    out = io.StringIO()
    recorder = Recording(type(connector), manifest.kind, out)
    assert connector.use_recorder(recorder)
    done = [*record(System("system", manifest, connector), person, recorder, Time())]
    return out.getvalue(), {one.name: one.error for one in done}


def test_a_scim_service_is_recorded_without_a_person_in_it(world: ScimWorld) -> None:
    account = world.add(DANA)
    world.add_group("Sales of Dana", [account])
    before, writes = world.truth(), world.writes()
    text, errors = recorded(world.connect(), SCIM, Person("", (DANA.email,)))
    assert {name for name, error in errors.items() if error} <= {"administrators"}
    assert {"check", "find", "everyone", "observe", "groups", "duties"} <= errors.keys()
    assert (world.truth(), world.writes()) == (before, writes)
    for hidden in personal(world, account):
        assert hidden.lower() not in text.lower(), hidden
    lines = [json.loads(line) for line in text.splitlines()]
    places = {line["place"] for line in lines if "place" in line}
    assert any(re.fullmatch(r"/<word 2-3 #......>/Users/<\w+ \S+ #......>", place) for place in places), places
    [users] = [line for line in lines if line.get("call") == "everyone" and "/Users?" in line.get("place", "")][:1]
    assert users["answer"]["body"]["Resources"]["forms"][0]["userName"].startswith("<word")


def personal(world: ScimWorld, account: str) -> set[str]:
    """Return what must not be in a recording: names, addresses, log-ins, ids, the token, parts of names."""
    texts = {world.server.token, account, "Sales of Dana", "northwind", *DANA.name.split(), DANA.email, DANA.login}
    for one in PEOPLE[:4]:
        texts |= {one.name, one.email, one.uid, *(part for part in one.name.split() if len(part) > 3)}
    return {text for text in texts if text}


def test_a_connector_that_writes_while_it_reads_is_refused(world: ScimWorld) -> None:
    account = world.add(DANA)

    class Curious(Scim):
        def groups(self, account: Any) -> Any:
            self.lock(self.before(account))
            return super().groups(account)

    writes = world.writes()
    text, errors = recorded(Curious(world.settings()), SCIM, Person("", (DANA.email,)))
    assert errors["groups"] == "Forbidden"
    assert world.writes() == writes
    assert world.server.users()[account]["active"] is True
    assert '"error": "Forbidden"' in text


def test_after_a_recording_begins_a_lock_is_refused(world: ScimWorld) -> None:
    account, connector = world.add(DANA), world.connect()
    before = connector.before(account)
    connector.use_recorder(Recording(Scim, "scim", io.StringIO()))
    with pytest.raises(Forbidden, match="a recording changes nothing"):
        connector.lock(before)


def test_two_recordings_of_one_service_do_not_differ(world: ScimWorld) -> None:
    world.add(DANA)
    first, second = (lines(recorded(world.connect(), SCIM, Person("", (DANA.email,)))[0]) for _ in range(2))
    assert differences(first, second) == []


def test_a_simulator_that_leaves_something_out_is_told(world: ScimWorld) -> None:
    world.add(DANA)
    real = lines(recorded(world.connect(), SCIM, Person("", (DANA.email,)))[0])
    text = json.dumps(real).replace('"userName"', '"username"').replace('"status": 200', '"status": 201')
    said = "\n".join(differences(real, json.loads(text)))
    assert "userName is <word> there, and missing in the simulator" in said
    assert "status is 200 there, and 201 in the simulator" in said


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


TEXTS = st.one_of(
    st.text(), st.emails(), st.uuids().map(str), st.sampled_from(["Dana", "userName", "CRM-1", "a=b,c=d"])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.decimals(allow_nan=False, allow_infinity=False), TEXTS)
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_no_text_survives_unless_the_connector_knows_it(value: Any) -> None:
    shapes = Shapes({"userName"})
    shaped = json.dumps(shapes.of(value))
    kept = set(re.findall(r'"((?:[^"\\]|\\.)*)"', shaped)) - {"items", "forms", "userName"}
    assert all(re.fullmatch(r"<[A-Za-z]+( \d+(-\d+)?( digits)?)?( #[0-9a-f]{6})?>", one) for one in kept), kept


def test_equal_texts_stay_equal_within_one_recording_alone() -> None:
    one, other = Shapes(()), Shapes(())
    assert one.of("dana") == one.of("dana") != one.of("finn")
    assert one.of("dana") != other.of("dana")
    assert form(one.of("dana")) == form(other.of("dana")) == "<word>"


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("dana@x.example", "<mail>"),
        ("6f9619ff-8b86-d011-b42d-00cf4fc964ff", "<uuid>"),
        ("https://x.example/dana", "<url>"),
        ("2026-03-02T09:00:00Z", "<time>"),
        ("20260302090000Z", "<time>"),
        ("2026-03-02", "<date>"),
        ("uid=dana,dc=x", "<dn>"),
        ("12.50", "<number>"),
        ("", "<empty>"),
        ("Dana Roe", "<text>"),
        (Decimal("12.50"), "<Decimal>"),
        (120_000, "<int>"),
    ],
)
def test_forms(value: object, shape: str) -> None:
    assert form(Shapes(()).of(value)) == shape


def test_a_filter_keeps_its_form_and_no_value() -> None:
    found = Shapes({"mail", "objectClass", "person"}).filter(r"(&(objectClass=person)(|(mail=dana@x.example)(uid=*)))")
    assert re.fullmatch(r"\(&\(objectClass=person\)\(\|\(mail=<mail \S+ #\w+>\)\(<word \S+ #\w+>=\*\)\)\)", found), (
        found
    )


def test_the_vocabulary_has_names_of_fields_and_no_sentence() -> None:
    assert {"userName", "Users", "active"} <= vocabulary(Scim)
    assert not any(" " in word for word in vocabulary(Scim) | vocabulary(LDAP.connector))


def test_a_recording_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    with file.open("w") as out:
        recorder = Recording(Scim, "scim", out)
        recorder.begin("check")
        recorder.end("fine")
    first, second = load(file)
    assert first == {"recording": 1, "kind": "scim"}
    assert second["call"] == "check"


def names_of_people() -> set[str]:
    """Return what the practice company's directory and CRM have of every person, and parts of names."""
    texts = {"northwind", *(text for one in PEOPLE for text in (one.name, one.email, one.uid))}
    parts = {part for one in PEOPLE for part in one.name.split() if len(part) > 3}
    return (texts | parts) - {"Null", "null"}  # somebody's name, and a word of JSON


def test_a_directory_is_recorded_without_a_person_in_it(slapd: Slapd) -> None:
    world = LdapWorld(slapd)
    account = world.add(DANA)
    connector, before = world.connect(), world.truth()
    text, errors = recorded(connector, LDAP, Person("", (DANA.email,)))
    assert world.truth() == before
    assert not any(errors.values())
    for hidden in names_of_people() | {account, DANA.name, DANA.login, slapd.bind_password, slapd.base_dn}:
        assert hidden.lower() not in text.lower(), hidden
    searches = [line for line in lines(text) if line.get("method") == "SEARCH"]
    assert any(line["asked"]["scope"] == "subtree" and "(mail=<mail" in line["asked"]["filter"] for line in searches)
    with pytest.raises(Forbidden, match="a recording changes nothing"):
        connector.lock(connector.before(account))
    assert world.truth() == before


def test_a_crm_is_recorded_without_a_client_in_it(tryton: Tryton) -> None:
    world = BookWorld(tryton)
    seller = world.seller()
    world.add(seller, ["Zephyrion Instruments"])
    connector, before = world.connect(), world.contents()
    out = io.StringIO()
    recorder = Recording(type(connector), "tryton", out)
    assert connector.use_recorder(recorder)
    system = System("crm", TRYTON, connector)
    for name, call in calls(system, seller, Time()):
        recorder.begin(name)
        recorder.end(call())
    assert world.contents() == before
    text = out.getvalue()
    for hidden in names_of_people() | {"Zephyrion", world.login(seller)}:
        assert hidden.lower() not in text.lower(), hidden
    assert any(line.get("call") == "records" and "opportunity" in json.dumps(line) for line in lines(text))
