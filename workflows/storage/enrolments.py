"""One-time codes (TOTP, RFC 6238) by which people prove at the terminal who they are, without Slack.

A code is accepted once. The person's row has the period of the last accepted code, and the transaction that accepts
a code changes it. So no second process or replica accepts the code again.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlmodel import Session, col, select

from config.text import N_, _, stored
from workflows.people import SLACK, Actor
from workflows.ports import Clock
from workflows.refusals import Code, Refused
from workflows.storage.findings import FindingReport, Findings
from workflows.storage.journal import HANDOVER, Journal
from workflows.storage.rows.enrolment import Enrolment
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.watch import FindingKind
from workflows.storage.store import Store
from workflows.storage.vault import Vault

TOLERANCE = 1
"""Periods of 30 seconds by which the person's clock may differ."""
TRIES = 5
"""Wrong codes until no code counts for a time. So many within `GUESSING` are a finding for security."""
GUESSING = timedelta(days=1)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(days=1)
"""The pause doubles until a right code comes."""
CONFIRMED, RESET, ACCEPTED, REFUSED = "enrolment.confirmed", "enrolment.reset", "code.accepted", "code.refused"
REPLACED = N_("one-time codes of this person were put back or replaced in the database")
PLACE = "handover"
"""System of a finding about Handover itself."""


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """An enrolled person. `vouched_by`: the first who saw the secret, or the voucher's. Empty: enrolled in Slack."""

    id: str
    name: str
    email: str
    vouched_by: str = ""
    guesses: int = 0
    """Wrong codes that somebody gave for this person within a day, if they are enough for a finding."""

    @property
    def names(self) -> frozenset[str]:
        """The words that mean this person, in small letters."""
        return frozenset(map(str.lower, filter(None, (self.id, self.id.removeprefix(SLACK), self.email))))

    def actor(self, login: str) -> Actor:
        """Return the person who gave a code in this log-in session."""
        login = "" if login == self.id else login
        return Actor(self.id, self.name, self.email, terminal=True, login=login, enrolled_by=self.vouched_by)


@dataclass(frozen=True, slots=True)
class _Secret:
    """Sealed data of an enrolment. `alone`: nobody who was enrolled vouched for the person."""

    id: str
    name: str
    email: str
    secret: str
    vouched_by: str
    alone: bool

    @property
    def totp(self) -> pyotp.TOTP:
        return pyotp.TOTP(self.secret)

    @property
    def person(self) -> EnrolledPerson:
        return EnrolledPerson(self.id, self.name, self.email, self.vouched_by)


@dataclass(frozen=True, slots=True)
class _RecordedCodes:
    """Codes of one person in the journal. `sealed`: digest of the enrolment in force; empty if that is not told."""

    sealed: str | None = None
    step: int = 0
    failures: int = 0
    locked_until: datetime | None = None


