"""A system without an API: a person does the work, is reminded, and confirms it. Nothing is ever read back."""

from config.text import N_
from connectors.contract import Manifest
from connectors.manual.connector import Manual
from connectors.manual.settings import ManualSettings

MANIFEST = Manifest(
    kind="manual",
    title="By hand",
    connector=Manual,
    settings=ManualSettings,
    cannot=(N_("Nothing can be read back: that it is done rests on the confirming person's statement."),),
)
