"""Checks after a run of `chaos`: messages in Slack, and faults in our rows."""

from collections import Counter
from collections.abc import Mapping

from sqlmodel import select

from tests.bench.leaver_accounts import Tally
from tests.sandbox.slack.world import Workspace
from workflows.storage.rows.access import Access
from workflows.storage.rows.clients import Assignment, BookHandover
from workflows.storage.rows.operations import JournalEntry
from workflows.storage.rows.outbox import FILES, OutboxMessage
from workflows.storage.store import Store


def explain(store: Store, tally: Tally, opened: Mapping[str, str]) -> None:
    """Print, for everybody to whom something was not done, or done twice, what our own rows say of it.

    `opened`: the case of each leaver, by log-in.
    """
    for uid, case_id in opened.items():
        if not any(uid in one for one in (*tally.lost, *tally.doubled)):
            continue
        with store.read() as session:
            rows = session.exec(select(Assignment).where(Assignment.case_id == case_id)).all()
            books = session.exec(select(BookHandover).where(BookHandover.case_id == case_id)).all()
            accesses = session.exec(select(Access).where(Access.case_id == case_id)).all()
            said = session.exec(select(JournalEntry).where(JournalEntry.case_id == case_id)).all()
        print(uid, case_id, Counter((row.state, row.owner_after) for row in rows), sep="\n  ")
        for one in (*books, *accesses):
            print("  ", one.model_dump(exclude={"sealed", "note"}))
        for entry in sorted(said, key=lambda one: one.at):
            print("  ", entry.at, entry.action, entry.data[:300])


def judge_posts(store: Store, workspace: Workspace, tally: Tally, days: int) -> None:
    """Count, in Slack, one message for each post that our rows want, one file for each that has one, and the audits."""
    posts = Counter(
        str(message.body["metadata"]["event_payload"]["post"])
        for channel in list(workspace.posts.values())
        for message in channel
        if message.body.get("metadata")
    )
    files = Counter(
        message.thread_ts for channel in list(workspace.posts.values()) for message in channel if message.files
    )
    with store.read() as session:
        rows = {row.id: row for row in session.exec(select(OutboxMessage))}
    wanted = {row.id for row in rows.values() if row.kind not in FILES.values()}
    for row in rows.values():
        if row.kind in FILES.values():
            tally.count(f"file {row.id}", files[rows[row.thread_parent_id].ts])
    bundled = {row.id for row in rows.values() if row.thread_parent_id.startswith("bundle:")}
    for post in wanted | set(posts):  # a bundle, which is counted itself, is shown in place of its parts
        tally.count(f"post {post}", max(posts[post], post in bundled))
    audits = sum(post.startswith("audit-") for post in posts)
    tally.lost.extend(f"an audit's post ({day + 1} of {days})" for day in range(audits, days))
