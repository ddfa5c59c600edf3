"""The languages that people chose for themselves."""

from workflows.storage.rows.language import LanguageChoice
from workflows.storage.store import Store
from workflows.storage.vault import Vault


class LanguageChoices:
    """Choices by Slack id. Whoever made none has none."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def get(self, user: str) -> str:
        """Return the language that a person chose; empty for none."""
        with self._store.read() as session:
            row = session.get(LanguageChoice, self._key(user))
            return row.language if row else ""

    def set(self, user: str, language: str) -> None:
        """Keep a person's choice; an empty one takes it back."""
        with self._store.write() as session:
            row = session.get(LanguageChoice, self._key(user))
            if row and not language:
                session.delete(row)
            elif language:
                row = row or LanguageChoice(id=self._key(user), language=language)
                row.language = language
                session.add(row)

    def _key(self, user: str) -> str:
        return self._vault.blind(f"language:{user}")
