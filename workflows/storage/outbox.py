"""Outbox: messages as rows, requested in a transaction, sent later, and tried again until they are delivered."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from config.text import stored
from workflows.ports import Clock, DeliveryFailed
from workflows.storage.bundles import bundle
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import FILES, MessageKind, OutboxMessage
from workflows.storage.store import StorageFailed, Store

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=10)
LEASE = timedelta(minutes=5)
"""Longer than any delivery takes. The claim of a process that died is voided before (`release_claims`)."""
PASS_SECONDS = 0.5
"""Seconds of one pass. Each pass orders the messages anew, so a dismissal's message waits no longer than this."""
FILE_ATTEMPTS = 5
SINGLE_PROCESS = "local"
PEOPLE = ("U", "W")
"""First letters of the ids of people in Slack."""
FREE: dict[str, Any] = {"claimed_by": "", "claimed_until": None}


def enqueue(
    session: Session,
    *,
    id: str,  # noqa: A002 - the row's own word
    kind: MessageKind,
    subject: str,
    channel: str,
    case_id: str = "",
    thread_of: str = "",
) -> None:
    """Request, in the caller's transaction, that a message be sent or updated. No channel: nothing is requested."""
    if session.get(OutboxMessage, id) is not None:
        request_update(session, id)
        return
    parent = session.get(OutboxMessage, thread_of) if thread_of else None
    channel = channel or (parent.channel if parent else "")
    if channel:
        session.add(
            OutboxMessage(
                id=id, kind=kind, subject=subject, channel=channel, case_id=case_id, thread_parent_id=thread_of
            )
        )


def request_update(session: Session, id: str) -> None:  # noqa: A002
    """Request an update of an existing message. Without such a message, nothing happens."""
    post = session.get(OutboxMessage, id)
    if post is not None:
        post.wanted_version += 1
        post.next_try_at = None
        session.add(post)


class DeliveredInShort(Exception):
    """A short message was sent in place of the whole one, which Slack never takes. `channel`, `ts`: where it is."""

    def __init__(self, channel: str, ts: str, why: str) -> None:
        super().__init__(why)
        self.channel, self.ts, self.why = channel, ts, why


class Notifier(Protocol):
    """Delivery of messages to people, in Slack or elsewhere."""

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        """Send the message, or update it if `post.ts` is set; return (channel, ts).

        Raises `DeliveryFailed`, and `DeliveredInShort`.
        """


def deliver(
    store: Store,
    notifier: Notifier,
    clock: Clock,
    by: str = SINGLE_PROCESS,
    *,
    files: bool = False,
    given_up: set[str] | None = None,
) -> int:
    """Deliver every message that is behind; return how many were delivered. A failed message does not delay the others.

    `by` names this process: a message that another process is delivering is left alone. Files may take long, so they
    are sent by a call beside the one for messages. `given_up`: claims that a failure of the database left behind. This
    call voids those of earlier calls, and adds its own.
    """
    given_up = set() if given_up is None else given_up
    _void(store, given_up)
    shown, full, until = 0, set(), time.monotonic() + PASS_SECONDS
    behind = _behind(store, files=files)
    held = bundle(store, [post_id for post_id, _channel, _again_at in behind], clock.now())
    for post_id, channel, again_at in behind:
        if channel in full or post_id in held or (again_at is not None and again_at > clock.now()):
            continue
        if time.monotonic() > until:
            break
        claim = f"{by}/{uuid4().hex}"
        given_up.add(claim)
        try:
            shown += _deliver(store, notifier, post_id, clock.now(), claim)
            given_up.discard(claim)
        except DeliveryFailed as error:
            given_up.discard(claim)
            log.warning("post %s not delivered: %s", post_id, error)
            if error.busy:  # hundreds of others in the same conversation would only get the same answer
                full.add(channel)
        except StorageFailed:
            raise  # the next pass comes after a second, and voids the claim first
        except Exception:
            log.exception("post %s not delivered, by a fault of the program", post_id)  # the others do not wait for it
    return shown


def _void(store: Store, claims: set[str]) -> None:
    """Void claims of this process whose delivery has ended, and remove them from the set."""
    if claims:
        held = sa.update(OutboxMessage).where(col(OutboxMessage.claimed_by).in_(sorted(claims))).values(**FREE)
        with store.write("claims") as session:
            session.execute(held)
        claims.clear()


def _behind(store: Store, *, files: bool) -> Sequence[tuple[str, str, datetime | None]]:
    """Return the messages to deliver: those of a dismissal first, and a case message before its thread."""
    urgent = sa.func.coalesce(col(Case.immediate), sa.false())
    query = (
        select(OutboxMessage.id, OutboxMessage.channel, col(OutboxMessage.next_try_at))
        .join(Case, col(OutboxMessage.case_id) == col(Case.id), isouter=True)
        .where(is_behind(), _is_file() if files else ~_is_file())
        .order_by(urgent.desc(), col(OutboxMessage.thread_parent_id) != "", col(OutboxMessage.id))
    )
    with store.read() as session:
        return session.exec(query).all()


