"""The base of all tables of the configuration file."""

from pydantic import BaseModel, ConfigDict


class SettingsTable(BaseModel):
    """A frozen table of the file. An unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
