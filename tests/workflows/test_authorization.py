"""Every act of every service refuses whoever may not do it, and changes nothing then."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from sqlmodel import SQLModel, select

from config.actors import NO_TABLE, ActorSettings
from tests.workflows.access.test_manual_steps import badge
from tests.workflows.members import EVERYTHING
from tests.workflows.office import BOB, DANA, HR, MAX, NONE, SECURITY, Office
from tests.workflows.tables import VAULT
from workflows.authorization import BY_POLICY, HOLDERS, PEOPLE_ONLY, Right, granted
from workflows.people import Actor, Leaver
from workflows.refusals import Code, Refused
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import CaseState, Reason
from workflows.storage.rows.clients import ClientWord
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.watch import ExportSnapshot
from workflows.storage.rows.work_state import WorkState

ADMIN = Actor("slack:U0ADA", "Ada")


@dataclass(frozen=True)
class Scene:
    """Dana's case, locked, with a proposal, a manual step, a snapshot, a delegation and a finding."""

    office: Office
    case: str
    finding: str
    proposal: str
    digest: str
    delegation: str
    snapshot: str

    @property
    def step(self) -> str:
        return f"{self.case}:badge"

    def rows(self) -> dict[str, list[str]]:
        """Return everything stored except the journal."""
        with self.office.store.read() as session:
            return {
                name: sorted(map(repr, session.execute(sa.select(table))))
                for name, table in SQLModel.metadata.tables.items()
                if name != "journal"
            }


def scene(folder: Path) -> Scene:
    office = Office(folder, badge())
    for number in range(3):
        office.crm.record(f"opportunity:{number}", "crm-dana", family_name=f"Client {number}")
    case = office.offboarding.open(office.request())
    for _ in range(3):
        office.work()
    day = timedelta(days=1)
    office.work("exports")
    made = office.services.delegations.make("U0MAX", "U0ZOE", office.clock.now(), office.clock.now() + day, HR)
    for user in office.directory.users.values():
        user.active = True
    office.clock.pass_(days=1)
    office.audits.call()
    office.work("audit")
    finding = next(one for one in office.audits.findings() if one.can_lock_again)
    [proposal] = office.services.proposals.waiting_for("U0MAX")
    with office.store.read() as session:
        taken = select(ExportSnapshot.id).where(ExportSnapshot.state == WorkState.DONE).limit(1)
        snapshot = session.exec(taken).one()
    return Scene(office, case, finding.id, proposal.id, proposal.digest, made.id, snapshot)


