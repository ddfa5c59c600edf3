"""Matches of one person among the records that a SCIM server sends, and the reasons for which none is no proof."""

from collections.abc import Iterable

from config.text import _, ngettext
from connectors.contract import Person
from connectors.errors import Conflict, Forbidden, Missing, Unavailable
from connectors.identifiers import folded_all, key, resembles
from connectors.scim import wire
from connectors.scim.service import Service

MOST_MATCHES = 1000
"""Matches, and records that cannot be judged, of one person."""
NAMED = 5
"""Named records among those skipped; the rest is counted."""
READ_BY_ID = 50
"""Most records of a list that are read by id because the list does not show what is compared."""
STRANGERS = 5
"""Most records without a visible match that are read by id before a filter counts as ignored."""
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
