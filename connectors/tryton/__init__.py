"""Tryton 8.2: users, sessions, sale opportunities, and the exports in the server's log."""

from config.text import N_
from connectors.contract import Manifest
from connectors.tryton.connector import Tryton
from connectors.tryton.settings import TrytonSettings

MANIFEST = Manifest(
    kind="tryton",
    title="Tryton",
    connector=Tryton,
    settings=TrytonSettings,
    cannot=(
        N_("Tryton lets nobody change the employee of a converted, won, lost or cancelled opportunity."),
        N_(
            "Clients (parties) have no owner in Tryton. Their opportunities are handed over, and the "
            "fields that the settings name."
        ),
        N_(
            "The lock cannot be tried with a password. The person's own is not known, and a new one could not be "
            "undone."
        ),
        N_("The log gives the number of records for exports of selected records, not of whole lists."),
        N_("Keys of programs (User Applications) work on after the lock. Cancel them in Tryton."),
        N_("Scheduled actions and triggers in Tryton name no user, so who set one up is not told."),
        N_("Reports and lists on the screen are not logged as exports."),
        N_("New contacts are not introduced to clients: Tryton's own e-mail is not used."),
        N_(
            "Tryton records no calls and no meetings with clients. Only e-mails that people send from it are known, "
            "and what their colleagues mark."
        ),
    ),
)
