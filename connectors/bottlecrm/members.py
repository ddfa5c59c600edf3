"""Members of an organization: lookup, bulk reads and locks.

A member's profile owns records, and a lock makes it inactive. The address of the lock takes the user's id.
"""

from collections.abc import Iterator, Mapping, Sequence

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.rest import PAGE, Rest, read_pages
from connectors.bottlecrm.wire import Json, Member, Page
from connectors.contract import AccountId, BeforeImage, Change, Locked, Login, Lookup, Observation, Person
from connectors.errors import Conflict, Missing, OutcomeUnknown, Unavailable

PATH = "/api/users/"
FEW = 3
"""Members that are looked up by their addresses; a larger number is read from the whole list."""


class OrganizationMembers:
    """`/api/users/` by profile id. It has no lookup by id, so known addresses narrow the search."""

    def __init__(self, rest: Rest, login: str) -> None:
        self._rest, self._login = rest, login
        self._addresses: dict[AccountId, str] = {}

    def members(self, accounts: Sequence[AccountId]) -> dict[AccountId, Member]:
        """Read members; missing ones are not in the answer."""
        wanted = set(accounts)
        found: dict[AccountId, Member] = {}
        if len(wanted) <= FEW:
            for known in wanted & self._addresses.keys():
                found |= {one.id: one for one in self._list(self._addresses[known]) if one.id in wanted}
        if wanted - found.keys():
            found |= {one.id: one for one in self._list() if one.id in wanted}
        return found

    def member(self, account: AccountId) -> Member:
        """Read one member. Raises `Missing`."""
        found = self.members([account]).get(account)
        if found is None:
            raise Missing(_("BottleCRM has no member {account}").format(account=account))
        return found

    def find(self, person: Person) -> Lookup:
        """Look a person up by their addresses and log-ins: in BottleCRM the address is the log-in."""
        texts = dict.fromkeys(text for text in (*person.emails, *person.logins) if text)
        if not texts:
            return Lookup((), _("the organization's members: no address and no log-in to look up"))
        found = {one.id: one for text in texts for one in self._list(text) if wire.matched(person, one)}
        how = _("the organization's members by email: {sought}").format(sought=", ".join(texts))
        return Lookup(tuple(map(wire.account, found.values())), how)

    def observe(self, accounts: Sequence[AccountId]) -> Mapping[AccountId, Observation]:
        """Read many members in few calls."""
        found = self.members(accounts) if accounts else {}
        return {account: wire.observation(found.get(account)) for account in accounts}

    def lock(self, before: BeforeImage) -> Locked:
        """Make the member inactive; their log-ins and tokens are refused from that moment on."""
        found = self.member(before.account)
        if not found.active:
            return Locked(Change.ALREADY, Login.NOT_TRIED, _("was inactive already"))
        if before.state.get("active") != "true":
            raise Conflict(_("{email} was inactive when the plan was made and is active now").format(email=found.email))
        if found.email.casefold() == self._login.casefold():
            raise Conflict(_("this is the user that Handover itself signs in as"))
        self._set(found, "Inactive")
        return Locked(Change.MADE, Login.NOT_TRIED, _("made inactive: log-ins, sessions and tokens are refused"))

    def unlock(self, before: BeforeImage) -> Change:
        """Make the member active again, if they were active before."""
        found = self.member(before.account)
        if before.state.get("active") != "true" or found.active:
            return Change.ALREADY
        self._set(found, "Active")
        return Change.MADE

    def _set(self, found: Member, status: str) -> None:
        self._rest.write("POST", f"/api/user/{found.user}/status/", {"status": status})
        try:
            now = self.member(found.id)
        except Unavailable as error:
            raise OutcomeUnknown(
                _("{email} was made {status} and cannot be read back: {error}").format(
                    email=found.email, status=status.lower(), error=error
                )
            ) from error
        if now.active is not (status == "Active"):
            raise Conflict(
                _("BottleCRM accepted the change and {email} is not {status}").format(
                    email=found.email, status=status.lower()
                )
            )

    def _list(self, email: str = "") -> Iterator[Member]:
        query = {"limit": str(PAGE)} | ({"email": email} if email else {})

        def read(offset: int) -> Page:
            answer: Json = self._rest.get(PATH, query | {"offset": str(offset)})
            return wire.page(answer, wire.USERS)

        for row in read_pages(read, _("the list of members")):
            found = wire.member(row)
            self._addresses[found.id] = found.email
            yield found
