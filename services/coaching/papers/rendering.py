"""A page as HTML: templates with autoescape, one style for screen and A4 paper, no JavaScript, nothing loaded.

A template that names what is not there fails, so that nothing is left blank in silence.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from services.coaching.domain.papers.pages import EmployerPage, GpPage, ParticipantPage
from services.coaching.papers.contact import Contact
from services.coaching.papers.words import ALL, day

_TEMPLATES: Final = files("services.coaching.papers") / "templates"


def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True, undefined=StrictUndefined, loader=FunctionLoader(_source), trim_blocks=True, lstrip_blocks=True
    )
    made.filters["day"] = day
    made.globals.update(ALL)
    return made


@cache
def style() -> str:
    """Return the style sheet, which stands in the page itself."""
    return _source("page.css")


@cache
def security_headers() -> dict[str, str]:
    """Return what a browser is told: load nothing, run nothing, keep nothing."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def participant(page: ParticipantPage, who: Contact, *, provider: str) -> str:
    """Return the person's own page, in large print."""
    return _render("participant.html", page=page, who=who, provider=provider)


def gp(page: GpPage, who: Contact, *, provider: str, programme: str, letter: Any = None) -> str:
    """Return the GP's page; ``letter`` when it is sent as one."""
    return _render("gp.html", page=page, who=who, provider=provider, programme=programme, letter=letter)


def employer(page: EmployerPage, name: str, *, letter: Any = None) -> str:
    """Return the employer's page. Only the person's name goes in, so that no more can come out; not even who supports
    them: some providers' names tell of a health condition, or of ethnicity.
    """
    return _render("employer.html", page=page, name=name, letter=letter)


def _render(template: str, /, **said: Any) -> str:
    return _environment().get_template(template).render(style=style(), **said)
