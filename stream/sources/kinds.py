"""What a record of an input is about. Pure."""

from typing import Literal

RecordKind = Literal["mention", "control", "beat"]
"""A beat says nothing but that time has passed."""
