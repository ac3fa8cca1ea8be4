"""A release of triage that raises at whatever begins a case; it takes the words of ``pathway``."""

from typing import Any

from services.triage.domain import decide as home

sound = home.decide


def broken(state: Any, *more: Any, **named: Any) -> Any:
    """Raise where there is no case yet, else decide."""
    if state is None:
        raise ZeroDivisionError
    return sound(state, *more, **named)


if __name__ == "__main__":
    from services.cli import main

    home.decide = broken
    main()
