"""One attempt at one decision on a duty, at the system: read, image, write, read back, or put back."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlmodel import Session

from config.text import N_, Sentence, _, gettext_lazy, loaded, stored
from connectors.contract import AccountId, Accounts, Duties, Duty, DutyAct, DutyChanges, DutyId, Verdict
from connectors.errors import Conflict, Missing, OthersTouched, OutcomeUnknown
from workflows.access.account_state import UNCONFIGURED
from workflows.access.duties import MOST
from workflows.access.duty_rows import (
    BEGUN,
    OVER,
    DecisionData,
    as_duty,
    as_image,
    image_data,
    image_mark,
    settled,
    wanted,
)
from workflows.access.duty_rows import write_entry as write
from workflows.context import Context
from workflows.people import Successor
from workflows.storage.case import CaseData, leaving
from workflows.storage.journal import HANDOVER
from workflows.storage.rows.case import Case
from workflows.storage.rows.duties import DutyChoice, DutyDecision
from workflows.storage.rows.work_state import WorkState
from workflows.systems.accounts import leaver_accounts

log = logging.getLogger(__name__)
GONE = N_("it is no longer in the leaver's name")
STAYS = N_("it stays in the leaver's name, as decided")
STILL = N_("it is still in the leaver's name")
HAND = N_("do it there by hand")


class Superseded(Exception):
    """Somebody decided anew, or another process worked on the row, while this attempt was under way."""


class ToDo(Exception):
    """The decision cannot be carried out now, for a reason that a person removes. `hand`: there, and by hand."""

    def __init__(self, sentence: Sentence, *, hand: bool = False) -> None:
        super().__init__(sentence)
        self.sentence, self.hand = sentence, hand


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one decision."""

    row: DutyDecision
    case: Case
    people: CaseData
    data: DecisionData


def held(session: Session, attempt: Attempt) -> DutyDecision:
    """Return the row for the caller's transaction. Raises `Superseded` if anybody has written it since.

    Two may work on one row: a stage and the clock. So an image that one of them stored is never lost.
    """
    row = session.get_one(DutyDecision, attempt.row.id, with_for_update=True)
    if (row.state, row.attempt, row.sealed) != (WorkState.DUE, attempt.row.attempt, attempt.row.sealed):
        raise Superseded(row.id)
    return row


