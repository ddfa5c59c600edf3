"""Any application with a SCIM 2.0 service (RFC 7643, RFC 7644)."""

from config.text import N_
from connectors.contract import Act, Effect, Limits, Manifest, Subject
from connectors.scim.connector import UNREAD, Scim
from connectors.scim.licences import LICENCES_UNNAMED
from connectors.scim.settings import ScimSettings

MANIFEST = Manifest(
    kind="scim",
    title="SCIM 2.0 application",
    connector=Scim,
    settings=ScimSettings,
    limits=Limits(observe_batch=1000),
    cannot=(
        N_("SCIM has no sessions and no tokens; the application decides whether those of an inactive account end."),
        N_("SCIM has no owners of records, so the clients in this application are not handed over through it."),
        N_(
            "The meaning of inactive depends on the application: some keep the account, some remove "
            "it (inactive_means)."
        ),
        UNREAD,
        LICENCES_UNNAMED,
        N_("SCIM tells roles and who reports to somebody, not what runs in a user's name."),
        N_("A role or an entitlement can be taken from the leaver. Nobody else gets it."),
    ),
    effects=tuple(Effect(Act.LOCK, one, N_("It removes inactive users.")) for one in (Subject.DUTIES, Subject.GROUPS)),
)