class Enrolments:
    """Enrolments: offered, confirmed by the first code, proven by each further code, reset."""

    def __init__(
        self, store: Store, vault: Vault, journal: Journal, clock: Clock, issuer: str, security: str = ""
    ) -> None:
        """`issuer`: the name that the person's app shows. `security`: channel that is told of findings, or empty."""
        self._store, self._vault, self._journal, self._clock, self._issuer = store, vault, journal, clock, issuer
        self._findings = Findings(vault, journal, clock, security)

    def people(self) -> list[EnrolledPerson]:
        """Return everybody who is enrolled."""
        with self._store.read() as session:
            return [self._open(row, row.sealed).person for row in _confirmed(session)]

    def find(self, who: str) -> EnrolledPerson | None:
        """Return an enrolled person by id, Slack id or address."""
        wanted = who.lower()
        return next((one for one in self.people() if wanted in one.names), None)

    def offer(self, person: Actor, by: Actor, *, alone: bool = False) -> str:
        """Make a secret for a person who is not enrolled, and return it as an `otpauth:` address.

        `by`: the person, in Slack; at the terminal, an enrolled person who gave a code. `alone`: nobody did, which is
        possible only before anybody is enrolled. Raises `Refused`: ALREADY_ENROLLED, NEEDS_VOUCHER.
        """
        vouched_by = "" if by.id == person.id else by.enrolled_by or by.id
        secret = _Secret(person.id, person.name, person.email, pyotp.random_base32(), vouched_by, alone)
        with self._store.write() as session:
            row = session.get(Enrolment, self._key(person.id)) or Enrolment(id=self._key(person.id))
            if row.sealed:
                raise Refused(Code.ALREADY_ENROLLED, name=person.name)
            _refuse_alone(session, secret)
            row.wrapped_key = row.wrapped_key or self._vault.new_key()
            row.offered = self._vault.seal(row.wrapped_key, asdict(secret), f"enrolment:{row.id}")
            session.add(row)
        return secret.totp.provisioning_uri(name=person.email or person.name, issuer_name=self._issuer)

    def confirm(self, person_id: str, code: str, by: Actor) -> EnrolledPerson:
        """Finish an enrolment with the first code. Raises `Refused`: NOT_ENROLLED, NEEDS_VOUCHER, and as `prove`."""
        return self._with_code(person_id, code, by)

    def prove(self, person_id: str, code: str) -> EnrolledPerson:
        """Return the person whose code this is, and use the code up.

        Raises `Refused`: NOT_ENROLLED, WRONG_CODE, USED_CODE, TOO_MANY_CODES.
        """
        return self._with_code(person_id, code, None)

    def reset(self, person_id: str, by: Actor, *, alone: bool = False) -> None:
        """Remove a person's enrolment. The person enrols again, in Slack or with somebody who is enrolled.

        `by`: a second enrolled person who gave a code. `alone`: the machine's root without one, which is a finding.
        Raises `Refused`: NOT_ENROLLED, SECOND_PERSON.
        """
        with self._store.write() as session:
            row = session.get(Enrolment, self._key(person_id))
            if row is None or not row.sealed:
                raise Refused(Code.NOT_ENROLLED)
            person = self._open(row, row.sealed).person
            if not alone and by.may_be(person.actor("")):
                raise Refused(Code.SECOND_PERSON, by=person.name)
            row.sealed = row.offered = b""
            row.enrolled_at, row.failures, row.locked_until = None, 0, None
            session.add(row)
            self._write(session, row, by, RESET, alone=alone)
            if alone:
                said = _("root removed the one-time codes, and nobody vouched for it")
                self._report(session, _finding(row), person, said, by)

    def _with_code(self, person_id: str, code: str, confirmed_by: Actor | None) -> EnrolledPerson:
        """Check a code, and keep the result of the check in any case: a refusal is raised after the transaction."""
        with self._store.write() as session:
            row = session.get(Enrolment, self._key(person_id), with_for_update=True)
            found = (row.offered if confirmed_by else row.sealed) if row else b""
            if row is None or not found:
                raise Refused(Code.NOT_ENROLLED)
            secret = self._open(row, found)
            if confirmed_by:
                _refuse_alone(session, secret)
            refusal = self._check(session, row, secret, code, proves=confirmed_by is None)
            guesses = 0 if refusal else self._tell_guesses(session, row, secret.person)
            if confirmed_by and refusal is None:
                self._enrol(session, row, secret, confirmed_by)
            session.add(row)
        if refusal:
            raise refusal
        return replace(secret.person, guesses=guesses)

    def _check(self, session: Session, row: Enrolment, secret: _Secret, code: str, *, proves: bool) -> Refused | None:
        now, recorded = self._clock.now(), self._recorded(session, row)
        if proves and recorded.sealed not in ("", _digest(row.sealed)):
            self._findings.report(
                session, replace(_finding(row), kind=FindingKind.TAMPERED, detail=stored(_(REPLACED))), HANDOVER.id
            )
            return Refused(Code.NOT_ENROLLED)
        row.failures, row.last_step = max(row.failures, recorded.failures), max(row.last_step, recorded.step)
        pauses = [until for until in (row.locked_until, recorded.locked_until) if until and until > now]
        if pauses:
            return Refused(Code.TOO_MANY_CODES, at=max(pauses).isoformat())
        try:
            step = secret.totp.verify_and_get_timecode(code.replace(" ", ""), for_time=now, valid_window=TOLERANCE)
        except OTPVerificationError:
            return self._count_failure(session, row, secret.person, now)
        if step <= row.last_step:
            self._write(session, row, HANDOVER, "code.used again")
            return Refused(Code.USED_CODE)
        row.last_step, row.failures, row.locked_until = step, 0, None
        if proves:
            self._write(session, row, HANDOVER, ACCEPTED, step=step)
        return None

    def _recorded(self, session: Session, row: Enrolment) -> _RecordedCodes:
        """Return what the marked entries of the journal say of an enrolment: an older row counts for nothing."""
        found = _RecordedCodes()
        for entry, marked in (
            *self._journal.entries(session, "", "enrolment.%"),
            *self._journal.entries(session, "", "code.%"),
        ):
            data = json.loads(entry.data)
            if not marked or data["enrolment"] != row.id:
                continue
            if entry.action == CONFIRMED:
                found = _RecordedCodes(data.get("sealed", ""), data.get("step", 0))
            elif entry.action == RESET:
                found = _RecordedCodes(RESET)
            elif entry.action == ACCEPTED:
                found = replace(found, step=data["step"], failures=0, locked_until=None)
            elif entry.action == REFUSED:
                failures = found.failures + 1
                found = replace(found, failures=failures, locked_until=_pause(failures, entry.at))
        return found

    def _count_failure(self, session: Session, row: Enrolment, person: EnrolledPerson, now: datetime) -> Refused:
        row.failures += 1
        if (guesses := self._guesses(session, row) + 1) >= TRIES:
            said = _("{count} wrong codes within a day, so somebody may be guessing").format(count=guesses)
            self._report(session, _finding(row, FindingKind.CODES_GUESSED), person, said, HANDOVER)
        self._write(session, row, HANDOVER, REFUSED, failures=row.failures)
        row.locked_until = _pause(row.failures, now)
        if row.locked_until is None:
            return Refused(Code.WRONG_CODE)
        return Refused(Code.TOO_MANY_CODES, at=row.locked_until.isoformat())

    def _guesses(self, session: Session, row: Enrolment) -> int:
        """Return how many wrong codes the journal has of the last day, for this secret. A right one ends no count."""
        day = self._clock.now() - GUESSING
        since = max(day, row.enrolled_at or day)
        refused = select(JournalEntry.data).where(JournalEntry.action == REFUSED, col(JournalEntry.at) >= since)
        return sum(json.loads(data)["enrolment"] == row.id for data in session.exec(refused))

    def _tell_guesses(self, session: Session, row: Enrolment, person: EnrolledPerson) -> int:
        """Put on the finding that a right code came after guesses, and return their number; 0 for too few."""
        if (guesses := self._guesses(session, row)) < TRIES:
            return 0
        said = _("{count} wrong codes within a day, and then a right one: ask the person whether it was theirs")
        report = _finding(row, FindingKind.CODES_GUESSED)
        self._report(session, report, person, said.format(count=guesses), HANDOVER)
        return guesses

    def _enrol(self, session: Session, row: Enrolment, secret: _Secret, by: Actor) -> None:
        earlier = session.exec(select(JournalEntry.id).where(JournalEntry.action == CONFIRMED).limit(1)).first()
        row.sealed, row.offered, row.enrolled_at = row.offered, b"", self._clock.now()
        self._write(session, row, by, CONFIRMED, alone=secret.alone, sealed=_digest(row.sealed), step=row.last_step)
        if secret.alone and earlier:
            said = _("enrolled anew, and nobody vouched for it")
            self._report(session, _finding(row), secret.person, said, by)
        elif not secret.alone:
            for kind in (FindingKind.CODES_RESET, FindingKind.CODES_GUESSED):
                self._findings.close_resolved(session, _finding(row, kind))

    def _report(self, session: Session, finding: FindingReport, person: EnrolledPerson, detail: str, by: Actor) -> None:
        sighting = replace(finding, detail=stored(detail), name=person.name, email=person.email, changed_by=by.name)
        self._findings.report(session, sighting, by.id)

    def _write(self, session: Session, row: Enrolment, by: Actor, action: str, **data: object) -> None:
        self._journal.write(session, actor=by, action=action, data={"enrolment": row.id, **data})

    def _open(self, row: Enrolment, sealed: bytes) -> _Secret:
        return _Secret(**self._vault.open(row.wrapped_key, sealed, f"enrolment:{row.id}"))

    def _key(self, person_id: str) -> str:
        return self._vault.blind(f"enrolment:{person_id}")


def _pause(failures: int, at: datetime) -> datetime | None:
    """Return until when no code counts after so many wrong ones, the last of them at a time; None: no pause."""
    pauses, rest = divmod(failures, TRIES)
    return None if rest or not pauses else at + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(pauses - 1, 10))


def _digest(sealed: bytes) -> str:
    return hashlib.sha256(sealed).hexdigest()


def _finding(row: Enrolment, kind: FindingKind = FindingKind.CODES_RESET) -> FindingReport:
    return FindingReport(kind, "", PLACE, row.id)


def _refuse_alone(session: Session, secret: _Secret) -> None:
    if secret.alone and _confirmed(session):
        raise Refused(Code.NEEDS_VOUCHER)


def _confirmed(session: Session) -> list[Enrolment]:
    return list(session.exec(select(Enrolment).where(col(Enrolment.enrolled_at).is_not(None))))
