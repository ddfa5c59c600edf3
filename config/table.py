"""What every table of the configuration file is."""

from pydantic import BaseModel, ConfigDict


class SettingsTable(BaseModel):
    """A table of the file: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
