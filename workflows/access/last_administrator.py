"""Protection of a system's last administrator: locking the last one would shut everybody out.

Two last administrators who leave in the same second are decided one after the other. An administrator who was cleared
for the lock counts as gone from then on, even before the lock. An account is not locked if the check is not possible.
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
    """Return the members who can still log in once `account` is locked, except Handover's own account. Pure."""
    own_name = own.casefold()
    return [
        member
        for member in members
        if member.id != account
        and member.verdict is Verdict.OPEN
        and member.id not in gone
        and not (own_name and own_name in (member.id.casefold(), member.login.casefold(), member.email.casefold()))
    ]


def group_members(system: System, group: str, *, believing_nobody: bool = False) -> Sequence[Account]:
    """Return the members of a group. Raises `Missing`, and `Unavailable` if a named group shows no members."""
    connector = system.having(Administrators)
    if connector is None:
        raise Missing(_("this kind of system cannot list a group"))
    members = connector.administrators(group)
    if group and not members and not believing_nobody:
        problem = _("the administrators' group {group} shows nobody, which is not believed")
        raise Unavailable(problem.format(group=group))
    return members


def foresee(system: System, accounts: Collection[AccountId]) -> tuple[str, ...]:
    """Return, for a plan, the accounts that would not be locked at present. Writes nothing."""
    reasons = []
    for group in _groups(system):
        try:
            members, own = group_members(system, group), _own(system)
        except ConnectorError as error:
            return (_("whether this is the last administrator cannot be told: {error}").format(error=error),)
        affected = [member for member in members if member.id in accounts and member.verdict is not Verdict.LOCKED]
        if affected and not remaining(members, affected[0].id, accounts, own):
            reasons.append(_last(affected[0], group))
    return tuple(reasons)


class LastAdministratorCheck:
    """Clears administrators for their lock-out, one at a time."""

    def __init__(self, context: Context) -> None:
        self._store, self._clock = context.store, context.clock

    def clear_or_refuse(self, system: System, case_id: str, account: AccountId) -> str:
        """Return why this account must not be locked there. Empty: it may be locked, and counts as gone from now on.

        Raises what the connector raises: no account is locked before the remaining administrators are known.
        """
        for group in _groups(system):
            try:
                members = group_members(system, group)
            except Missing as error:
                return _(
                    "whether this is the LAST ADMINISTRATOR cannot be told, so it was NOT locked: {error}. "
                    "Correct `administrators` in [systems.{system}], then try again"
                ).format(error=error, system=system.name)
            administrator = next(
                (member for member in members if member.id == account and member.verdict is not Verdict.LOCKED), None
            )
            if administrator and not self._clear(system, case_id, administrator, members):
                return _last(administrator, group)
        return ""

    def _clear(self, system: System, case_id: str, administrator: Account, members: Sequence[Account]) -> bool:
        with self._store.write(f"clearance:{system.name}") as session:  # one after the other, across all processes
            if not remaining(members, administrator.id, _gone(session, system.name), _own(system)):
                return False
            session.merge(
                Clearance(
                    id=f"{system.name}:{administrator.id}",
                    system=system.name,
                    account_id=administrator.id,
                    case_id=case_id,
                    at=self._clock.now(),
                )
            )
        return True


def _groups(system: System) -> tuple[str, ...]:
    """Return the groups to check: those in the settings, or else the system's own."""
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
