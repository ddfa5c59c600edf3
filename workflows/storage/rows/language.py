from sqlmodel import Field

from workflows.storage.rows.table import Table


class LanguageChoice(Table, table=True):
    """The language in which one person reads Handover, as that person chose it."""

    id: str = Field(primary_key=True)
    """Keyed hash of the person's Slack id."""
    language: str
    """A code such as `zh_Hans`."""
