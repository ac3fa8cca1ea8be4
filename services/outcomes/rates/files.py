"""Files of rate cards: the templates that come with the service, and a commissioner's own, read and checked."""

from pathlib import Path
from typing import Final

from services.programmes.document import Problem, read_document, read_model
from services.programmes.rate_card import Payment, RateCard
from services.programmes.rate_checks import cards_faults
from services.programmes.reader import check_file

TEMPLATES: Final = Path(__file__).parent / "templates"


def names() -> list[str]:
    """Return the names of the templates."""
    return sorted(path.stem for path in TEMPLATES.glob("*.yaml"))


def text_of(name: str) -> str:
    """Return a template, to be copied. Raises KeyError for a name that is none."""
    if name not in names():
        raise KeyError(name)
    return (TEMPLATES / f"{name}.yaml").read_text("utf-8")


def read_cards(path: Path) -> tuple[tuple[RateCard, ...], list[Problem]]:
    """Return the cards of a file that holds nothing but ``rate_cards``, and all that is wrong with it."""
    document, problems = read_document(path)
    if document is None:
        return (), problems
    found, wrong = read_model(document, Payment)
    problems = [*problems, *wrong]
    if found is None:
        return (), sorted(problems)
    problems += [document.problem(at, code, message, fix) for at, code, message, fix in cards_faults(found.rate_cards)]
    return found.rate_cards, sorted(problems)


def check(path: Path) -> list[Problem]:
    """Return all that is wrong with a programme's file, or with a file of rate cards."""
    document, _ = read_document(path)
    if document is not None and isinstance(document.data, dict) and "rate_cards" in document.data:
        return read_cards(path)[1]
    return check_file(path)
