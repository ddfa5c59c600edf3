"""Tryton 8.2: users, sessions, sale opportunities, and the exports in the server's log."""

from datetime import timedelta

from config.text import N_
from connectors.contract import Limits, Manifest
from connectors.tryton.connector import Tryton
from connectors.tryton.settings import TrytonSettings

MANIFEST = Manifest(
    kind="tryton",
    title="Tryton",
    connector=Tryton,
    settings=TrytonSettings,
    limits=Limits(session_lag=timedelta(0), export_lag=timedelta(0), export_retention=None, move_batch=100),
    cannot=(
        N_(
            "An opportunity that is converted, won, lost or cancelled keeps its employee: Tryton lets nobody change it."
        ),
        N_(
            "Clients (parties) have no owner of their own in Tryton: what is handed over are their opportunities, "
            "and what else the settings name."
        ),
        N_(
            "The lock cannot be tried with a password: the person's own is not known, and a new one could not "
            "be undone."
        ),
        N_("The log has no number of records for an export of a whole list, only for one of selected records."),
        N_("Reports, and lists read on the screen, are not exports to Tryton and are not on record."),
    ),
)
