"""What may not be done, as a code and its facts; bot and command line turn each code into a sentence."""

from collections.abc import Mapping
from enum import StrEnum


class Code(StrEnum):
    """Why something was refused."""

    PROTECTED = "protected"
    ONESELF = "oneself"
    OPEN_CASE = "open case"
    UNKNOWN_CASE = "unknown case"
    NOT_OPEN = "not open"
    STALE_PROPOSAL = "stale proposal"
    ALREADY_SETTLED = "already settled"
    NOT_APPROVER = "not approver"
    LEAVER_DECIDES = "leaver decides"
    ALREADY_DECIDED = "already decided"
    UNKNOWN_PROPOSAL = "unknown proposal"
    UNKNOWN_RECORD = "unknown record"
    UNKNOWN_SUCCESSOR = "unknown successor"
    NO_SUCCESSOR = "no successor"
    PAST_TIME = "past time"
    FAR_TIME = "far time"
    CLOSED_FINDING = "closed finding"
    UNKNOWN_FINDING = "unknown finding"
    UNKNOWN_SNAPSHOT = "unknown snapshot"
    NEEDS_REASON = "needs reason"
    NOTHING_CHANGED = "nothing changed"
    BAD_PERSON = "bad person"
    UNKNOWN_STEP = "unknown step"
    ALREADY_CONFIRMED = "already confirmed"
    NOT_CONFIRMED = "not confirmed"
    LEAVER_CONFIRMS = "leaver confirms"
    NEEDS_PROOF = "needs proof"
    NOTHING_LOCKED = "nothing locked"
    TOO_LATE = "too late"
    SECOND_PERSON = "second person"
    UNKNOWN_SYSTEM = "unknown system"
    UNKNOWN_ACCOUNT = "unknown account"
    LATER_CASE = "later case"
    TOO_FAR = "too far"
    NOT_CHECKED = "not checked"
    CANNOT_DECIDE = "cannot decide"
    WHICH_APPROVER = "which approver"
    BAD_DELEGATE = "bad delegate"
    UNKNOWN_DELEGATION = "unknown delegation"
    BAD_PERIOD = "bad period"
    NOTHING_MOVES = "nothing moves"
    ALREADY_HALTED = "already halted"
    NEEDS_RETURN = "needs return"
    NOBODY_RETURNS = "nobody returns"
    ALREADY_ANSWERED = "already answered"
    STILL_MOVING = "still moving"
    NOTHING_TO_PUT_BACK = "nothing to put back"
    ALREADY_PUT_BACK = "already put back"
    NOTHING_HANDED_OVER = "nothing handed over"
    EMPTY_PROPOSAL = "empty proposal"


class Refused(Exception):
    """Something may not be done. `facts` fill the sentence: `case`, `by`, `at` and the like."""

    def __init__(self, code: Code, **facts: str) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts: Mapping[str, str] = facts

    def __str__(self) -> str:
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.facts.items())])
