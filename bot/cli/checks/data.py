"""Checks of the stored data: access, and the master key."""

from base64 import b64decode
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from bot.cli.checks.result import Check, CheckResult
from bot.text import _
from config.settings import Settings
from workflows.storage.rows.case import Case
from workflows.storage.vault import Vault


def check(wired: Any, settings: Settings) -> Check:
    """Return the check of the stored data. It may run beside a running bot."""

    def look() -> list[CheckResult]:
        with wired.assemble(settings, mode="visit") as application, application.store.read() as session:
            return [CheckResult(_("Stored data"), True, _version(session)), key(session, settings)]

    return Check(_("Stored data"), look)


def key(session: Session, settings: Settings) -> CheckResult:
    """Check that the master key opens the newest case. Without cases any key fits."""
    what = _("Master key")
    wrapped = session.exec(select(Case.wrapped_key).order_by(col(Case.opened_at).desc()).limit(1)).first()
    if wrapped is None:
        return CheckResult(what, True, _("present; nothing is encrypted with it yet"))
    fits = Vault(b64decode(settings.storage.master_key.get_secret_value())).fits(wrapped)
    return CheckResult(
        what,
        fits,
        _("fits the stored cases") if fits else _("does not fit the stored cases"),
        _("Set storage.master_key to the key that the data was written under."),
    )


def _version(session: Session) -> str:
    dialect = session.get_bind().dialect.name
    if dialect == "sqlite":
        return "SQLite " + str(session.execute(sa.text("select sqlite_version()")).scalar_one())
    return "PostgreSQL " + str(session.execute(sa.text("show server_version")).scalar_one())
