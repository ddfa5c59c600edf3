"""Other accounts of the same person: administrator's and guest's names, addresses with a `+`, and shared numbers.

The whole list is compared, so no match means that there is none that could be seen. A list that is too long to be read
for one person is an error, and no empty answer: audits read it for all leavers at once.
"""

from collections.abc import Iterable, Sequence

from config.identifiers import relatives
from config.text import _
from connectors.contract import Account, Person
from connectors.errors import Conflict
from connectors.identifiers import key
from connectors.scim import wire
from connectors.scim.matches import READ_BY_ID
from connectors.scim.service import USERS, Service


def find_related(service: Service, person: Person, most: int) -> Sequence[Account]:
    """Return the accounts of the list that share a name or number with the person or with an account that matches.

    Accounts that match are left out. Raises `Conflict` if the list has more than `most` accounts, or hides addresses.
    """
    users = _everyone(service, most)
    mine = [user for user in users if wire.matched_by(user, person)]
    names = {key(name) for name in (*person.emails, *person.logins) if name.strip()}
    names |= {key(name) for user in mine for name in (user.login, *user.emails) if name}
    numbers = {person.employee_number, *(number for user in mine for number in (user.employee_number, user.external))}
    numbers.discard("")
    wanted, plus = names | set(map(key, relatives(sorted(names)))), set(_bases(names))
    others = (user for user in users if user not in mine)
    return [wire.account(user, "") for user in others if _shares(user, wanted, plus, numbers)]


def _everyone(service: Service, most: int) -> list[wire.User]:
    too_long = _("the list has more than {most} accounts, so it was not read for other accounts of one person")
    users: list[wire.User] = []
    if service.sees() <= most:
        for page in service.pages(USERS):
            users += page.users
            if len(users) > most:
                break
    if not 0 < len(users) <= most:
        raise Conflict(too_long.format(most=most))
    unseen = [user for user in users if user.id and (user.bare or not user.login)]
    whole = {user.id: service.user(user.id) for user in unseen[:READ_BY_ID]}
    hides = any(not user.bare for user in whole.values()) and len(unseen) > READ_BY_ID
    if hides or any(not user.login for user in (*whole.values(), *(one for one in users if not one.id))):
        raise Conflict(_("the list hides log-ins or addresses, so other accounts of one person may be missing"))
    return [whole.get(user.id, user) for user in users]


def _shares(user: wire.User, wanted: set[str], plus: set[tuple[str, str]], numbers: set[str]) -> bool:
    shown = [key(name) for name in (user.login, user.external, *user.emails) if name]
    same_number = bool(numbers & {user.employee_number, user.external, user.login})
    return same_number or bool(wanted & set(shown)) or bool(plus & set(_bases(shown)))


def _bases(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the addresses without what stands behind a `+`."""
    parts = [name.partition("@") for name in names if "@" in name]
    return [(user.partition("+")[0], domain) for user, _at, domain in parts]
