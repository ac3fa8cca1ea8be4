"""The class of every field of every event, as the topic catalogue says. Read when an event first leaves."""

from functools import cache
from pathlib import Path
from typing import Final

from services.kernel.catalogue import load_catalogue
from services.kernel.registry import Classes

TOPICS: Final = Path(__file__).resolve().parents[2] / "schemas" / "topics"
"""The catalogue, which is installed beside this package."""


@cache
def field_classes() -> Classes:
    """Read the catalogue, once. Raises CatalogueError with all that is wrong with it."""
    return load_catalogue(TOPICS).classes
