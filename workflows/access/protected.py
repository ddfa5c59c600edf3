"""Accounts that are never locked: those that policy protects, Handover's own, and a system's last administrator.

They fail closed: an account is not locked if the check is not possible. Locking the last administrator would shut
everybody out. Two last administrators who leave in the same second are decided one after the other. An administrator
who was cleared for the lock counts as gone from then on, even before the lock.
"""

import unicodedata
from collections.abc import Collection, Iterable, Sequence

from sqlmodel import col, select

from config.text import N_, _
from connectors.contract import Account, AccountId, Accounts, Administrators, Verdict
from connectors.errors import ConnectorError, Missing, Unavailable
from workflows.context import Context
from workflows.storage.case import UNWATCHED
from workflows.storage.rows.access import Clearance
from workflows.storage.rows.case import Case
from workflows.systems.registry import System

BY_POLICY = N_("PROTECTED by policy, so it was NOT locked: a person must decide")


class ProtectedAccounts:
    """Names in `policy.protected`: addresses, log-ins, account ids, or `system:log-in` for one system only."""

    def __init__(self, protected: Sequence[str]) -> None:
        self._protected = frozenset(_plain(name) for name in protected if name.strip())

    def is_protected(self, names: Iterable[str]) -> bool:
        """Return whether any of these names is protected in every system."""
        return any(_plain(name) in self._protected for name in names if name)

    def why_not(self, system: System, account: Account) -> str:
        """Return why an account from a lookup must not, or will not, be locked. Empty: it may be locked."""
        return self.protection_reason(system, *account.names) or account.protected

    def protection_reason(self, system: System, *names: str) -> str:
        """Return why an account with these names (id, log-in, address) must not be locked. Empty: it may be locked."""
        known = [_plain(name) for name in names if name]
        if any(name in self._protected or f"{system.name.casefold()}:{name}" in self._protected for name in known):
            return _(BY_POLICY)
        own = _plain(own_account(system))
        if own and own in known:
            return _("this is HANDOVER'S OWN account there, so it was NOT locked: a person must decide")
        return ""


def _plain(name: str) -> str:
    """Return a name in the form that is compared: without differences of composition, width and case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def remaining(members: Sequence[Account], account: AccountId, gone: Collection[str], own: str) -> list[Account]:
    """Return the members who can still log in once `account` is locked, except Handover's own account. Pure."""
    own_name = own.casefold()
    return [
        member
        for member in members
        if member.id != account
        and member.verdict is Verdict.OPEN
        and not member.unusable
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
        raise Unavailable(
            _("the administrators' group {group} shows nobody, which is not believed").format(group=group)
        )
    return members


def foresee(system: System, accounts: Collection[AccountId]) -> tuple[str, ...]:
    """Return, for a plan, the accounts that would not be locked at present. Writes nothing."""
    reasons = []
    try:
        found = {group: group_members(system, group) for one in accounts for group in _groups(system, one)}
        own = own_account(system) if found else ""
    except ConnectorError as error:
        return (_("whether this is the last administrator cannot be told: {error}").format(error=error),)
    for group, members in found.items():
        affected = [member for member in members if member.id in accounts and member.verdict is not Verdict.LOCKED]
        if affected and not remaining(members, affected[0].id, accounts, own):
            reasons.append(_last(affected[0], group))
    return tuple(dict.fromkeys(reasons))


def clear_or_refuse(context: Context, system: System, case_id: str, account: AccountId) -> str:
    """Return why this administrator must not be locked. Empty: it may be locked, and counts as gone from now on.

    Raises what the connector raises: no account is locked before the remaining administrators are known.
    """
    for group in _groups(system, account):
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
        if administrator and not _clear(context, system, case_id, administrator, members):
            return _last(administrator, group)
    return ""


def _clear(context: Context, system: System, case_id: str, account: Account, members: Sequence[Account]) -> bool:
    with context.store.write(f"clearance:{system.name}") as session:  # one after the other, across all processes
        cleared = session.exec(
            select(Clearance)
            .join(Case, col(Clearance.case_id) == col(Case.id))
            .where(Clearance.system == system.name, col(Case.state).not_in(UNWATCHED))
        )
        gone = {one.account_id for one in cleared if one.id == _clearance_id(context, one)}
        if not remaining(members, account.id, gone, own_account(system)):
            return False
        row = Clearance(id="", system=system.name, account_id=account.id, case_id=case_id, at=context.clock.now())
        row.id = _clearance_id(context, row)
        session.merge(row)
    return True


def _clearance_id(context: Context, row: Clearance) -> str:
    """Return a keyed hash: a row that another hand added clears nobody, and keeps no administrator open."""
    return context.vault.blind(f"clearance:{row.case_id}:{row.system}:{row.account_id}")[:32]


def _groups(system: System, account: AccountId) -> tuple[str, ...]:
    """Return the groups to check: those in the settings, and the system's own that the account may be in."""
    connector = system.having(Administrators)
    own = tuple(connector.full_power(account)) if connector else ()
    return tuple(dict.fromkeys((*system.administrators, *(name for name in own if name or not system.administrators))))


def own_account(system: System) -> str:
    """Return the name of Handover's own account there, or empty."""
    accounts = system.having(Accounts)
    return accounts.own_account() if accounts else ""


def _last(account: Account, group: str) -> str:
    return _(
        "{login} is the LAST ADMINISTRATOR who can log in ({group}), so it was NOT locked: "
        "make somebody else an administrator, then try again"
    ).format(login=account.login, group=group or _("as the system tells"))