Act = Callable[[Scene, Actor], object]
SOON = timedelta(days=3)
ACTS: dict[str, Act] = {
    "offboarding.open": lambda s, by: s.office.offboarding.open(s.office.request(requested_by=by)),
    "offboarding.release": lambda s, by: s.office.offboarding.release(s.case, by),
    "offboarding.reject": lambda s, by: s.office.offboarding.reject(s.case, by),
    "offboarding.reschedule": lambda s, by: s.office.offboarding.reschedule(s.case, s.office.clock.now() + SOON, by),
    "offboarding.close": lambda s, by: s.office.offboarding.close(s.case, by),
    "offboarding.undo": lambda s, by: s.office.offboarding.undo(s.case, by, "a mistake"),
    "offboarding.cancel": lambda s, by: s.office.offboarding.cancel(s.case, by, "a mistake"),
    "offboarding.retry": lambda s, by: s.office.offboarding.retry(s.case, "crm", by),
    "decisions.decide": lambda s, by: s.office.services.decisions.decide(s.proposal, s.digest, by, approve=True),
    "appointments.appoint": lambda s, by: s.office.services.appointments.appoint(s.proposal, "U0ZOE", by),
    "edits.assign": lambda s, by: s.office.services.edits.assign(s.proposal, s.digest, {"x": BOB.key}, by),
    "edits.upload": lambda s, by: s.office.services.edits.upload(s.proposal, s.digest, b"id,successor\n", by),
    "edits.exclude": lambda s, by: s.office.services.edits.exclude(s.proposal, s.digest, ["x"], "theirs", by),
    "exports.reveal": lambda s, by: s.office.exports.reveal(s.snapshot, by, "a reason"),
    "audits.run_now": lambda s, by: s.office.audits.run_now(by),
    "audits.lock_again": lambda s, by: s.office.audits.lock_again(s.finding, by),
    "audits.take": lambda s, by: s.office.audits.take(s.finding, by),
    "audits.accept": lambda s, by: s.office.audits.accept(
        s.finding, s.office.clock.now().date() + SOON, "a reason", by
    ),
    "manual.confirm": lambda s, by: s.office.manual.confirm(s.step, by, "done"),
    "manual.cannot": lambda s, by: s.office.manual.cannot(s.step, by, "a reason"),
    "manual.retract": lambda s, by: s.office.manual.retract(s.step, by, "a reason"),
    "manual.allow": lambda s, by: s.office.manual.allow(s.step, by),
    "linking.link": lambda s, by: s.office.linking.link(s.case, "crm", by, login="bob@x.example"),
    "linking.link_additional": lambda s, by: s.office.linking.link_additional(s.case, "crm", by, "crm-bob"),
    "linking.deny": lambda s, by: s.office.linking.deny(s.case, "crm", by, account="crm-bob", reason="a namesake"),
    "linking.none": lambda s, by: s.office.linking.none(s.case, "crm", by, *NONE),
    "delegations.make": lambda s, by: s.office.services.delegations.make(
        "U0BOB", "U0ZOE", s.office.clock.now(), s.office.clock.now() + SOON, by
    ),
    "delegations.end": lambda s, by: s.office.services.delegations.end(s.delegation, by),
    "halts.pause": lambda s, by: s.office.services.halts.pause(s.case, by),
    "halts.resume": lambda s, by: s.office.services.halts.resume(s.case, by),
    "halts.approve_again": lambda s, by: s.office.services.halts.approve_again(s.case, by),
    "halts.stop": lambda s, by: s.office.services.halts.stop(s.case, by),
    "introductions.send": lambda s, by: s.office.services.introductions.send(s.case, by),
    "put_backs.begin": lambda s, by: s.office.services.put_backs.begin(s.case, by),
    "put_backs.cancel": lambda s, by: s.office.services.put_backs.cancel(s.case, by),
    "duty_decisions.require": lambda s, by: s.office.services.duty_decisions.require(s.case, by),
    "duty_decisions.decide": lambda s, by: s.office.services.duty_decisions.decide(s.case, [], by),
    "keys.rotate": lambda s, by: s.office.services.keys.rotate(by),
    "earlier.look": lambda s, by: s.office.services.earlier.look(by),
    "earlier.recent": lambda s, by: s.office.services.earlier.recent(by),
    "clock_record.accept": lambda s, by: s.office.services.clock_record.accept(by),
    "answers.give": lambda s, by: s.office.services.answers.give(s.case, "crm", "party:0", ClientWord.CONTACTED, by),
    "stage_control.move": lambda s, by: s.office.services.stage_control.move(
        s.case, "day_30", s.office.clock.now().date() + timedelta(days=40), by
    ),
    "stage_control.run_now": lambda s, by: s.office.services.stage_control.run_now(s.case, "day_30", by),
    "stage_control.skip": lambda s, by: s.office.services.stage_control.skip(s.case, "day_30", by, "a reason"),
    "legal_holds.set": lambda s, by: s.office.services.legal_holds.set(s.case, by, "a lawsuit"),
    "legal_holds.end": lambda s, by: s.office.services.legal_holds.end(s.case, by, "it is over"),
    "leaves.stay": lambda s, by: s.office.services.leaves.stay(s.case, by),
    "leaves.move": lambda s, by: s.office.services.leaves.move(s.case, s.office.clock.now() + SOON, by),
}
"""Every act of the services. A new one is found by the first test."""
OF_NO_CASE = {"clock_record.accept", "keys.rotate", "audits.run_now", "delegations.make", "delegations.end"} | {
    "earlier.look",
    "earlier.recent",
}
"""Acts that are about no case: a leaver without a role is refused for the missing role."""


