"""Refusals: each code with its sentence. What to do next is a key, worded by Slack and by the terminal."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Self

from config.text import N_, _, listed


class Next(Enum):
    """A next step after a refusal. Slack and the terminal word it differently."""

    NOTHING_CHANGED = auto()
    SHOW_CASE = auto()
    CANCEL_CASE = auto()
    LIST_CASES = auto()
    LIST_FINDINGS = auto()
    LIST_DELEGATIONS = auto()
    LIST_DUTIES = auto()
    DECIDE_NEWEST = auto()
    CHOOSE_AGAIN = auto()
    CHOOSE_SUCCESSOR = auto()
    CHOOSE_TIME = auto()
    CHOOSE_RETURN = auto()
    CHOOSE_PERIOD = auto()
    GIVE_PROOF = auto()
    SAY_WHOSE = auto()
    ENROL = auto()
    RESET_CODES = auto()


class Code(StrEnum):
    """A reason for a refusal: a word for programs and the journal, a sentence for people, and the next step."""

    sentence: str
    next: Next | None

    def __new__(cls, value: str, sentence: str, todo: Next | None = None) -> Self:
        """Set the word as the text of the member."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.next = todo
        return member

    PROTECTED = (
        "protected",
        N_(
            "This account is protected (service, break-glass or last administrator), so no case locks it. "
            "If it must go, ask an administrator to take it off `policy.protected` first."
        ),
    )
    ONESELF = "oneself", N_("You cannot offboard yourself. Ask a colleague in HR to do it.")
    OPEN_CASE = "open case", N_("There is already an open case ({case}) for this person."), Next.CANCEL_CASE
    NO_EARLIER_LEAVER = (
        "none inactive",
        N_("None of the chosen owners is known to be inactive and without a case. Look at the list again."),
    )
    IN_HANDOVER = "in handover", N_("Case {case} hands these records over already."), Next.NOTHING_CHANGED
    UNKNOWN_CASE = "unknown case", N_("There is no such case."), Next.LIST_CASES
    NOT_OPEN = "not open", N_("This case can no longer be changed that way."), Next.SHOW_CASE
    STALE_PROPOSAL = (
        "stale proposal",
        N_("The proposal has changed since this was shown ({by}, {at}). Nothing was done. What changed: {changed}."),
        Next.DECIDE_NEWEST,
    )
    ALREADY_SETTLED = "already settled", N_("This proposal was already settled by {by} ({at})."), Next.NOTHING_CHANGED
    NOT_APPROVER = "not approver", N_("Only {approver} can decide this. Ask them, or ask HR to name another approver.")
    LEAVER_DECIDES = (
        "leaver decides",
        N_("The person who leaves cannot decide where their clients go. Ask HR to name another approver."),
    )
    ALREADY_DECIDED = "already decided", N_("You have already decided this."), Next.NOTHING_CHANGED
    UNKNOWN_PROPOSAL = "unknown proposal", N_("This proposal no longer exists. Ask HR, who can have a new one made.")
    UNKNOWN_RECORD = (
        "unknown record",
        N_("One of the chosen records is not part of this proposal."),
        Next.CHOOSE_AGAIN,
    )
    UNKNOWN_SUCCESSOR = (
        "unknown successor",
        N_("That colleague is not one of the successors of this case. Choose one of its successors."),
    )
    CANNOT_RECEIVE = ("cannot receive", N_("{successor} cannot receive this client: {why}. Choose another successor."))
    NO_SUCCESSOR = "no successor", N_("Nobody is named to receive the clients."), Next.CHOOSE_SUCCESSOR
    SAME_TIME = "same time", N_("The case takes effect at that time already. Nothing was changed. Choose another time.")
    PAST_TIME = "past time", N_("That time has already passed."), Next.CHOOSE_TIME
    FAR_TIME = (
        "far time",
        N_("That day is more than two years ahead, in {year}. Is the year right? Choose an earlier day."),
    )
    CLOSED_FINDING = "closed finding", N_("This finding was closed by {by} ({at})."), Next.NOTHING_CHANGED
    UNKNOWN_FINDING = "unknown finding", N_("This finding no longer exists."), Next.LIST_FINDINGS
    UNKNOWN_SNAPSHOT = "unknown snapshot", N_("This export snapshot no longer exists."), Next.SHOW_CASE
    NOT_LOCKABLE = (
        "not lockable",
        N_("Handover does not lock this account again: {why}. Open the case to see what to do."),
        Next.LIST_FINDINGS,
    )
    NEEDS_REASON = "needs reason", N_("A reason is needed: it goes on record. Give one and try again.")
    NOTHING_CHANGED = (
        "nothing changed",
        N_("These records already go to that colleague, so nothing was changed. Choose another successor."),
    )
    BAD_PERSON = ("bad person", N_("This person has no usable address. Check profile and directory, then try again."))
    UNKNOWN_STEP = "unknown step", N_("This step no longer exists, so you have nothing to do.")
    ALREADY_CONFIRMED = "already confirmed", N_("This was confirmed by {by} already ({at})."), Next.NOTHING_CHANGED
    NOT_CONFIRMED = "not confirmed", N_("Nobody has confirmed this, so there is nothing to take back.")
    OWN_CASE = "own case", N_("This case is about you, so you cannot act on it. Ask a colleague in HR or security.")
    NO_STANDING = (
        "no standing",
        N_("Only an active, full member of this workspace can do this ({why}). Ask HR or security."),
    )
    NOT_ALLOWED = ("not allowed", N_("You are not allowed to do this. Ask somebody with one of these roles: {roles}."))
    CONTRADICTION = (
        "contradiction",
        N_("Access cannot be kept by a lock-out at once, nor after a suspected theft. Choose one of them."),
    )
    NEEDS_PROOF = "needs proof", N_("Proof is needed here: a file, or a link to one."), Next.GIVE_PROOF
    NOTHING_LOCKED = ("nothing locked", N_("This case locked nobody out, so there is nothing to undo."), Next.SHOW_CASE)
    TOO_LATE = (
        "too late",
        N_("A lock-out can be undone for {days} days, and they are over. Give access back in each system itself."),
    )
    SECOND_PERSON = (
        "second person",
        N_(
            "This needs a second person. It cannot be {by}, nor the person who leaves. "
            "Ask somebody with one of these roles: {roles}."
        ),
    )
    UNKNOWN_SYSTEM = "unknown system", N_("There is no system {system} with accounts here. Known are: {known}.")
    UNKNOWN_ACCOUNT = (
        "unknown account",
        N_("{account} is not exactly one account there, so nothing was linked. Give its exact log-in or address."),
    )
    IN_CASE = (
        "in case",
        N_(
            "{account} was locked for this case, so it cannot be denied. "
            "If it is not the leaver's, HR or security can undo the case."
        ),
    )
    LATER_CASE = (
        "later case",
        N_("A later case ({case}) has locked this person out again. Undo the later case instead."),
    )
    TOO_FAR = "too far", N_("A finding can be accepted for at most {days} days. Choose an earlier day.")
    LONG_STATEMENT = (
        "long statement",
        N_("This may be said for at most {days} days, and is then asked again. Choose an earlier day."),
    )
    NOT_CHECKED = (
        "not checked",
        N_("Slack does not say now who may do this ({why}). Nothing was done. Try again in a moment."),
    )
    CANNOT_DECIDE = (
        "cannot decide",
        N_(
            "{name} cannot decide: {why}. Only a full, active member of this workspace can. "
            "Ask HR to name another approver."
        ),
    )
    WHICH_APPROVER = "which approver", N_("Several people are asked ({known})."), Next.SAY_WHOSE
    BAD_DELEGATE = "bad delegate", N_("This person cannot stand in: {why}. Choose somebody else.")
    UNKNOWN_DELEGATION = "unknown delegation", N_("There is no such delegation any more."), Next.LIST_DELEGATIONS
    BAD_PERIOD = "bad period", N_("That period is over, or ends before it begins."), Next.CHOOSE_PERIOD
    NOTHING_MOVES = "nothing moves", N_("No clients of this case are being moved or paused."), Next.SHOW_CASE
    NOTHING_TO_TELL = "nothing to tell", N_("No system is set to introduce new contacts to clients.")
    ALREADY_HALTED = "already halted", N_("The moves were {what} by {by} already ({at})."), Next.NOTHING_CHANGED
    NEEDS_RETURN = "needs return", N_("Keeping access needs a day of return."), Next.CHOOSE_RETURN
    NOBODY_RETURNS = "nobody returns", N_("This case has no day of return, so there is nothing to answer or to move.")
    ALREADY_ANSWERED = "already answered", N_("{by} has answered this already ({at})."), Next.NOTHING_CHANGED
    STILL_MOVING = ("still moving", N_("Clients of this case are still being moved. Pause or stop the moves first."))
    NOTHING_TO_PUT_BACK = (
        "nothing to put back",
        N_("None of these records can be put back: others have them now, or they never moved. Look at the list again."),
    )
    NOTHING_WAITS = (
        "nothing waits",
        N_("No clients wait to be put back: they are going back already, or nobody asked."),
        Next.SHOW_CASE,
    )
    ALREADY_PUT_BACK = (
        "already put back",
        N_("These records are already put back, or are on their way."),
        Next.NOTHING_CHANGED,
    )
    NOTHING_HANDED_OVER = (
        "nothing handed over",
        N_("No clients of this case were handed over yet, so there is nothing to tell."),
    )
    UNKNOWN_CLIENT = (
        "unknown client",
        N_("No successor has such a client from this case. It may have gone back, or was never handed over."),
    )
    NOT_ENROLLED = "not enrolled", N_("This person has no one-time codes."), Next.ENROL
    ALREADY_ENROLLED = (
        "already enrolled",
        N_("{name} has one-time codes already. A reset needs a second person."),
        Next.RESET_CODES,
    )
    NEEDS_VOUCHER = (
        "needs voucher",
        N_("Others have one-time codes already. Ask one of them to give a code here, or enrol in Slack."),
    )
    WRONG_CODE = "wrong code", N_("This code is wrong, or its time is over. Nothing was done. Try the next one.")
    USED_CODE = "used code", N_("This code was used already. Nothing was done. Wait for the next one.")
    TOO_MANY_CODES = (
        "codes paused",
        N_("Too many wrong codes were given for this person. Nothing was done. No code counts until {at}."),
    )
    UNKNOWN_DUTY = "unknown duty", N_("There is no such duty in the lists of this case."), Next.LIST_DUTIES
    DUTY_CHANGED = (
        "duty changed",
        N_("{by} has decided on {duty} meanwhile ({at}). Nothing was done. Look at the list again."),
        Next.LIST_DUTIES,
    )
    CANNOT_TAKE = ("cannot take", N_("{successor} cannot take this over in {system}: {why}. Choose another colleague."))
    UNKNOWN_STAGE = ("unknown stage", N_("This case has no stage {stage}. Its stages: {known}."))
    STAGE_OVER = "stage over", N_("The stage {stage} is over ({state}), so nothing was changed."), Next.NOTHING_CHANGED
    STAGE_TOO_EARLY = ("too early", N_("The stage {stage} cannot come before the lock-out ({at}). Choose a later day."))
    STAGE_BEGUN = "stage begun", N_("The stage {stage} has begun already. Run it now, or skip what is left.")
    ALREADY_HELD = "already held", N_("{by} has set a legal hold already ({at})."), Next.NOTHING_CHANGED
    NOT_HELD = "not held", N_("There is no legal hold, so there is nothing to end."), Next.NOTHING_CHANGED
    EMPTY_PROPOSAL = (
        "empty proposal",
        N_(
            "Then no client would be left to decide on, so nothing was changed. "
            "Decline the proposal instead, with the reason."
        ),
    )

    def words(self, facts: Mapping[str, str]) -> str:
        """Return the sentence in the language of the moment; a fact that is not on record is said not to be."""
        return _(self.sentence).format_map(_Facts({name: value for name, value in facts.items() if value}))


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {
            "by": _("somebody"),
            "at": _("at a time not on record"),
            "approver": _("the approver named in the case"),
            "changed": _("see the newest version"),
            "why": _("not one now"),
            "roles": listed([_("security"), _("administrators")]),
        }.get(key, _("not known"))


class Refused(Exception):
    """Something may not be done. `facts` fill the sentence: `case`, `by`, `at` and the like."""

    def __init__(self, code: Code, **facts: str) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts: Mapping[str, str] = facts

    def __str__(self) -> str:
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.facts.items())])
