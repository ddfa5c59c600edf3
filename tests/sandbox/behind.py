"""Changes without the bot in the demo: accounts that are opened again, a dead server, a dead bot."""

import sqlite3
import threading
from collections.abc import Callable

import ldap

from tests.sandbox.company.people import Employee
from tests.sandbox.company.tryton_rpc import Failed
from tests.sandbox.company.tryton_server import NotStarted
from tests.sandbox.practice import NotReady, Practice
from tests.sandbox.slack.panel import Action

FAULTS = (OSError, ldap.LDAPError, sqlite3.Error, Failed, NotStarted, NotReady)


def actions(practice: Practice, person: Employee, one_at_a_time: threading.Lock) -> list[Action]:
    """Return the buttons of a story about one person."""
    crm = practice.crm

    def act(do: Callable[[], str]) -> Callable[[], str]:
        def carefully() -> str:
            with one_at_a_time:
                try:
                    return do()
                except FAULTS as error:
                    return f"That did not work: {error or type(error).__name__}"

        return carefully

    def button(label: str, hint: str, do: Callable[[], str], shown: Callable[[], bool] = lambda: True) -> Action:
        return Action(label, hint, act(do), shown)

    return [
        button(
            f"Re-open {person.name}'s directory account",
            "As a hurried administrator would; nobody tells the bot.",
            lambda: _reopen_directory(practice, person),
        ),
        button(
            f"Re-open {person.name} in the CRM",
            "The account becomes active again; nobody tells the bot.",
            lambda: _reopen_crm(practice, person),
        ),
        button("Stop the CRM", "A day on which a server is dead.", lambda: _stop_crm(practice), lambda: crm.running),
        button("Start the CRM", "It comes back with its data.", lambda: _start_crm(practice), lambda: not crm.running),
        button(
            "Kill the bot (kill -9)",
            "In the middle of anything.",
            lambda: _kill_bot(practice),
            lambda: practice.bot_runs,
        ),
        button(
            "Start the bot", "It goes on where it was.", lambda: _start_bot(practice), lambda: not practice.bot_runs
        ),
    ]


def _reopen_directory(practice: Practice, person: Employee) -> str:
    try:
        practice.reopen(person)
    except ldap.NO_SUCH_ATTRIBUTE:
        return f"{person.name}'s directory account is open already: nothing was changed."
    return f"The lock is off {person.name}'s directory account, and the old password works. The bot has not been told."


def _reopen_crm(practice: Practice, person: Employee) -> str:
    if practice.crm.user_active(person.uid):
        return f"{person.name}'s account in the CRM is active already: nothing was changed."
    practice.crm.reopen(person.uid)
    return f"{person.name}'s account in the CRM is active again. The bot has not been told."


def _stop_crm(practice: Practice) -> str:
    practice.crm.stop()
    return "The CRM is stopped. Offboard somebody now, or press +1 day: the bot must say what it could not read."


def _start_crm(practice: Practice) -> str:
    practice.crm.start()
    return "The CRM is back, with the same data."


def _kill_bot(practice: Practice) -> str:
    if practice.bot_runs:
        practice.kill_bot()
    return "The bot was killed with kill -9. Slack cannot reach it until you start it again."


def _start_bot(practice: Practice) -> str:
    if not practice.bot_runs:
        practice.start_bot()
    return "The bot runs again, on the rows that it had written."
