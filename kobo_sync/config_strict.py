"""What every section of config.yaml has in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A misspelt key is refused instead of ignored, and pydantic's own texts never print a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
