"""Duties of a user in a SCIM application: roles and entitlements that it has, and the users whose manager it is.

An entitlement that is a licence by the settings is no duty.

A manager stands in the enterprise extension (RFC 7643, 4.3). Few servers filter by it correctly, so the list is read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from config.text import _
from connectors.contract import AccountId, Duty, DutyId, DutyKind
from connectors.errors import Unavailable
from connectors.scim import wire
from connectors.scim.service import USERS, Service

WITNESSES = 20
"""Users that are read one by one if the list shows no manager of anybody: it may leave them out."""
HELD = {"roles": "role", "entitlements": "entitlement"}


class DutyLists:
    """Reads the user, and the list of all users up to a length."""

    def __init__(
        self, service: Service, most: int, is_licence: Callable[[object], bool] = lambda _entitlement: False
    ) -> None:
        self._service, self._most, self._is_licence = service, most, is_licence

    def of(self, account: AccountId) -> Iterator[Duty]:
        """Yield the user's duties. Raises `Missing` if there is no such user."""
        said = wire.attributes(self._service.user(account).raw)
        for name, what in HELD.items():
            held = said.get(name)
            found = held if isinstance(held, list) else [held]
            if name == "entitlements":
                found = [one for one in found if not self._is_licence(one)]
            for title in dict.fromkeys(titles(found)):
                yield Duty(DutyId(f"{what}:{title}"), DutyKind.OWNED, what, title)
        for user in self._users():
            if account == manager_of(user) and user.id:
                name = user.name or user.login or user.id
                number, active = DutyId(f"manager:{user.id}"), user.active is not False
                yield Duty(number, DutyKind.NAMED, "manager", name, user.login, stops=False, active=active)

    def unseen(self, account: AccountId) -> Sequence[str]:
        """Return, as sentences, why managers may not be seen."""
        self._service.user(account)
        if self._is_long():
            text = _("the list has more than {most} accounts, so it was not read for those who report to somebody")
            return (text.format(most=self._most),)
        listed = [user for user in self._users() if user.id]
        if any(map(manager_of, listed)):
            return ()
        tried = [*listed[: WITNESSES // 2], *listed[WITNESSES // 2 :][-WITNESSES // 2 :]]
        if any(manager_of(self._service.user(one.id)) for one in tried):
            return (_("the list leaves out managers, so nobody is seen to report to somebody"),)
        return ()  # nearly everybody has a manager where an application keeps them

    def _is_long(self) -> bool:
        return self._service.sees() > self._most

    def _users(self) -> Iterator[wire.User]:
        if self._is_long():
            return
        seen = 0
        for page in self._service.pages(USERS):
            seen += len(page.users)
            if seen > self._most:
                raise Unavailable(_("GET {kind}: the list does not end").format(kind=USERS))
            yield from page.users


def manager_of(user: wire.User) -> str:
    """Return the id of a user's manager, or nothing."""
    extension = wire.attributes(wire.attributes(user.raw).get(wire.ENTERPRISE))
    return next(wire.texts(extension.get("manager")), "")


def titles(value: object) -> Iterator[str]:
    """Yield the name of each role: what is displayed, else its value."""
    for one in value if isinstance(value, list) else [value]:
        shown = wire.attributes(one).get("display") if isinstance(one, Mapping) else None
        yield from [str(shown)] if isinstance(shown, str) and shown else wire.texts(one)
