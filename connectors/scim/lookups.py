"""Lookup of a person's accounts: by filters if the server supports them, else by reading the whole list.

Nothing found is proof of absence only if the lookup could have found the account. So an empty answer of filters is
compared with the whole list, or with filters for known and for made-up accounts. Everything else is a doubt.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

from config.text import _
from connectors.contract import Account, Lookup, Person
from connectors.errors import Conflict, Missing
from connectors.scim import filters, wire
from connectors.scim.faults import RequestRejected, WrongResource
from connectors.scim.matches import MatchCollector
from connectors.scim.service import USERS, Service

LIST_AT_MOST = 2_000
"""Most accounts of a list that is read because filters find nobody: 20 requests of the usual size."""


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
            nothing = _("no address and no log-in to look up")
            return Lookup((), nothing, (nothing,))
        matches, outside = MatchCollector(person, self._service), tuple[str, ...]()
        with self._service.api.lookup():
            how = self._sift(matches, terms, self._narrow)
            if not matches.users:
                self._service.seen()
                outside = self._outside(person, terms)
            accounts = tuple(self._account(*one) for one in matches.users.values())
        sought = ", ".join(dict.fromkeys((*person.emails, *person.logins)))
        how = _("{how} for {sought}{remarks}").format(how=how, sought=sought, remarks=matches.remarks())
        return Lookup(accounts, how, () if accounts else (*matches.doubts(), *outside))

    def _outside(self, person: Person, terms: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Return the accounts outside `user_filter` that match."""
        if not self._narrow:
            return ()
        matches = MatchCollector(person, self._service)
        self._sift(matches, terms, "")
        text = _("an account outside user_filter matches: {login}")
        return tuple(text.format(login=user.login or user.id) for user, _by in matches.users.values())

    def _account(self, user: wire.User, by: str) -> Account:
        """Return an account; values that a list leaves out (`active`, on some servers) are read by its id."""
        if user.shows_active:
            return wire.account(user, by)
        try:
            return wire.account(self._service.user(user.id), by)
        except (Missing, WrongResource):
            return wire.account(user, by)

    def _sift(self, matches: MatchCollector, terms: Mapping[str, Sequence[str]], narrow: str) -> str:
        if not self._service.features().filter:
            if narrow:
                raise Conflict(_("user_filter is set, and this server supports no filters"))
            return self._read_all(matches, narrow)
        if self._trust is None or not self._trust.sure:
            self._trust = filters.probe_filters(self._service)
        known = self._trust or filters.UNTRIED
        how = self._filter(matches, terms, known, narrow)
        if not how:
            return self._read_all(matches, narrow)
        if self._proven(matches, terms, known):
            return how
        self._list(matches, narrow)
        return _("{how}, and every account in /Users read,").format(how=how)

    def _filter(
        self, matches: MatchCollector, terms: Mapping[str, Sequence[str]], known: filters.FilterSupport, narrow: str
    ) -> str:
        """Look up by filters; return how, or nothing if the server does not support them."""
        asked = {
            name: [filters.equals(known.spelled[name], value) for value in values if known.spelled[name]]
            for name, values in terms.items()
        }
        if known.joined and self._asks(matches, filters.any_of(chain.from_iterable(asked.values())), narrow):
            return _("/Users by userName, emails and externalId")
        answered = {
            name
            for name, values in terms.items()
            if sum(self._asks(matches, query, narrow) for query in asked[name]) == len(values)
        }
        if not answered >= {"userName", "emails"}:
            return ""
        lacking = "" if "externalId" in answered else _(" (the server does not filter by externalId)")
        return _("/Users by {attributes}{lacking}").format(attributes=", ".join(sorted(answered)), lacking=lacking)

    def _proven(
        self, matches: MatchCollector, terms: Mapping[str, Sequence[str]], known: filters.FilterSupport
    ) -> bool:
        """Return whether the filters would have found what they did not find, tried on known accounts now.

        A list that is short enough is the better proof.
        """
        lost = [value for value in terms["userName"] if filters.special(value) and not matches.shows(value)]
        if not all(filters.proves(self._service, known, value) for value in lost):
            return False
        return bool(matches.users) or (
            self._service.seen() > LIST_AT_MOST and filters.probe_filters(self._service) == known
        )

    def _asks(self, matches: MatchCollector, query: str, narrow: str) -> bool:
        """Send the filters; return whether the server supports them."""
        try:
            return matches.filtered(self._service.pages(USERS, filters.narrowed(query, narrow)))
        except RequestRejected:
            return False

    def _read_all(self, matches: MatchCollector, narrow: str) -> str:
        self._list(matches, narrow)
        return _(
            "every account in /Users read, as the server does not filter by userName and emails whatever their case,"
        )

    def _list(self, matches: MatchCollector, narrow: str) -> None:
        self._service.api.lift_lookup()
        matches.listed(self._service.pages(USERS, narrow))