def is_behind() -> sa.ColumnElement[bool]:
    """Return the condition that a message is behind; the index `outbox_behind` serves it."""
    return col(OutboxMessage.shown_version) < col(OutboxMessage.wanted_version)


def next_try(store: Store, after: datetime, *, files: bool = False) -> datetime | None:
    """Return the time of the next try of an undelivered message, or file, or None if none waits for a later time."""
    which = _is_file() if files else ~_is_file()
    later = col(OutboxMessage.next_try_at) > after
    with store.read() as session:
        return session.exec(select(sa.func.min(OutboxMessage.next_try_at)).where(is_behind(), which, later)).one()


def _is_file() -> sa.ColumnElement[bool]:
    return col(OutboxMessage.kind).in_(FILES.values())


@contextmanager
def single_process(store: Store) -> Iterator[None]:
    """Void the claims of a killed process: the caller is the only process on these rows."""
    with store.write() as session:
        release_claims(session, frozenset)
    yield


def release_claims(session: Session, alive: Callable[[], Collection[str]]) -> None:
    """Void the claims of processes that are not `alive`: the others deliver their messages.

    `alive` is called after the claims are read, as `Engine.take_over` does.
    """
    query = select(OutboxMessage.id, OutboxMessage.claimed_by).where(is_behind(), OutboxMessage.claimed_by != "")
    claimed = session.exec(query).all()
    living = alive() if claimed else ()
    for post_id, claim in claimed:
        if claim.partition("/")[0] not in living:
            session.execute(_held(post_id, claim).values(**FREE))


def _deliver(store: Store, notifier: Notifier, post_id: str, now: datetime, claim: str) -> bool:
    post = _claim(store, post_id, claim)
    if post is None:
        return False
    problem = ""
    try:
        channel, ts = notifier.show(post)
    except DeliveredInShort as short:
        channel, ts, problem = short.channel, short.ts, stored(short.why)
    except DeliveryFailed as error:
        given_up = {"shown_version": post.wanted_version, "shown_at": now} if _is_hopeless(post) else {}
        _settle(store, post_id, claim, problem=stored(error.why), next_try_at=now + AGAIN, **given_up)
        raise
    except Exception as error:
        _settle(store, post_id, claim, problem=type(error).__name__, next_try_at=now + AGAIN)
        raise
    with store.write(f"post:{post_id}") as session:
        person = post.channel if post.channel[:1] in PEOPLE else post.recipient
        settled = {
            "channel": channel,
            "recipient": person,
            "ts": ts,
            "shown_version": post.wanted_version,
            "shown_at": now,
        }
        done = session.connection().execute(
            _held(post_id, claim).values(**FREE, **settled, problem=problem, next_try_at=None)
        )
        if done.rowcount and ts != post.ts:
            _attach_file(session, post, channel)
    return True


def _is_hopeless(post: OutboxMessage) -> bool:
    """Return whether to give up a file: it costs minutes to make, and its message has a button that sends it."""
    return post.kind in FILES.values() and post.send_attempts >= FILE_ATTEMPTS


def _attach_file(session: Session, post: OutboxMessage, channel: str) -> None:
    """Request that the file of a new message be sent into its thread."""
    kind = FILES.get(MessageKind(post.kind))
    if kind is None:
        return
    file_id = f"file:{post.id}"
    file = session.get(OutboxMessage, file_id)
    if file is not None:  # the message was deleted, and is a new one now
        file.ts, file.send_attempts = "", 0
        session.add(file)
    enqueue(
        session, id=file_id, kind=kind, subject=post.subject, channel=channel, case_id=post.case_id, thread_of=post.id
    )


def _claim(store: Store, post_id: str, claim: str) -> OutboxMessage | None:
    """Claim a message and return its present state; None if it was delivered meanwhile, or another process has it."""
    with store.write(f"post:{post_id}") as session:
        post, now = session.get(OutboxMessage, post_id), store.now(session)
        if post is None or post.shown_version >= post.wanted_version:
            return None
        if post.claimed_until is not None and now < post.claimed_until <= now + LEASE:
            return None
        post.claimed_by, post.claimed_until = claim, now + LEASE
        post.send_attempts += not post.ts
        session.add(post)
    return post


def _settle(store: Store, post_id: str, claim: str, **values: object) -> None:
    """Write the result, unless the claim was voided: then another process writes it."""
    with store.write(f"post:{post_id}") as session:
        session.execute(_held(post_id, claim).values(**FREE, **values))


def _held(post_id: str, claim: str) -> sa.Update:
    return sa.update(OutboxMessage).where(col(OutboxMessage.id) == post_id, col(OutboxMessage.claimed_by) == claim)


def find(store: Store, post_id: str) -> OutboxMessage | None:
    """Return the present state of a message."""
    with store.read() as session:
        return session.get(OutboxMessage, post_id)