def test_every_act_is_listed_here(tmp_path: Path) -> None:
    services = Office(tmp_path).services
    found = {
        f"{name}.{method}"
        for name, service in vars(services).items()
        for method, function in inspect.getmembers(type(service), inspect.isfunction)
        if not method.startswith("_")
        and any("Actor" in str(part.annotation) for part in inspect.signature(function).parameters.values())
    } | {"offboarding.open"}
    internal = {"journal.note", "journal.write", "decisions.settle", "decisions.cancel"}
    internal |= {"authorization.require", "authorization.is_locked_out"}  # the check itself
    internal |= {"enrolments.offer", "enrolments.confirm", "enrolments.reset"}  # about no case, with rules of their own
    assert found - internal == set(ACTS)


def _locked_out(office: Office) -> None:
    leaver = Leaver("Hanna", "hanna@x.example", "U0HR")
    office.offboarding.open(office.request(leaver=leaver, requested_by=replace(HR, id="slack:U0HR2", name="Two")))


HOSTILE: dict[str, tuple[Actor, Callable[[Office], object]]] = {
    "the leaver": (Actor("slack:U0DANA", "Dana"), lambda _: None),
    "the leaver with another account": (
        Actor("slack:U0HR", "Dana"),
        lambda office: office.members.change("U0HR", email="Dana@X.example"),
    ),
    "the leaver at the terminal": (Actor("cli:dana", "dana"), lambda _: None),
    "somebody without a role at the terminal": (Actor("cli:nobody", "nobody", terminal=True), lambda _: None),
    "a role of the terminal in Slack": (Actor("slack:U0EVA", "Eva"), lambda _: None),
    "a guest with a code": (
        Actor("slack:U0EVA", "Eva", terminal=True),
        lambda office: office.members.change("U0EVA", "is a guest"),
    ),
    "somebody without a role": (Actor("slack:U0NORA", "Nora"), lambda _: None),
    "a guest": (HR, lambda office: office.members.change("U0HR", "is a guest")),
    "a deleted member": (HR, lambda office: office.members.unknown.add("U0HR")),
    "somebody locked out": (HR, _locked_out),
    "somebody while Slack does not answer": (HR, lambda office: setattr(office.members, "down", True)),
    "the bot itself": (HANDOVER, lambda _: None),
}


@pytest.mark.parametrize("who", HOSTILE)
def test_no_act_is_open_to_those_who_may_not_do_it(tmp_path: Path, who: str) -> None:
    stage = scene(tmp_path)
    by, prepare = HOSTILE[who]
    prepare(stage.office)
    before = stage.rows()
    done = []
    for name, act in ACTS.items():
        if (who == "the bot itself" and name == "offboarding.retry") or (
            who == "the leaver at the terminal" and name in OF_NO_CASE
        ):
            continue
        try:
            act(stage, by)
        except Refused:
            continue
        done.append(name)
    assert done == []
    assert stage.rows() == before


