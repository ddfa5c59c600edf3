"""New messages about a lock-out: an edited message notifies nobody."""

from datetime import timedelta

import pytest

from tests.bot.workplace import Workplace, said
from tests.sandbox.slack import seed
from tests.sandbox.slack.records import Message
from workflows.people import Actor

NOT_LOCKED = "NOT LOCKED OUT"


def told(messages: list[Message], words: str) -> list[str]:
    return [said(one) for one in messages if words in one.text]


def test_a_lock_out_that_fails_at_night_is_told_at_once_to_all_who_wait(workplace: Workplace) -> None:
    at = workplace.office.clock.now() + timedelta(hours=3)
    workplace.open(effective_at=at)
    quiet = len(workplace.security.messages("security-alerts"))
    workplace.crm.down = True
    workplace.office.clock.at = at
    workplace.run()
    for where in (
        workplace.hr.messages("offboarding"),
        workplace.security.messages("security-alerts")[quiet:],
        workplace.hr.messages(),
    ):
        [message] = told(where, NOT_LOCKED)
        assert "unknown in" in message
        assert "Next automatic try" in message


def test_systems_that_fail_together_make_one_message_for_each_place(workplace: Workplace) -> None:
    workplace.crm.down = workplace.directory.down = True
    workplace.open()
    workplace.run()
    [message] = told(workplace.hr.messages("offboarding"), NOT_LOCKED)
    assert workplace.crm.name in message.lower()
    assert workplace.directory.name in message.lower()


def test_a_second_failure_of_the_same_system_is_no_news(workplace: Workplace) -> None:
    workplace.crm.down = True
    workplace.open()
    workplace.run()
    workplace.office.clock.at += timedelta(hours=1)
    workplace.run()
    assert len(told(workplace.hr.messages(), NOT_LOCKED)) == 1


def test_a_fault_of_the_program_is_told_too_and_only_once(workplace: Workplace) -> None:
    workplace.open()
    for _ in range(2):
        workplace.crm.fail("find", RuntimeError("planted"))
        with pytest.raises(RuntimeError, match="planted"):
            workplace.run()
    workplace.deliver()
    [message] = told(workplace.hr.messages("offboarding"), NOT_LOCKED)
    assert "unknown in" in message


def test_who_asked_hears_by_a_new_message_that_somebody_is_locked_out(workplace: Workplace) -> None:
    workplace.open()
    assert not workplace.hr.messages()
    workplace.run()
    [message] = told(workplace.hr.messages(), "is locked out of 2 of 2 systems")
    assert "✓ locked" not in message, "only what is not locked has a line"


def test_who_asked_hears_of_the_outcome_after_a_failure(workplace: Workplace) -> None:
    workplace.crm.down = True
    workplace.open()
    workplace.run()
    workplace.crm.down = False
    workplace.office.clock.at += timedelta(hours=1)
    workplace.run()
    assert len(told(workplace.hr.messages(), "is locked out of 2 of 2 systems")) >= 1
    ts = [one.ts for one in workplace.hr.messages()]
    assert len(ts) == len(set(ts)) >= 2


def test_the_outcome_of_a_case_from_the_terminal_goes_to_hr(workplace: Workplace) -> None:
    workplace.open(requested_by=Actor("cli:root", "root"))
    before = len(workplace.hr.messages("offboarding"))
    workplace.run()
    assert told(workplace.hr.messages("offboarding")[before:], "is locked out of 2 of 2 systems")


def test_security_is_warned_although_no_message_reaches_hr(workplace: Workplace) -> None:
    workplace.crm.down = True
    workplace.slack.workspace.channels[seed.OFFBOARDING].members.discard("U0HANDOVER")
    workplace.open()
    workplace.run()
    assert told(workplace.security.messages("security-alerts"), NOT_LOCKED)
