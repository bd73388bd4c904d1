"""Which edition of the code runs: the inner parts of the detectors as they are written, or compiled as in the image."""

from importlib.machinery import SOURCE_SUFFIXES
from importlib.util import find_spec
from typing import Literal

Edition = Literal["source", "compiled"]


def edition() -> Edition:
    """What looks run on here. Both decide the same; a look in a crisis takes half as long where they are compiled.

    >>> edition() in ("source", "compiled")
    True
    """
    found = find_spec("detectors.surge")
    assert found is not None  # it is part of what this belongs to
    assert found.origin is not None
    return "source" if found.origin.endswith(tuple(SOURCE_SUFFIXES)) else "compiled"
