"""What people are to be shown, as rows: wanted by a transaction, shown by the clock, tried again until it is."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col, select

from workflows.ports import Clock, DeliveryFailed
from workflows.storage.rows.case import Case
from workflows.storage.rows.outbox import FILES, MessageKind, OutboxMessage
from workflows.storage.store import Store

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=10)
LEASE = timedelta(minutes=5)
"""Longer than telling people ever takes; the claim of a process that died is voided before (`let_go`)."""
PASS_SECONDS = 0.5
"""How long one pass goes on. The next pass orders anew, so that a dismissal's message waits for no more than this."""
FILE_ATTEMPTS = 5
SINGLE_PROCESS = "local"
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
    """Ask, in the caller's transaction, that a post be shown or brought up to date; no channel: nobody to tell."""
    post = session.get(OutboxMessage, id)
    if post is None:
        parent = session.get(OutboxMessage, thread_of) if thread_of else None
        channel = channel or (parent.channel if parent else "")
        if channel:
            session.add(
                OutboxMessage(
                    id=id, kind=kind, subject=subject, channel=channel, case_id=case_id, thread_parent_id=thread_of
                )
            )
        return
    post.wanted_version += 1
    post.next_try_at = None
    session.add(post)


def request_update(session: Session, id: str) -> None:  # noqa: A002
    """Ask that an existing post be brought up to date; nothing where there is none."""
    post = session.get(OutboxMessage, id)
    if post is not None:
        post.wanted_version += 1
        post.next_try_at = None
        session.add(post)


class Notifier(Protocol):
    """Shows a post to people, in Slack or wherever they are."""

    def show(self, post: OutboxMessage) -> tuple[str, str]:
        """Send the post, or update it in place where `post.ts` is set; return (channel, ts). Raises `Undelivered`."""


def deliver(store: Store, notifier: Notifier, clock: Clock, by: str = SINGLE_PROCESS) -> int:
    """Show every message that is behind; return how many were shown. Trouble with one does not hold up the others.

    `by` names this process: a message that another process is showing is left alone. Files are left to
    `deliver_files`, which may take long.
    """
    return _deliver_all(store, notifier, clock, by, ~_is_file())


def deliver_files(store: Store, notifier: Notifier, clock: Clock, by: str = SINGLE_PROCESS) -> int:
    """Send every file that is due, as `deliver` shows messages. To be called beside it, never before it."""
    return _deliver_all(store, notifier, clock, by, _is_file())


def _deliver_all(store: Store, notifier: Notifier, clock: Clock, by: str, which: sa.ColumnElement[bool]) -> int:
    shown, full, until = 0, set(), time.monotonic() + PASS_SECONDS
    for post_id, channel, again_at in _behind(store, which):
        if channel in full or (again_at is not None and again_at > clock.now()):
            continue
        if time.monotonic() > until:
            break
        try:
            shown += _deliver(store, notifier, post_id, clock.now(), f"{by}/{uuid4().hex}")
        except DeliveryFailed as trouble:
            log.warning("post %s not delivered: %s", post_id, trouble)
            if trouble.busy:  # hundreds of others in the same conversation would only be told the same
                full.add(channel)
    return shown


def _behind(store: Store, which: sa.ColumnElement[bool]) -> Sequence[tuple[str, str, datetime | None]]:
    """Return what is to be shown: of a dismissal before all else, and a case message before what is in its thread."""
    urgent = sa.func.coalesce(col(Case.immediate), sa.false())
    query = (
        select(OutboxMessage.id, OutboxMessage.channel, col(OutboxMessage.next_try_at))
        .join(Case, col(OutboxMessage.case_id) == col(Case.id), isouter=True)
        .where(is_behind(), which)
        .order_by(urgent.desc(), col(OutboxMessage.thread_parent_id) != "", col(OutboxMessage.id))
    )
    with store.read() as session:
        return session.exec(query).all()


def is_behind() -> sa.ColumnElement[bool]:
    """Return the condition that something is to be shown; the index `outbox_behind` serves it."""
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
    """Be the only process on these rows: claims that a killed one left behind bind nobody."""
    with store.write() as session:
        release_claims(session, frozenset)
    yield


def release_claims(session: Session, alive: Callable[[], Collection[str]]) -> None:
    """Void the claims of processes that are not `alive`: what they were showing is shown by the others.

    `alive` is asked once the claims are known, as `Engine.take_over` does.
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
    try:
        channel, ts = notifier.show(post)
    except DeliveryFailed as trouble:
        given_up = {"shown_version": post.wanted_version, "shown_at": now} if _is_hopeless(post) else {}
        _settle(store, post_id, claim, problem=str(trouble), next_try_at=now + AGAIN, **given_up)
        raise
    except Exception:
        _settle(store, post_id, claim, next_try_at=now + AGAIN)
        raise
    with store.write(f"post:{post_id}") as session:
        settled = {"channel": channel, "ts": ts, "shown_version": post.wanted_version, "shown_at": now}
        done = session.connection().execute(
            _held(post_id, claim).values(**FREE, **settled, problem="", next_try_at=None)
        )
        if done.rowcount and ts != post.ts:
            _attach_file(session, post, channel)
    return True


def _is_hopeless(post: OutboxMessage) -> bool:
    """Return whether a file is given up: it costs minutes to make, and its message has a button that sends it."""
    return post.kind in FILES.values() and post.send_attempts >= FILE_ATTEMPTS


def _attach_file(session: Session, post: OutboxMessage, channel: str) -> None:
    """Ask that the file of a message that is new be sent into its thread."""
    kind = FILES.get(MessageKind(post.kind))
    if kind is None:
        return
    file_id = f"file:{post.id}"
    file = session.get(OutboxMessage, file_id)
    if file is not None:  # the message was deleted, and is now another one
        file.ts, file.send_attempts = "", 0
        session.add(file)
    enqueue(
        session, id=file_id, kind=kind, subject=post.subject, channel=channel, case_id=post.case_id, thread_of=post.id
    )


def _claim(store: Store, post_id: str, claim: str) -> OutboxMessage | None:
    """Return the post as it is now, ours to show; None where it was shown meanwhile, or another is showing it."""
    with store.write(f"post:{post_id}") as session:
        post, now = session.get(OutboxMessage, post_id), store.now(session)
        if post is None or post.shown_version >= post.wanted_version:
            return None
        if post.claimed_until is not None and post.claimed_until > now:
            return None
        post.claimed_by, post.claimed_until = claim, now + LEASE
        post.send_attempts += not post.ts
        session.add(post)
    return post


def _settle(store: Store, post_id: str, claim: str, **values: object) -> None:
    """Write what came of it, unless the claim was voided: then it is another's to say."""
    with store.write(f"post:{post_id}") as session:
        session.execute(_held(post_id, claim).values(**FREE, **values))


def _held(post_id: str, claim: str) -> sa.Update:
    return sa.update(OutboxMessage).where(col(OutboxMessage.id) == post_id, col(OutboxMessage.claimed_by) == claim)


def find(store: Store, post_id: str) -> OutboxMessage | None:
    """Return a post as it is now."""
    with store.read() as session:
        return session.get(OutboxMessage, post_id)
