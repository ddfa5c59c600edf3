"""BottleCRM 1.35: members, personal access tokens, and records of seven kinds."""

from config.text import N_
from connectors.bottlecrm.connector import BottleCrm
from connectors.bottlecrm.settings import BottleCrmSettings
from connectors.contract import Limits, Manifest

MANIFEST = Manifest(
    kind="bottlecrm",
    title="BottleCRM",
    connector=BottleCrm,
    settings=BottleCrmSettings,
    limits=Limits(move_batch=25, observe_batch=5000),
    cannot=(
        N_("Sessions cannot be counted or ended alone: a lock refuses them at once, and an undo lets them work again."),
        N_("Tokens can be listed and revoked only in a signed-in session of an administrator (session_file)."),
        N_("BottleCRM keeps no log of exports."),
        N_("BottleCRM has no conditional writes: an owner change between our read and our write is lost."),
        N_("Writing a record removes its inactive users, co-owners too. The outcome names them."),
        N_("A won or lost deal without its amount or closing date cannot be written, and keeps its owner."),
        N_(
            "Converted leads and deleted tickets are in no list, so they keep their owners. Invoices "
            "and estimates keep theirs too, as no call can change them."
        ),
        N_(
            "Cards on boards, sales targets and ticket routing keep their owners. Cards are open only to the board's "
            "own members."
        ),
        N_("BottleCRM itself sends the successor an e-mail for every record."),
        N_("Contacts are the calls, meetings and messages that people log. Comments and done tasks are none."),
        N_("People in ticket routing, macros and approval rules are not listed as duties."),
        N_("Whoever switches a rule or a webhook on becomes its owner. An administrator takes it over there."),
        N_("A change of a team changes the people of its records. Change the team there."),
    ),
)
