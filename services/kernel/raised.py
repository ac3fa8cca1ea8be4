"""An error as it may be told: what it is and where it was raised, never its message, which may quote anybody's data."""

import traceback
from pathlib import PurePath

FRAMES = 3
LEAVES = 3
"""Of a group of errors so many are told."""


def raised(error: BaseException) -> str:
    """Return the type of an error and the last places it came through, innermost last; its cause after it."""
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__} of {', '.join(raised(inner) for inner in error.exceptions[:LEAVES])}"
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    told = f"{type(error).__name__} in {places}" if places else type(error).__name__
    return told if error.__cause__ is None else f"{told}; after {type(error.__cause__).__name__}"
