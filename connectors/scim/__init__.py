"""Any application with a SCIM 2.0 service (RFC 7643, RFC 7644)."""

from connectors.contract import Limits, Manifest
from connectors.scim.connector import Scim
from connectors.scim.settings import ScimSettings

MANIFEST = Manifest(
    kind="scim",
    title="SCIM 2.0 application",
    connector=Scim,
    settings=ScimSettings,
    limits=Limits(observe_batch=1000),
    cannot=(
        "SCIM knows no sessions and no tokens: whether those of an inactive account end is up to the application.",
        "SCIM does not know who owns which records: the clients in this application are not handed over through it.",
        "What inactive means is up to the application: some keep the account, some remove it (inactive_means).",
    ),
)
