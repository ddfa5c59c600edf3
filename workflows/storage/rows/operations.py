from datetime import datetime

from sqlmodel import Field

from workflows.storage.rows.table import Table, utc_column


class TenantRateLimit(Table, table=True):
    """Time of the next request to one system: a vendor's limit, shared by all processes."""

    id: str = Field(primary_key=True)
    """The system's name in the configuration."""
    next_at: datetime = utc_column()


class ConnectionShare(Table, table=True):
    """Connections to one system that one replica may have open. Together they never exceed the limit."""

    id: str = Field(primary_key=True)
    """`system:replica`."""
    system: str
    replica_id: str = Field(index=True)
    held: int = 0
    hungry: bool = False
    """True if the replica would use more than an even split gives it."""


class SignedRequest(Table, table=True):
    """A request that Slack signed, so that it acts once."""

    digest: str = Field(primary_key=True)
    """SHA-256 of the signature."""
    at: datetime = utc_column(index=True)
    """Time of arrival, by the database's clock."""


class Replica(Table, table=True):
    """One process among several on the same PostgreSQL, from its start until it is found dead."""

    id: str = Field(primary_key=True)
    """New at every start; the engine's executor id."""
    host: str
    pid: int
    started_at: datetime = utc_column()
    heartbeat_at: datetime = utc_column()
    """Last heartbeat, by the database's clock."""


class RootKey(Table, table=True):
    """The first master key, wrapped under the newest: keyed hashes, by which rows are found, are made from it."""

    id: str = Field(primary_key=True)
    wrapped: bytes


class JournalEntry(Table, table=True):
    """One entry of the journal. The sealer sets `seq`, `prev` and `hash` once, within a second."""

    __tablename__ = "journal"
    id: str = Field(primary_key=True)
    at: datetime = utc_column()
    actor: str
    """The actor as `Journal` seals people; `handover` and scripts are in clear."""
    action: str
    case_id: str = Field(default="", index=True)
    data: str = "{}"
    """JSON; what identifies somebody is sealed in it."""
    sealed: bytes = b""
    """Personal data, under the case's key; the hash covers the ciphertext, so the chain outlives the key."""
    seq: int | None = Field(default=None, unique=True, index=True)
    prev: str = ""
    hash: str = ""
    mark: str = ""
    """Keyed mark over the entry, made as it was written; empty: written by version 0.2.0."""


class JournalHead(Table, table=True):
    """The chain's head at one moment, signed with Ed25519."""

    seq: int = Field(primary_key=True)
    hash: str
    signed_at: datetime = utc_column()
    signature: str
    public_key: str
    number: int = 0
    """Place among the heads, from 1; 0: signed by version 0.2.0, which did not link heads."""
    prev: str = ""
    """Digest of the head before."""