def test_the_leaver_is_told_why_whatever_their_roles(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    stage.office.members.change("U0SEC", email=DANA.email)
    for name, act in ACTS.items():
        if name not in OF_NO_CASE | {"decisions.decide", "edits.assign", "edits.upload", "edits.exclude"}:
            with pytest.raises(Refused) as caught:
                act(stage, SECURITY)
            expected = Code.ONESELF if name == "offboarding.open" else Code.OWN_CASE
            assert caught.value.code in (expected, Code.OWN_CASE), name


RIGHTS = {
    "offboarding.open": Right.OPEN,
    "offboarding.release": Right.RELEASE,
    "offboarding.reject": Right.REJECT,
    "offboarding.reschedule": Right.RESCHEDULE,
    "offboarding.close": Right.CLOSE,
    "offboarding.undo": Right.UNDO,
    "offboarding.cancel": Right.CANCEL,
    "offboarding.retry": Right.RETRY,
    "appointments.appoint": Right.APPOINT,
    "exports.reveal": Right.REVEAL,
    "audits.run_now": Right.AUDIT,
    "audits.lock_again": Right.LOCK_AGAIN,
    "audits.take": Right.TAKE,
    "audits.accept": Right.ACCEPT,
    "manual.confirm": Right.CONFIRM,
    "manual.cannot": Right.CONFIRM,
    "manual.retract": Right.CONFIRM,
    "linking.link": Right.LINK,
    "linking.link_additional": Right.LINK,
    "linking.none": Right.LINK,
    "linking.deny": Right.LINK,
    "delegations.make": Right.APPOINT,
    "delegations.end": Right.APPOINT,
    "halts.pause": Right.HALT,
    "halts.resume": Right.HALT,
    "halts.stop": Right.HALT,
    "introductions.send": Right.TELL,
    "put_backs.begin": Right.PUT_BACK,
    "put_backs.cancel": Right.PUT_BACK,
    "answers.give": Right.ANSWER,
    "leaves.stay": Right.PUT_BACK,
    "leaves.move": Right.PUT_BACK,
    "duty_decisions.require": Right.DUTIES,
    "duty_decisions.decide": Right.DUTIES,
    "keys.rotate": Right.ROTATE_KEY,
    "earlier.look": Right.SEE,
    "earlier.recent": Right.SEE,
    "stage_control.move": Right.STAGE,
    "stage_control.run_now": Right.STAGE,
    "stage_control.skip": Right.STAGE,
    "legal_holds.set": Right.HOLD,
    "legal_holds.end": Right.END_HOLD,
}
"""The right that each act needs."""


def test_each_act_asks_for_its_own_right(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    asked: dict[str, tuple[str, dict[str, str]]] = {}
    for name in RIGHTS:
        with pytest.raises(Refused):
            ACTS[name](stage, Actor("slack:U0NORA", "Nora"))
        query = select(JournalEntry).where(JournalEntry.action == "refused")
        with stage.office.store.read() as session:
            entries = {entry.id: entry for entry in session.exec(query)}
        [new] = entries.keys() - asked.keys()
        asked[new] = (name, json.loads(entries[new].data))
    assert {name: (data["what"], data["code"]) for name, data in asked.values()} == {
        name: (right, Code.NOT_ALLOWED) for name, right in RIGHTS.items()
    }


def test_a_refusal_is_on_record_with_the_act(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    with pytest.raises(Refused):
        stage.office.offboarding.undo(stage.case, Actor("slack:U0DANA", "Dana"), "a mistake")
    with stage.office.store.read() as session:
        entries = session.exec(select(JournalEntry).where(JournalEntry.action == "refused")).all()
    assert [(VAULT.open_id("actor", entry.actor), entry.case_id) for entry in entries] == [("slack:U0DANA", stage.case)]
    assert '"undo a case"' in entries[0].data


def test_policy_may_only_lock_again() -> None:
    assert {Right.RETRY} == BY_POLICY
    assert set(HOLDERS) == set(Right)


def test_a_finding_that_names_no_lockable_account_is_not_locked_again(tmp_path: Path) -> None:
    office = Office(tmp_path, badge())
    case = office.offboarding.open(office.request())
    office.work("revoke", "manual", "exports", "book")
    office.manual.confirm(f"{case}:badge", ADMIN, "done")
    office.manual.retract(f"{case}:badge", ADMIN, "wrong badge")
    [finding] = [one for one in office.audits.findings() if not one.can_lock_again]
    with pytest.raises(Refused) as caught:
        office.audits.lock_again(finding.id, SECURITY)
    assert caught.value.code is Code.NOT_LOCKABLE


def test_access_is_not_kept_against_a_lock_out_at_once_or_a_theft(tmp_path: Path) -> None:
    office = Office(tmp_path)
    day = office.clock.now() + SOON
    keep = {"keep_access": True, "return_on": day + SOON}
    for wish in ({"effective_at": None}, {"effective_at": day, "reason": Reason.SUSPECTED_THEFT}):
        with pytest.raises(Refused) as caught:
            office.offboarding.open(office.request(**keep, **wish))
        assert caught.value.code is Code.CONTRADICTION
    case = office.offboarding.open(office.request(**keep, effective_at=day, reason=Reason.LEAVE))
    assert office.offboarding.case(case).state is CaseState.ON_LEAVE


def test_nobody_names_themselves_as_approver(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    with pytest.raises(Refused) as caught:
        stage.office.services.appointments.appoint(stage.proposal, "U0HR", HR)
    assert caught.value.code is Code.BAD_DELEGATE
    assert MAX.slack_id not in HR.id


def test_at_the_terminal_a_proof_and_a_table_are_enough_while_slack_is_down(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    stage.office.members.down = True
    eva = Actor("slack:U0EVA", "Eva", terminal=True)
    stage.office.offboarding.retry(stage.case, "crm", eva)
    leaver = Leaver("Eva", "eva@x.example", "U0EVA")
    stage.office.offboarding.open(stage.office.request(leaver=leaver, requested_by=Actor("cli:root", "root")))
    with pytest.raises(Refused) as caught:
        stage.office.offboarding.retry(stage.case, "crm", eva)
    assert caught.value.code is Code.NO_STANDING, "a code outlives no lock-out"


@pytest.mark.parametrize("slack_id", ["", "U0OTHER"])
def test_who_is_locked_out_is_known_by_every_address_of_the_case(tmp_path: Path, slack_id: str) -> None:
    office = Office(tmp_path)
    case = office.offboarding.open(office.request())
    leaver = Leaver("Hanna", "h.berg@x.example", slack_id, addresses=("hanna@x.example",))
    office.members.change("U0HR", email="hanna@x.example")
    office.offboarding.open(office.request(leaver=leaver, requested_by=Actor("slack:U0HR2", "Two")))
    at_the_terminal = Actor("cli:e2", "e2", "Hanna@x.example", terminal=True)
    for by in [HR, at_the_terminal] if not slack_id else [at_the_terminal]:
        with pytest.raises(Refused) as caught:
            office.offboarding.reschedule(case, office.clock.now() + SOON, by)
        assert caught.value.code is Code.NO_STANDING


def test_a_slack_id_alone_does_not_clear_anybody_of_a_case_without_one(tmp_path: Path) -> None:
    stage = scene(tmp_path)
    eva = Actor("slack:U0EVA", "Eva", terminal=True)
    leaver = Leaver("Somebody", "e.dee@x.example")
    stage.office.offboarding.open(stage.office.request(leaver=leaver, requested_by=Actor("cli:root", "root")))
    stage.office.offboarding.retry(stage.case, "crm", eva)
    stage.office.members.down = True
    with pytest.raises(Refused) as caught:
        stage.office.offboarding.retry(stage.case, "crm", eva)
    assert caught.value.code is Code.NOT_CHECKED
    stage.office.offboarding.retry(stage.case, "crm", replace(eva, email="eva@x.example"))


def test_a_script_has_the_rights_of_its_commands_and_nobodys_word() -> None:
    script = ActorSettings(secret=SecretStr("the secret of a script, long"), commands=("offboard", "findings"))
    everything = EVERYTHING.model_copy(update={"secret": script.secret})
    assert {right for right in Right if granted(script, right)} == {Right.OPEN, Right.TAKE, Right.LOCK_AGAIN}
    assert {right for right in Right if not granted(everything, right)} == PEOPLE_ONLY
    assert not any(granted(NO_TABLE, right) for right in Right)
