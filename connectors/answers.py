"""Checks of the answers of connectors from other packages, at the boundary.

An answer is checked against the types that the contract's methods declare, and against the question. One that does not
fit is no answer: a read raises `Unavailable`, and a write `OutcomeUnknown`, so that workflows read the state back. So
does any error beside those of `connectors.errors`. Of `observe`, one bad record is unknown, and the others count.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import copy_context
from functools import cache, partial, wraps
from inspect import signature
from threading import Thread
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from config.text import _
from connectors.connections import ConnectionPool
from connectors.contract import CAPABILITIES, Connector, DutyAct, Introduction, MoveOutcome, Observation, Verdict
from connectors.errors import BadCredential, ConnectorError, Forbidden, OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)
WRITES = frozenset({"lock", "unlock", "end", "revoke", "remove", "restore", "move"}) | {
    "give",
    "stop",
    "put_back",
    "reclaim",
    "give_licence",
    "deactivate",
    "reactivate",
    "introduce",
}
"""Methods after whose fault the outcome is unknown."""
TAKES = frozenset({"use_rate_limiter", "use_lock_history", "use_recorder"})
"""Methods that take objects of the program itself."""
MOST = 5_000_000
"""Items of one stream."""


DEADLINE = 600
"""Seconds of one call. A stream has no deadline, since its reader may take its time."""
MOST_HUNG = 20


class MalformedAnswer(Exception):
    """An answer that does not fit the contract or the question. The message names the fault, and quotes nothing."""


class BrokenRead(Unavailable):
    """A read broke the contract. Within a write it says nothing of what happened, so the outcome is unknown then."""


def checked(connector: type[Connector], package: str) -> type[Connector]:
    """Return a subclass whose answers are checked. It keeps the header, so its capabilities stay the same."""
    in_time = partial(_in_time, set(), package)
    methods = {
        name: _checked(getattr(connector, name), getattr(protocol, name), package, in_time)
        for protocol in (Connector, *(one for one in CAPABILITIES if one in connector.__mro__))
        for name, value in vars(protocol).items()
        if not name.startswith("_") and callable(value) and name not in TAKES
    }
    return type(connector.__name__, (connector,), {**methods, "__module__": connector.__module__})


def _in_time(hung: set[Thread], package: str, act: Callable[[], Any]) -> Any:
    """Return what a call returns. Raises `BrokenRead` after `DEADLINE` seconds.

    No thread can be ended. So after `MOST_HUNG` calls that did not return, the connector is asked no more.
    """
    hung -= {thread for thread in tuple(hung) if not thread.is_alive()}
    if len(hung) >= MOST_HUNG:
        raise BrokenRead(_("earlier calls of {package} have not returned").format(package=package))
    results: list[tuple[Any, BaseException | None]] = []

    def run() -> None:
        try:
            results.append((act(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            results.append((None, error))

    thread = Thread(target=copy_context().run, args=(run,), name=package, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if not results:
        hung.add(thread)
        raise BrokenRead(_("{package} gave no answer within {seconds} s").format(package=package, seconds=DEADLINE))
    [(answer, error)] = results
    if error is not None:
        raise error
    return answer


def _checked(
    method: Callable[..., Any], declared: Callable[..., Any], package: str, in_time: Callable[[Callable[[], Any]], Any]
) -> Callable[..., Any]:
    """Return the method with a check of its answer against its declaration in the contract."""
    name, hint = declared.__name__, get_type_hints(declared)["return"]
    arguments_of = signature(declared)

    @wraps(method)
    def ask(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked = dict(arguments_of.bind(self, *args, **kwargs).arguments)
        try:
            if name == "observe":
                return _observe(lambda ids: in_time(lambda: method(self, ids)), list(asked["accounts"]))
            answer = in_time(lambda: method(self, *args, **kwargs))
            if get_origin(hint) is Iterator:
                return _stream(answer, get_args(hint)[0], name, asked, package)
            if name != "connections":  # its type is a protocol
                _check(hint, answer)
            if rule := RULES.get(name):
                rule(answer, **{key: value for key, value in asked.items() if key != "self"})
        except (Exception, SystemExit) as error:  # noqa: BLE001 - all becomes one of the six errors
            return _failed(name, error, package)
        return answer

    return ask


def _failed(name: str, error: BaseException, package: str) -> Any:
    """Return the answer in place of one that failed, or raise the error that says what may have happened."""
    told = isinstance(error, ConnectorError) and not (name in WRITES and isinstance(error, BrokenRead))
    if told and name not in HARMLESS:
        raise error
    log.warning("%s: %s failed: %s", package, name, type(error).__name__)
    if name in HARMLESS:
        return HARMLESS[name](_fault(name, error, package))
    raise (OutcomeUnknown if name in WRITES else BrokenRead)(_fault(name, error, package)) from error


def _fault(name: str, error: BaseException, package: str) -> str:
    why = str(error) if isinstance(error, ConnectorError | MalformedAnswer) else type(error).__name__
    return _("the connector of {package} broke its contract in {method} ({why})").format(
        package=package, method=name, why=why
    )


HARMLESS: Mapping[str, Callable[[str], Any]] = {
    "close": lambda fault: None,  # noqa: ARG005 - all have one form
    "has_limitation": lambda fault: True,  # noqa: ARG005
    "has_effect": lambda fault: True,  # noqa: ARG005
    "shortfalls": lambda fault: (fault,),
    "connections": lambda fault: None,  # noqa: ARG005
}
"""Methods that never raise, and the answer after a fault: the one that claims least."""


@cache
def _adapter(hint: Any) -> TypeAdapter[Any]:
    """Return the check of a type. In a tuple, since a dataclass alone is not looked into."""
    strict = ConfigDict(strict=True, revalidate_instances="always")
    return TypeAdapter(tuple[hint], config=strict)


def _check(hint: Any, answer: Any) -> None:
    """Raise `MalformedAnswer` unless the answer has the declared types, down to each field."""
    if get_origin(hint) is Collection:
        _require(isinstance(answer, Collection) and not isinstance(answer, str), _("no collection"))
        hint, answer = Sequence[get_args(hint)[0]], [*answer]  # type: ignore[misc]  # pydantic looks into no collection
    try:
        _adapter(hint).validate_python((answer,), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"] if isinstance(part, str) and part.isidentifier())
        raise MalformedAnswer(_("{field}: {fault}").format(field=where or "answer", fault=first["type"])) from None


def _stream(answer: Any, hint: Any, name: str, asked: Mapping[str, Any], package: str) -> Iterator[Any]:
    """Stream the items, each checked. A repeated id is a page that came twice, which never ends."""
    seen: set[str] = set()
    try:
        for count, item in enumerate(answer):
            _check(hint, item)
            one = getattr(item, "id", str(count))
            _require(one not in seen and count < MOST, _("an item came twice"))
            seen.add(one)
            if rule := RULES.get(name):
                rule(item, **{key: value for key, value in asked.items() if key != "self"})
            yield item
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `_checked`
        _failed(name, error, package)


def _observe(read: Callable[[list[Any]], Any], accounts: list[Any]) -> dict[Any, Observation]:
    """Return an observation of each account asked for; a malformed or missing one is unknown.

    After an error that is none of the six, the accounts are halved until only the bad record is unknown.
    """
    try:
        answer = read(accounts)
    except (Unavailable, OutcomeUnknown, BadCredential, Forbidden):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as in `_checked`
        if len(accounts) > 1:
            middle = len(accounts) // 2
            return _observe(read, accounts[:middle]) | _observe(read, accounts[middle:])
        why = _("the system's record of this account is malformed ({kind})").format(kind=type(error).__name__)
        return {account: Observation(Verdict.UNKNOWN, _("bulk read"), why) for account in accounts}
    _require(isinstance(answer, Mapping), _("no mapping"))
    return {account: _observation(answer.get(account)) for account in accounts}


def _observation(found: Any) -> Observation:
    try:
        _check(Observation, found)
    except MalformedAnswer:
        return Observation(Verdict.UNKNOWN, _("bulk read"), _("the system's answer left this account out"))
    observation: Observation = found
    if observation.verdict in {Verdict.LOCKED, Verdict.ABSENT} and not observation.how.strip():
        return Observation(Verdict.UNKNOWN, _("bulk read"), _("the answer does not name what was read"))
    return observation


def _require(kept: bool, fault: str) -> None:
    if not kept:
        raise MalformedAnswer(fault)


def _is_lookup(answer: Any, person: Any) -> None:
    del person
    ids = Counter(account.id for account in answer.accounts)
    _require(bool(answer.how.strip()), _("it does not name what was read"))
    _require(all(count == 1 for count in ids.values()), _("an item came twice"))
    _require(all(_is_own_image(account) for account in answer.accounts), _("a before-image of another account"))


def _is_own_image(account: Any) -> bool:
    return bool(account.id.strip()) and (account.before is None or account.before.account == account.id)


def _is_read(answer: Any, accounts: Collection[str]) -> None:
    _require(answer.keys() <= set(accounts), _("an account that was not asked for"))
    _require(all(key == one.id for key, one in answer.items()), _("an account under another id"))
    _require(all(_is_own_image(account) for account in answer.values()), _("a before-image of another account"))


def _is_image(answer: Any, account: str) -> None:
    _require(answer.account == account, _("a before-image of another account"))


def _is_count(answer: Any, **asked: Any) -> None:
    del asked
    numbers = answer.values() if isinstance(answer, Mapping) else [answer or 0]
    _require(all(number >= 0 for number in numbers), _("a number below zero"))


def _is_owned(answer: Any, owner: str) -> None:
    _require(owner in {answer.owner, *answer.co_owners}, _("a record of another owner"))


def _is_owners(answer: Any, records: Collection[str]) -> None:
    _require(answer.keys() <= set(records), _("a record that was not asked for"))


def _is_owner_counts(answer: Any) -> None:
    numbers = [number for kinds in answer.values() for number in (kinds.values() or [0])]
    _require(all(number > 0 for number in numbers), _("an owner without a record"))


def _is_owner_faults(answer: Any, accounts: Collection[str], pools: Collection[str], on: Any) -> None:
    del on
    whole = all(set(pools) <= answer.get(account, {}).keys() for account in accounts)
    _require(whole and set(accounts) <= answer.keys(), _("an account or a pool is missing"))


def _is_moved(answer: Any, batch: Sequence[Any]) -> None:
    _require([one.record for one in answer] == [order.record for order in batch], _("not one outcome for each order"))
    for one, order in zip(answer, batch, strict=True):
        said = one.outcome is MoveOutcome.MOVED
        _require(not said or one.owner == order.successor, _("a move without the successor as owner"))
        waits = one.outcome is MoveOutcome.WAITING
        _require(not waits or one.owner == order.owner, _("a move that waits without the old owner"))
        objected = one.outcome is MoveOutcome.OBJECTED
        _require(not objected or one.owner != order.successor, _("a refused move with the successor as owner"))


def _is_duty_image(answer: Any, account: str, duty: str) -> None:
    _require(answer.account == account and answer.duty == duty, _("a before-image of another duty"))
    _require(bool(answer.why_not.strip()) or answer.acts == set(DutyAct), _("an act that is not offered, without why"))


def _is_event(answer: Any, account: str, since: Any, until: Any) -> None:
    del account
    aware = answer.at.tzinfo is not None
    _require(aware and since <= answer.at < until, _("an export outside the time that was asked for"))


def _are_reasons(answer: Any, account: str) -> None:
    del account
    _require(all(one.why.strip() for one in answer), _("a refusal without its reason"))


def _is_licences(answer: Any, account: str) -> None:
    del account
    ids = Counter(one.id for one in answer)
    _require(all(count == 1 and one.strip() for one, count in ids.items()), _("an item came twice"))
    _require(all(one.name.strip() for one in answer), _("a licence without a name"))


def _is_activities(answer: Any, records: Collection[str], since: Any) -> None:
    _require(answer.keys() <= set(records), _("a record that was not asked for"))
    _require(all(key == one.record for key, one in answer.items()), _("a record under another id"))
    times = [at for one in answer.values() for at in (one.contacted_at, one.lost_at) if at is not None]
    _require(all(at.tzinfo is not None and at >= since for at in times), _("a time before the one that was asked for"))
    _require(all(one.contacted_at or one.contacted_by is None for one in answer.values()), _("somebody without a time"))


def _is_loss_rate(answer: Any, since: Any, until: Any) -> None:
    del since, until
    _require(0 <= answer.lost <= answer.closed, _("more lost deals than closed ones"))


def _is_pool(answer: Any) -> None:
    _require(answer is None or isinstance(answer, ConnectionPool), _("no pool of connections"))


def _is_introduced(answer: Any, client: str, **asked: Any) -> None:
    del asked
    _require(answer is None or answer.client == client, _("an introduction to another client"))
    sent = answer is not None and answer.state is Introduction.SENT
    _require(not sent or bool(answer.id), _("an introduction that was sent and has no id"))


def _are_introduced(answer: Any, sent: Sequence[Any]) -> None:
    same = [(one.client, one.id) for one in answer] == [(one.client, one.id) for one in sent]
    _require(same, _("not one state for each introduction"))


RULES: Mapping[str, Callable[..., None]] = {
    "connections": _is_pool,
    "find": _is_lookup,
    "read": _is_read,
    "before": _is_image,
    "sessions": _is_count,
    "count": _is_count,
    "headcount": _is_count,
    "client_base": _is_count,
    "records": _is_owned,
    "owners": _is_owners,
    "holders": _is_owners,
    "owner_faults": _is_owner_faults,
    "owner_counts": _is_owner_counts,
    "move": _is_moved,
    "duty_image": _is_duty_image,
    "exports": _is_event,
    "blockers": _are_reasons,
    "licences": _is_licences,
    "introduce": _is_introduced,
    "find_introduction": _is_introduced,
    "introduced": _are_introduced,
    "activities": _is_activities,
    "loss_rate": _is_loss_rate,
}
"""Check of an answer against its question, by method."""
