"""Duties of a member in BottleCRM: rules and webhooks that act for them, forms and keys that give them leads, teams.

A rule and a webhook act with the rights of whoever switched them on, and are paused with that person's account
(BottleCRM 1.35.0, `automation/ownership.py`, `webhooks/ownership.py`).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from config.text import _
from connectors.bottlecrm import wire
from connectors.bottlecrm.rest import PAGE, Rest, read_pages
from connectors.bottlecrm.wire import Json, Member, Page, Unreadable
from connectors.contract import AccountId, Duty, DutyId, DutyKind
from connectors.errors import Forbidden

RULES, HOOKS, FORMS, SETTINGS, TEAMS = "automation/rules", "webhooks", "webforms", "api-settings", "teams"
SIGNED_IN = (RULES, HOOKS, SETTINGS)
"""Lists that no personal token may read."""
FORM_FIELDS = ("assign_to", "rotation_members", "notify_profiles")
"""Fields of a form that name members: by id, or by ids."""


class DutyLists:
    """Reads the five lists that name members. Each may be refused alone; `unseen` then says so."""

    def __init__(self, rest: Rest, session: Callable[[Callable[[Mapping[str, str]], Json]], Json] | None) -> None:
        """`session`: sends a request in a signed-in session; None if there is none."""
        self._rest, self._session = rest, session

    def of(self, account: AccountId) -> Iterator[Duty]:
        """Yield the member's duties. Raises `Missing` if there is no such member."""
        who = self._rest.member(account)
        for read in self._lists.values():
            try:
                yield from read(who)
            except Forbidden:  # `unseen` says which one
                continue

    def unseen(self, account: AccountId) -> Iterator[str]:
        """Yield, as sentences, the lists that are refused, or whose module is switched off."""
        self._rest.member(account)
        for path in self._lists:
            try:
                self._get(path, {"limit": "1"})
            except Forbidden as error:
                yield _("{path} cannot be read: {error}").format(path=path, error=error)

    @property
    def _lists(self) -> Mapping[str, Callable[[Member], Iterator[Duty]]]:
        return {
            RULES: self._rules,
            HOOKS: self._hooks,
            FORMS: self._forms,
            SETTINGS: self._settings,
            TEAMS: self._teams,
        }

    def _rules(self, who: Member) -> Iterator[Duty]:
        for row in _rows(self._get(RULES), "results"):
            title, active = str(wire.at(row, ("name",))), wire.at(row, ("is_active",)) is True
            place, owner = str(row.get("object_key", "")), wire.at(row, ("owner",))
            if owner and wire.identity(owner) == who.id:
                number = DutyId(f"rule:{wire.identity(row)}")
                yield Duty(number, DutyKind.RUNS, "automation rule", title, place, stops=True, active=active)
            if who.id in json.dumps(wire.at(row, ("actions",))):
                number = DutyId(f"action:{wire.identity(row)}")
                yield Duty(number, DutyKind.ROUTES, "automation action", title, place, stops=True, active=active)

    def _hooks(self, who: Member) -> Iterator[Duty]:
        for row in _rows(self._get(HOOKS), "endpoints"):
            maker = wire.at(row, ("created_by",))
            if maker and wire.identity(maker) == who.user:
                url, active = str(wire.at(row, ("url",))), wire.at(row, ("is_active",)) is True
                title, number = str(row.get("description") or url), DutyId(f"webhook:{wire.identity(row)}")
                yield Duty(number, DutyKind.RUNS, "webhook", title, url, stops=True, active=active)

    def _forms(self, who: Member) -> Iterator[Duty]:
        for one in self._pages(FORMS, "results", "count"):
            row = self._get(f"{FORMS}/{wire.identity(one)}")
            for field in FORM_FIELDS:
                named = wire.at(row, (field,))
                if who.id in (named if isinstance(named, list) else [named]):
                    number, title = DutyId(f"{field}:{wire.identity(row)}"), str(wire.at(row, ("name",)))
                    place, active = str(row.get("target", "")), wire.at(row, ("is_published",)) is True
                    yield Duty(number, DutyKind.ROUTES, f"web form:{field}", title, place, stops=True, active=active)

    def _settings(self, who: Member) -> Iterator[Duty]:
        for row in _rows(self._get(SETTINGS), "api_settings"):
            if who.id in map(wire.identity, wire.at(row, ("lead_assigned_to",))):
                number, title = DutyId(f"setting:{wire.identity(row)}"), str(wire.at(row, ("title",)))
                yield Duty(number, DutyKind.ROUTES, "lead setting", title, str(row.get("website") or ""))

    def _teams(self, who: Member) -> Iterator[Duty]:
        for row in self._pages(TEAMS, "teams", "teams_count", {"assigned_users": who.id}):
            if who.id in map(wire.identity, wire.at(row, ("users",))):
                number, title = DutyId(f"team:{wire.identity(row)}"), str(wire.at(row, ("name",)))
                yield Duty(number, DutyKind.NAMED, "team", title, stops=False)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        address = f"/api/{path}/"
        if path not in SIGNED_IN:
            return self._rest.get(address, query)
        if self._session is None:
            raise Forbidden(_("BottleCRM shows this to no personal token: set session_file"))
        return self._session(lambda proof: self._rest.get(address, query, proof))

    def _pages(self, path: str, rows: str, count: str, query: Mapping[str, str] | None = None) -> Iterator[Json]:
        asked = {"limit": str(PAGE), **(query or {})}

        def read(offset: int) -> Page:
            return wire.page(self._get(path, asked | {"offset": str(offset)}), (((rows,), (count,)),))

        return read_pages(read, path)


def _rows(answer: Json, name: str) -> Sequence[Json]:
    found = wire.at(answer, (name,))
    if not isinstance(found, list):
        raise Unreadable(_("the answer has no list {place}").format(place=name))
    return found
