"""The last administrator of a system is never locked: without one, nobody could let anybody in again.

Two last administrators who leave in the same second are decided one after the other: whoever is cleared for the lock
counts as gone for everybody after, whether the lock has been carried out yet or not. What cannot be told is no leave.
"""

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, select

from config.text import _
from connectors.contract import Account, AccountId, Accounts, Administrators, Verdict
from connectors.errors import ConnectorError, Missing, Unavailable
from workflows.context import Context
from workflows.storage.case import UNWATCHED
from workflows.storage.rows.access import Clearance
from workflows.storage.rows.case import Case
from workflows.systems.registry import System


def remaining(members: Sequence[Account], account: AccountId, gone: Collection[str], own: str) -> list[Account]:
    """Return who can still let people in once `account` is locked; Handover's own account is no person. Pure."""
    known = own.casefold()
    return [
        one
        for one in members
        if one.id != account
        and one.verdict is Verdict.OPEN
        and one.id not in gone
        and not (known and known in (one.id.casefold(), one.login.casefold(), one.email.casefold()))
    ]


def group_members(system: System, group: str, *, believing_nobody: bool = False) -> Sequence[Account]:
    """Return who is in a group. Raises `Missing`, and `Unavailable` where a named one shows nobody."""
    knows = system.having(Administrators)
    if knows is None:
        raise Missing(_("this kind of system cannot list a group"))
    members = knows.administrators(group)
    if group and not members and not believing_nobody:
        said = _("the administrators' group {group} shows nobody, which is not believed")
        raise Unavailable(said.format(group=group))
    return members


def foresee(system: System, accounts: Collection[AccountId]) -> tuple[str, ...]:
    """Return, for a plan, what would be left alone as the system is now; nothing is written."""
    said = []
    for group in _groups(system):
        try:
            members, own = group_members(system, group), _own(system)
        except ConnectorError as error:
            return (_("whether this is the last administrator cannot be told: {error}").format(error=error),)
        mine = [one for one in members if one.id in accounts and one.verdict is not Verdict.LOCKED]
        if mine and not remaining(members, mine[0].id, accounts, own):
            said.append(_last(mine[0], group))
    return tuple(said)


class LastAdministratorCheck:
    """Clears administrators for their lock-out, one at a time."""

    def __init__(self, context: Context) -> None:
        self._store, self._clock = context.store, context.clock

    def clear_or_refuse(self, system: System, case_id: str, account: AccountId) -> str:
        """Return why this account must not be locked there; empty: it may, and counts as gone from now on.

        Raises what the connector raises: nobody is locked before it is known who remains.
        """
        for group in _groups(system):
            try:
                members = group_members(system, group)
            except Missing as error:
                return _(
                    "whether this is the LAST ADMINISTRATOR cannot be told, so it was NOT locked: {error}. "
                    "Correct `administrators` in [systems.{system}], then try again"
                ).format(error=error, system=system.name)
            mine = next((one for one in members if one.id == account and one.verdict is not Verdict.LOCKED), None)
            if mine and not self._clear(system, case_id, mine, members):
                return _last(mine, group)
        return ""

    def _clear(self, system: System, case_id: str, mine: Account, members: Sequence[Account]) -> bool:
        with self._store.write(f"clearance:{system.name}") as session:  # one after the other, in every process
            if not remaining(members, mine.id, _gone(session, system.name), _own(system)):
                return False
            session.merge(
                Clearance(
                    id=f"{system.name}:{mine.id}",
                    system=system.name,
                    account_id=mine.id,
                    case_id=case_id,
                    at=self._clock.now(),
                )
            )
        return True


def _groups(system: System) -> tuple[str, ...]:
    """Return the groups to look at: those that the settings name, else the one that the system tells of."""
    return system.administrators or (("",) if system.has(Administrators) else ())


def _gone(session: Session, system: str) -> set[str]:
    query = (
        select(Clearance.account_id)
        .join(Case, col(Clearance.case_id) == col(Case.id))
        .where(Clearance.system == system, col(Case.state).not_in(UNWATCHED))
    )
    return set(session.exec(query))


def _own(system: System) -> str:
    accounts = system.having(Accounts)
    return accounts.own_account() if accounts else ""


def _last(account: Account, group: str) -> str:
    return _(
        "{login} is the LAST ADMINISTRATOR who can log in ({group}), so it was NOT locked: "
        "make somebody else an administrator, then try again"
    ).format(login=account.login, group=group or _("as the system tells"))
