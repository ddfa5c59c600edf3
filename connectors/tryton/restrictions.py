"""Restrictions of our own user in Tryton: companies that it does not see, and record rules that hide records.

A context with other companies changes nothing: the server takes them from the user's own record (trytond-company 8.2,
`get_companies`; tried). So what is hidden cannot be read; that it is hidden can.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from config.text import _
from connectors.errors import ConnectorError, Forbidden
from connectors.tryton.owners import COMPANY, EMPLOYEE, PARTY, USER
from connectors.tryton.rpc import Rpc
from connectors.tryton.settings import TrytonSettings

RULES, RULE = "ir.rule.group", "ir.rule"
OPPORTUNITIES = "sale.opportunity"
_OWN = ["company_filter", "companies", "company", "groups", "administrator"]
_RULES = ["model", "name", "global_p", "default_p", "groups", "rules"]


class Restrictions:
    """Reads what our own user may not see."""

    def __init__(self, rpc: Rpc, login: str) -> None:
        self._rpc, self._login = rpc, login

    def of_book(self, models: Sequence[str]) -> list[str]:
        """Return what hides records of the book, as sentences."""
        return self._read([OPPORTUNITIES, COMPANY, PARTY, EMPLOYEE, *models], book=True)

    def of_users(self) -> list[str]:
        """Return what hides users, as sentences."""
        return self._read([USER], book=False)

    def of(self, models: Sequence[str]) -> list[str]:
        """Return what hides records of some models, as sentences."""
        return self._read(models, book=False)

    def _read(self, models: Sequence[str], *, book: bool) -> list[str]:
        try:
            [own] = self._rpc.read(f"{USER}.read", [self._rpc.user], _OWN)
            hidden = self._companies(own) if book else []
            return [*hidden, *self._rules(own, list(dict.fromkeys(models)))]
        except (Forbidden, ValueError, KeyError, TypeError) as error:
            text = _("cannot tell what {login} may not see: {error}")
            return [text.format(login=self._login, error=str(error) or type(error).__name__)]
        except ConnectorError as error:
            return [_("cannot tell now what {login} may not see: {error}").format(login=self._login, error=error)]

    def counts(self, models: Sequence[str]) -> dict[str, int]:
        """Return the number of records that we see of opportunities, parties and other models."""
        every = dict.fromkeys((OPPORTUNITIES, PARTY, *models))
        return {model: int(self._rpc.read(f"{model}.search_count", [])) for model in every}

    def _companies(self, own: Mapping[str, Any]) -> list[str]:
        """Return the companies whose opportunities stay hidden."""
        current = [own["company"]] if own["company"] else []
        seen = own["companies"] if own["company_filter"] == "all" else current
        every = self._rpc.read(f"{COMPANY}.search_read", [], 0, None, None, ["rec_name"])
        hidden = [row["rec_name"] for row in every if row["id"] not in seen]
        text = _(
            "{login} sees {seen} of {count} companies, and no opportunities of {hidden}. "
            "Set its Company Filter to All, and name every company in its Companies"
        )
        counts = {"seen": len(every) - len(hidden), "count": len(every)}
        return [text.format(login=self._login, hidden=", ".join(hidden), **counts)] if hidden else []

    def _rules(self, own: Mapping[str, Any], models: list[str]) -> list[str]:
        """Return the record rules that apply to our user, except those of companies."""
        wanted = [["model", "in", models], ["perm_read", "=", True]]
        groups = self._rpc.read(f"{RULES}.search_read", wanted, 0, None, None, _RULES)
        applying = [one for one in groups if one["rules"] and _applies(one, own)]
        numbers = [["id", "in", [rule for one in applying for rule in one["rules"]]]]
        rows = self._rpc.read(f"{RULE}.search_read", numbers, 0, None, None, ["domain"])
        domains = {row["id"]: row["domain"] for row in rows}
        of_group = {one["id"]: [domains.get(rule, "") for rule in one["rules"]] for one in applying}
        # One group of rules that is not global and shows everything outweighs the others (trytond 8.2, ir/rule.py).
        whole = {one["model"] for one in applying if not one["global_p"] and "[]" in of_group[one["id"]]}
        hiding = (one for one in applying if one["global_p"] or one["model"] not in whole)
        found = (one for one in hiding if not _by_company(of_group[one["id"]]))
        text = _("the record rule {rule} hides records of {model} from {login}; cannot tell which")
        return [text.format(rule=one["name"], model=one["model"], login=self._login) for one in found]


def _applies(rule: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Return whether a group of rules applies to a user: to an administrator, those of every group do."""
    return bool(
        rule["global_p"] or rule["default_p"] or own["administrator"] or set(rule["groups"]) & set(own["groups"])
    )


def _by_company(domains: Sequence[str]) -> bool:
    """Return whether rules show all records of the user's companies: then `company_filter` tells what is hidden."""
    seen = ["company", "in", {"__class__": "Eval", "v": "companies", "d": []}]
    return any(
        json.loads(domain or "0") in ([seen], seen, ["OR", seen, ["company", "=", None]], []) for domain in domains
    )


def fewer_records(settings: TrytonSettings, ours: Mapping[str, int], theirs: Mapping[str, int]) -> Sequence[str]:
    """Return, as sentences, what we do not see by the settings' figure and the second user's counts. Pure."""
    said, expected = list[str](), settings.opportunities_at_least or 0
    if ours[OPPORTUNITIES] < expected:
        text = _("{login} sees {found} opportunities, and opportunities_at_least says {expected}")
        said.append(text.format(login=settings.login, found=ours[OPPORTUNITIES], expected=expected))
    words = _("{them} sees {count} records of {model}, and {login} sees {found}")
    them, us = settings.compare_login, settings.login
    more = {model: count for model, count in theirs.items() if count > ours[model]}
    return (*said, *(words.format(them=them, count=n, model=m, login=us, found=ours[m]) for m, n in more.items()))
