"""Bundles of good news: many lock-outs at once become one message to a person, not one for each leaver.

The first ones are sent singly. Beyond `SINGLY` within `SPAN` a person gets one message for all that wait, once in every
`SPAN`. An outcome that is not good is never bundled: it is sent at once.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from connectors.contract import Verdict
from workflows.storage.rows.access import Access
from workflows.storage.rows.outbox import MessageKind, OutboxMessage
from workflows.storage.store import Store

SINGLY = 5
SPAN = timedelta(minutes=1)
GOOD = (Verdict.LOCKED, Verdict.ABSENT)


def bundle(store: Store, waiting: Collection[str], now: datetime) -> Collection[str]:
    """Bundle new messages about lock-outs that wait; return those that are not to be sent now.

    `waiting`: the ids of all messages that wait.
    """
    mine = {message for message in waiting if message.startswith("locked:")}
    if not mine:
        return ()
    with store.read() as session:
        by_person = _good_news(session, mine)
        counts, bundled = _recent(session, now - SPAN)
    many = {
        person: posts
        for person, posts in by_person.items()
        if person in bundled or len(posts) + counts[person] > SINGLY
    }
    for person, posts in many.items():
        if person in bundled:
            _hold(store, posts, now)
        else:
            _join(store, person, posts, now)
    return {post for posts in many.values() for post in posts}


def _good_news(session: Session, waiting: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Return new messages about people who are locked out everywhere, by recipient."""
    bad = select(Access.id).where(Access.case_id == OutboxMessage.case_id, col(Access.verdict).not_in(GOOD)).exists()
    new = select(OutboxMessage.id, OutboxMessage.channel).where(
        OutboxMessage.kind == MessageKind.LOCKOUT_ENDED,
        OutboxMessage.ts == "",
        OutboxMessage.shown_version == 0,
        col(OutboxMessage.shown_version) < col(OutboxMessage.wanted_version),
        OutboxMessage.claimed_by == "",
        ~bad,
    )
    by_person: dict[str, list[str]] = defaultdict(list)
    for message, channel in session.exec(new.order_by(col(OutboxMessage.id))):
        if message in waiting:
            by_person[channel].append(message)
    return by_person


def _recent(session: Session, since: datetime) -> tuple[Counter[str], Collection[str]]:
    """Return the number of single messages since a time, by recipient, and who got or gets a bundle since then."""
    shown = select(OutboxMessage.id).where(
        OutboxMessage.kind == MessageKind.LOCKOUT_ENDED, col(OutboxMessage.shown_at) > since
    )
    bundles = select(OutboxMessage.id).where(
        OutboxMessage.kind == MessageKind.BUNDLE,
        sa.or_(col(OutboxMessage.shown_at) > since, col(OutboxMessage.shown_version) == 0),
    )
    singles = Counter(message.rpartition(":")[2] for message in session.exec(shown))
    return singles, {message.split(":")[1] for message in session.exec(bundles)}


def _hold(store: Store, posts: Sequence[str], now: datetime) -> None:
    """Let messages wait for the next bundle, and the delivery wake up for it."""
    due = sa.or_(col(OutboxMessage.next_try_at).is_(None), col(OutboxMessage.next_try_at) <= now)
    held = sa.update(OutboxMessage).where(col(OutboxMessage.id).in_(posts), due).values(next_try_at=now + SPAN)
    with store.write() as session:
        session.execute(held)


def _join(store: Store, person: str, posts: Sequence[str], now: datetime) -> None:
    """Put messages into one that is sent in their place; a change of one of them later is told in its thread."""
    bundle_id = f"bundle:{person}:{now:%Y%m%dT%H%M%S%f}"
    parts = (
        sa.update(OutboxMessage)
        .where(col(OutboxMessage.id).in_(posts), col(OutboxMessage.ts) == "", col(OutboxMessage.claimed_by) == "")
        .values(thread_parent_id=bundle_id, shown_version=col(OutboxMessage.wanted_version), shown_at=now)
    )
    with store.write() as session:
        session.add(OutboxMessage(id=bundle_id, kind=MessageKind.BUNDLE, subject=bundle_id, channel=person))
        session.flush()
        session.execute(parts)