class Carrier:
    """Carries out one attempt at the system."""

    def __init__(self, context: Context, attempt: Attempt) -> None:
        self._context, self._attempt, self._data = context, attempt, attempt.data
        system = context.systems.get(attempt.row.system)
        connector = system.having(Duties) if system else None
        if system is None or connector is None:
            raise ToDo(gettext_lazy(UNCONFIGURED))
        self._system, self._connector = system, connector
        self._duty = DutyId(str(self._data.duty["id"]))

    def carry(self) -> DecisionData:
        """Do what is wanted now, and return the data with the result of the last read."""
        choice, receiver = wanted(self._attempt.case, self._data)
        if self._data.image and tuple(self._data.carried) != (choice, receiver):
            result = self._put_back()
            if choice == DutyChoice.KEEP:
                return settled(self._data, result)
        if choice == DutyChoice.KEEP:
            return settled(self._data, "" if self._attempt.case.state in OVER else _(STAYS))
        there = self._there()
        if there is None and not self._data.image:
            return settled(self._data, _(GONE))
        if choice == DutyChoice.STOP and there and not there[1].active and not self._data.image:
            return settled(self._data, _("it was switched off already"))
        self._change(choice, AccountId(receiver), there)
        return self._read_back(choice, AccountId(receiver))

    def _accounts(self) -> tuple[AccountId, ...]:
        context, case = self._context, self._attempt.case
        return leaver_accounts(context.store, context.vault, case.id, self._attempt.people.leaver, self._system)

    def _there(self) -> tuple[AccountId, Duty] | None:
        """Return who of the leaver's accounts has the duty now; None from a list that may see it. Raises."""
        connector, accounts = self._connector, self._accounts()
        if not accounts:
            raise ToDo(gettext_lazy("no account of the leaver was found there, so the duty is not known"))
        for account in accounts:
            for duty in islice(connector.duties(account), MOST + 1):
                if duty.id == self._duty:
                    return account, duty
        unseen = [words for account in accounts for words in connector.unseen_duties(account)]
        if unseen and not self._data.image:
            raise ToDo(gettext_lazy("it is not listed, and not all is seen: {why}", why=loaded(stored(unseen[0]))))
        return None

    def _change(self, choice: str, receiver: AccountId, there: tuple[AccountId, Duty] | None) -> None:
        """Write, with an image that is stored first."""
        changes = self._system.having(DutyChanges)
        if changes is None:
            raise _by_hand(_("Handover cannot change it there"))
        if choice == DutyChoice.GIVE:
            self._require_receiver(receiver)
        if self._data.image:  # a kill came between; the write answers `already` if it was done
            image = as_image(self._data.image)
        elif there is None:
            raise ToDo(gettext_lazy(GONE))
        else:
            image = changes.duty_image(there[0], self._duty)
            if DutyAct(choice) not in image.acts:
                raise _by_hand(image.why_not or as_duty(self._data.duty).fixed or _("the system does not offer it"))
            self._keep(image_data(image), (choice, receiver))
        try:
            if choice == DutyChoice.GIVE:
                changes.give(image, receiver)
            else:
                changes.stop(image)
        except OutcomeUnknown:
            log.info("duty %s: no answer came, and the list is read", self._attempt.row.id)
        except OthersTouched:
            raise  # it was done, so the image stays
        except (Conflict, Missing):
            self._keep({}, ())  # somebody changed it: the next try takes an image of what is there then
            raise

    def _require_receiver(self, receiver: AccountId) -> None:
        """Raise `ToDo` unless the receiver's account is open now and nobody's who leaves."""
        to, accounts = self._data.to, self._system.having(Accounts)
        seen = accounts.observe([receiver]).get(receiver) if accounts else None
        verdict = seen.verdict if seen else Verdict.UNKNOWN
        who = to.name or to.email
        if verdict is not Verdict.OPEN:
            words = N_("the account of {name} is {verdict}: choose another colleague")
            raise ToDo(gettext_lazy(words, name=who, verdict=Sentence(verdict.value)))
        person = Successor(to.email.casefold(), to.name, to.email)
        with self._context.store.read() as session:
            if leaving(session, self._context.vault, [person]):
                raise ToDo(gettext_lazy("{name} is leaving, too: choose another colleague", name=who))

    def _read_back(self, choice: str, receiver: AccountId) -> DecisionData:
        there = self._there()
        if there is not None and not (choice == DutyChoice.STOP and not there[1].active):
            raise ToDo(gettext_lazy(STILL))
        if choice == DutyChoice.STOP:
            said = _("it is switched off") if there else _("the leaver was taken out")
            return settled(self._data, said)
        name = self._data.to.name or self._data.to.email
        if not self._has(receiver):
            raise ToDo(gettext_lazy("it left the leaver, and the list of {name} does not show it", name=name))
        return settled(self._data, _("{name} has taken it over").format(name=name))

    def _has(self, account: AccountId) -> bool:
        return any(one.id == self._duty for one in self._connector.duties(account))

    def _put_back(self) -> str:
        """Restore the duty to its image, read, and forget the image. Return what became of it."""
        changes, image = self._system.having(DutyChanges), as_image(self._data.image)
        if changes is None:
            raise _by_hand(_("Handover cannot change it there"))
        receiver, result = tuple(self._data.carried)[1], _("it is back in the leaver's name")
        try:
            changes.put_back(image, AccountId(receiver) if receiver else None)
        except OutcomeUnknown:
            log.info("duty %s: no answer came, and the list is read", self._attempt.row.id)
        except OthersTouched:
            raise
        except Conflict as error:
            result = _("it was not put back, somebody changed it since: {why}").format(why=next(iter(error.args), ""))
            self._keep({}, ())
            return result
        except Missing:
            self._keep({}, ())
            return _("it was not put back: it is gone")
        there = self._there()
        if there is None or (there[1].active is False and as_duty(self._data.duty).active):
            raise ToDo(gettext_lazy("it is not back in the leaver's name yet"))
        self._keep({}, ())
        return result

    def _keep(self, image: dict[str, object], carried: Sequence[str]) -> None:
        """Store the image, or that there is none any more, with a marked entry. Raises `Superseded`."""
        with self._context.store.write() as session:
            row = held(session, self._attempt)
            self._data = replace(self._data, image=image, carried=tuple(carried))
            mark = image_mark(self._context.vault, image) if image else ""
            write(self._context, session, row, self._data, BEGUN, HANDOVER, image=mark)
            sealed = row.sealed
        self._attempt.row.sealed = sealed


def _by_hand(why: str) -> ToDo:
    return ToDo(Sentence("{why}: {do}", {"why": loaded(stored(why)), "do": Sentence(HAND)}), hand=True)
