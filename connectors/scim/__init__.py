"""Any application with a SCIM 2.0 service (RFC 7643, RFC 7644)."""

from config.text import N_
from connectors.contract import Limits, Manifest
from connectors.scim.connector import UNREAD, Scim
from connectors.scim.settings import ScimSettings

MANIFEST = Manifest(
    kind="scim",
    title="SCIM 2.0 application",
    connector=Scim,
    settings=ScimSettings,
    limits=Limits(observe_batch=1000),
    cannot=(
        N_("SCIM knows no sessions and no tokens: whether those of an inactive account end is up to the application."),
        N_(
            "SCIM does not know who owns which records: the clients in this application are not handed over through it."
        ),
        N_("What inactive means is up to the application: some keep the account, some remove it (inactive_means)."),
        UNREAD,
    ),
)
