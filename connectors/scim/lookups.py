"""Lookup of a person's accounts: by filters if the server supports them, else by reading the whole list.

Nothing found is proof of absence only if the lookup could have found the account. So an empty answer of filters is
compared with the whole list, or with filters for known and for made-up accounts. Everything else is a doubt.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from config.text import _, ngettext
from connectors.contract import Account, Lookup, Person
from connectors.errors import Conflict, Forbidden, Missing, Unavailable
from connectors.identifiers import folded_all, key, resembles
from connectors.scim import filters, wire
from connectors.scim.faults import RequestRejected, WrongResource
from connectors.scim.service import USERS, Service

MOST_MATCHES = 1000
"""Matches, and records that cannot be judged, of one person."""
NAMED = 5
"""Named records among those skipped; the rest is counted."""
READ_BY_ID = 50
"""Most records of a list that are read by id because the list does not show what is compared."""
STRANGERS = 5
"""Most records without a visible match that are read by id before a filter counts as ignored."""
LIST_AT_MOST = 2_000
"""Most accounts of a list that is read because filters find nobody: 20 requests of the usual size."""
CONTROLS = 2
"""Fewest accounts in a list that prove a lookup: one of them is not the person's."""


class MatchCollector:
    """Collects matches from any number of answers, and whatever keeps an empty result from being a proof."""

    def __init__(self, person: Person, service: Service) -> None:
        self._person, self._service = person, service
        self._folded = folded_all((*person.emails, *person.logins))
        self.users: dict[str, tuple[wire.User, str]] = {}
        """Matching accounts, each with the attribute that matched."""
        self._unjudged: dict[str, wire.User] = {}
        """Records that do not show what is compared."""
        self._bare: dict[str, wire.User] = {}
        """Records with a log-in and without addresses, the first few."""
        self._bare_count, self._judged = 0, 0
        self._doubts: dict[str, None] = {}

    def filtered(self, pages: Iterable[wire.Page]) -> bool:
        """Collect the matches of a filter; return whether the server applied it.

        A record that does not show the match is read by id first.
        """
        strangers: list[wire.User] = []
        for page in pages:
            strangers += [user for user in page.users if not self._match(user)]
            self._bound()
            if len(strangers) > STRANGERS:
                return False
        whole = [self._whole(user) for user in strangers]
        left = [user for user in whole if not self._match(user)]
        for user in left:
            if user.login and not self._resembles(user) and user.bare:
                text = _("the server's own filter names {login}, and the account's record does not show why")
                self._doubts[text.format(login=user.login)] = None
        if any(user.login for user in left):
            return False
        for user in left:
            self._keep(user, _("the server's own filter"))
        return True

    def listed(self, pages: Iterable[wire.Page]) -> None:
        """Collect the matches of the whole list."""
        self._judged = 0
        for page in pages:
            for user in page.users:
                if self._match(user):
                    self._judged += 1
                elif not user.readable or not user.id:
                    self._unjudged[user.id] = user
                else:
                    self._judged += 1
                    self._bare_count += user.bare
                    if user.bare and len(self._bare) < READ_BY_ID:
                        self._bare[user.id] = user
            self._bound()
        if not self.users:
            self._read_hidden()
        if self._judged < CONTROLS:
            text = ngettext(
                "the server shows {count} account that can be read, and none beside it to try the lookup on",
                "the server shows {count} accounts that can be read, and none to try the lookup on",
                self._judged,
            )
            self._doubts[text.format(count=self._judged)] = None

    def shows(self, value: str) -> bool:
        """Return whether a match shows this address or log-in."""
        found = (user for user, _by in self.users.values())
        return any(key(value) in map(key, (one.login, one.external, *one.emails)) for one in found)

    def doubts(self) -> tuple[str, ...]:
        """Return why no match is no proof."""
        if left := self._left():
            text = _("records that show no log-in or no readable address: {names}")
            return (*self._doubts, text.format(names=left))
        return tuple(self._doubts)

    def remarks(self) -> str:
        """Return which records could not be judged and were skipped."""
        left = self._left()
        return _("; skipped: no userName and no other match: {names}").format(names=left) if left else ""

    def _left(self) -> str:
        left = [name or _("one without an id") for name in self._unjudged if name not in self.users]
        more = _(" and {count} more").format(count=len(left) - NAMED) if len(left) > NAMED else ""
        return ", ".join(left[:NAMED]) + more

    def _bound(self) -> None:
        if max(len(self.users), len(self._unjudged)) > MOST_MATCHES:
            text = _("more than {most} accounts match or cannot be judged; that is not believed")
            raise Unavailable(text.format(most=MOST_MATCHES))

    def _read_hidden(self) -> None:
        """Read by id what the list may leave out."""
        for user in list(self._unjudged.values())[:READ_BY_ID]:
            whole = self._whole(user)
            if self._match(whole) or (whole.readable and whole.id):
                del self._unjudged[user.id]
                self._judged += 1
        hidden = [whole for user in self._bare.values() if not (whole := self._whole(user)).bare]
        found = [self._match(whole) for whole in hidden]
        if hidden and self._bare_count > len(self._bare) and not any(found):
            text = _("the list leaves out addresses, and not every account was read by its id")
            self._doubts[text] = None

    def _match(self, user: wire.User) -> bool:
        """Keep a match, and note an account that only resembles the person."""
        if by := wire.matched_by(user, self._person):
            self._keep(user, by)
        elif self._resembles(user):
            text = _("the account {login} differs only in letters that are alike; a person must judge it")
            self._doubts[text.format(login=user.login or user.id)] = None
        return bool(by)

    def _resembles(self, user: wire.User) -> bool:
        return resembles((user.login, user.external, *user.emails), self._folded)

    def _whole(self, user: wire.User) -> wire.User:
        """Read a record by its id; the record itself if that is not possible."""
        try:
            return self._service.user(user.id)
        except (Missing, Conflict, Forbidden, Unavailable):
            return user

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
