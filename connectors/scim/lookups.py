"""Lookup of a person's accounts: by filters if the server supports them, else by reading the whole list."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from config.text import _
from connectors.contract import Account, Lookup, Person
from connectors.errors import Conflict, Missing, Unavailable
from connectors.scim import filters, wire
from connectors.scim.faults import RequestRejected, WrongResource
from connectors.scim.service import USERS, Service

MOST_MATCHES = 1000
"""Matches, and records that cannot be judged, of one person."""
NAMED = 5
"""Named records among those skipped; the rest is counted."""


class MatchCollector:
    """Collects matches from any number of answers, and counts records that cannot be judged."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.users: dict[str, tuple[wire.User, str]] = {}
        """Matching accounts, each with the attribute that matched."""
        self.unreadable: dict[str, wire.User] = {}

    def take(self, pages: Iterable[wire.Page], *, filtered: bool) -> None:
        """Collect the matches of one answer. `filtered`: a match with a hidden `userName` is believed."""
        doubtful, foreign = [], False
        for page in pages:
            for user in page.users:
                if by := wire.matched_by(user, self._person):
                    self._keep(user, by)
                elif user.login:
                    foreign = True  # the server ignores the filter, so its matches are not believed
                else:
                    doubtful.append(user)
            if max(len(self.users), len(self.unreadable) + len(doubtful)) > MOST_MATCHES:
                raise Unavailable(
                    _("more than {most} accounts match or cannot be judged; that is not believed").format(
                        most=MOST_MATCHES
                    )
                )
        for user in doubtful:
            if filtered and not foreign:
                self._keep(user, _("the server's own filter"))
            else:
                self.unreadable[user.id] = user

    def remarks(self) -> str:
        """Return which records could not be judged and were skipped."""
        left = [name or _("one without an id") for name in self.unreadable if name not in self.users]
        if not left:
            return ""
        more = _(" and {count} more").format(count=len(left) - NAMED) if len(left) > NAMED else ""
        return _("; skipped: no userName and no other match: {names}{more}").format(
            names=", ".join(left[:NAMED]), more=more
        )

    def _keep(self, user: wire.User, by: str) -> None:
        if not user.id:
            raise Conflict(
                _(
                    "an account that matches by {by} has no id on the server: an administrator has to look at it there"
                ).format(by=by)
            )
        self.users.setdefault(user.id, (user, by))


class Lookups:
    """Looks people up."""

    def __init__(self, service: Service, user_filter: str) -> None:
        self._service, self._narrow = service, user_filter
        self._trust: filters.FilterSupport | None = None

    def find(self, person: Person) -> Lookup:
        """Return every account with one of the person's addresses or log-ins.

        Empty only if other accounts are visible.
        """
        terms = filters.terms(person)
        if not terms["userName"]:
            return Lookup((), _("no address and no log-in to look up"))
        sieve = MatchCollector(person)
        with self._service.api.lookup():
            how = self._sift(sieve, terms)
            if not sieve.users and not self._service.sees():
                raise Unavailable(_("the server shows no account at all; that is not believed"))
            accounts = tuple(self._account(*one) for one in sieve.users.values())
        sought = ", ".join(dict.fromkeys((*person.emails, *person.logins)))
        return Lookup(
            accounts, _("{how} for {sought}{remarks}").format(how=how, sought=sought, remarks=sieve.remarks())
        )

    def _account(self, user: wire.User, by: str) -> Account:
        """Return an account; values that a list leaves out (`active`, on some servers) are read by its id."""
        if "active" in user.raw:
            return wire.account(user, by)
        try:
            return wire.account(self._service.user(user.id), by)
        except (Missing, WrongResource):
            return wire.account(user, by)

    def _sift(self, sieve: MatchCollector, terms: Mapping[str, Sequence[str]]) -> str:
        if not self._service.features().filter:
            if self._narrow:
                raise Conflict(_("user_filter is set, and this server supports no filters"))
            return self._read_all(sieve)
        if self._trust is None or not self._trust.sure:
            self._trust = filters.probe_filters(self._service)
        known = self._trust or filters.UNTRIED
        if not known.exact:  # the answer to a filter may be the whole list
            self._service.api.lift_lookup()
        asked = {
            name: [filters.equals(known.spelled[name], value) for value in values if known.spelled[name]]
            for name, values in terms.items()
        }
        if known.joined and self._asks(sieve, filters.any_of(chain.from_iterable(asked.values())), known.exact):
            return _("/Users by userName, emails and externalId")
        answered = {
            name
            for name, values in terms.items()
            if sum(self._asks(sieve, query, known.exact) for query in asked[name]) == len(values)
        }
        if not answered >= {"userName", "emails"}:
            return self._read_all(sieve)
        lacking = "" if "externalId" in answered else _(" (the server does not filter by externalId)")
        return _("/Users by {attributes}{lacking}").format(attributes=", ".join(sorted(answered)), lacking=lacking)

    def _asks(self, sieve: MatchCollector, query: str, exact: bool) -> bool:
        """Send the filters; return whether the server supports them."""
        try:
            sieve.take(self._service.pages(USERS, filters.narrowed(query, self._narrow)), filtered=exact)
        except RequestRejected:
            return False
        return True

    def _read_all(self, sieve: MatchCollector) -> str:
        self._service.api.lift_lookup()
        sieve.take(self._service.pages(USERS, self._narrow), filtered=False)
        return _(
            "every account in /Users read, as the server does not filter by userName and emails whatever their case,"
        )
