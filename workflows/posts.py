"""What people are to be shown, as rows: wanted by a transaction, shown by the clock, tried again until it is."""

import logging
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from workflows.model import Post, PostKind
from workflows.ports import Clock, Notifier, Undelivered
from workflows.store import Store

log = logging.getLogger(__name__)
AGAIN = timedelta(seconds=10)


def want(
    session: Session,
    *,
    id: str,  # noqa: A002 - the row's own word
    kind: PostKind,
    subject: str,
    channel: str,
    case_id: str = "",
    thread_of: str = "",
) -> None:
    """Ask, in the caller's transaction, that a post be shown or brought up to date; no channel: nobody to tell."""
    post = session.get(Post, id)
    if post is None:
        parent = session.get(Post, thread_of) if thread_of else None
        channel = channel or (parent.channel if parent else "")
        if channel:
            session.add(Post(id=id, kind=kind, subject=subject, channel=channel, case_id=case_id, thread_of=thread_of))
        return
    post.wanted += 1
    post.next_try_at = None
    session.add(post)


def touch(session: Session, id: str) -> None:  # noqa: A002
    """Ask that an existing post be brought up to date; nothing where there is none."""
    post = session.get(Post, id)
    if post is not None:
        post.wanted += 1
        post.next_try_at = None
        session.add(post)


def deliver(store: Store, notifier: Notifier, clock: Clock) -> int:
    """Show every post that is behind; return how many were shown. Trouble with one does not hold up the others."""
    with store.read() as session:
        behind = session.exec(select(Post).where(col(Post.shown) < col(Post.wanted)).order_by(col(Post.id))).all()
    shown = 0
    # The case message first: others stand in its thread.
    for post in sorted(behind, key=lambda post: bool(post.thread_of)):
        if post.next_try_at is None or post.next_try_at <= clock.now():
            shown += _deliver(store, notifier, post, clock.now())
    return shown


def _deliver(store: Store, notifier: Notifier, post: Post, now: datetime) -> bool:
    wanted = post.wanted
    try:
        channel, ts = notifier.show(post)
    except Undelivered as trouble:
        log.warning("post %s not delivered: %s", post.id, trouble)
        with store.write() as session:
            row = session.get_one(Post, post.id)
            row.problem, row.next_try_at = str(trouble), now + AGAIN
            session.add(row)
        return False
    with store.write() as session:
        row = session.get_one(Post, post.id)
        row.channel, row.ts, row.shown, row.problem, row.next_try_at = channel, ts, wanted, "", None
        session.add(row)
    return True


def find(store: Store, post_id: str) -> Post | None:
    """Return a post as it is now."""
    with store.read() as session:
        return session.get(Post, post_id)
