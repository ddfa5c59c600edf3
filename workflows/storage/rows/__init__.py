"""All tables. Importing this package registers every table with SQLModel's metadata, so that foreign keys resolve."""

from workflows.storage.rows import access, case, clients, duties, enrolment, operations, outbox, stages, watch

__all__ = ["access", "case", "clients", "duties", "enrolment", "operations", "outbox", "stages", "watch"]
