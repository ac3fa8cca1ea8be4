"""A dossier as a page to print: one HTML file that needs nothing else and runs nothing."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from services.kernel.clock import rfc3339
from services.persons.dossier import Dossier, plain

STYLE = """
body { font: 11pt/1.4 sans-serif; margin: 2em auto; max-width: 60em; color: #000; background: #fff; }
h1 { font-size: 1.5em; } h2 { border-bottom: 1px solid #000; margin-top: 2em; } h3 { margin-bottom: .2em; }
table { border-collapse: collapse; width: 100%; margin: .3em 0 1em; page-break-inside: auto; }
th, td { border: 1px solid #999; padding: .2em .5em; text-align: left; vertical-align: top; word-break: break-word; }
th { width: 25%; font-weight: normal; color: #333; }
td table { margin: 0; } .none { color: #555; } .sealed { border-left: 3px solid #000; padding-left: .5em; }
@media print { h2 { page-break-before: always; } tr { page-break-inside: avoid; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(dossier: Dossier, described: Mapping[tuple[str, str], str]) -> str:
    """Return the page. ``described`` says of (service, table) what it holds."""
    return "".join(_parts(dossier, described))


def _parts(dossier: Dossier, described: Mapping[tuple[str, str], str]) -> Iterator[str]:
    title = f"What is held of {dossier.person_ids[0]}"
    yield (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}"><style>{STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1>"
    )
    standing = dossier.standing
    yield _value(
        {
            "made at": rfc3339(dossier.made_at),
            "pseudonyms": list(dossier.person_ids),
            "use is restricted": standing.restricted or "no",
            "legal hold": "yes" if standing.held else "no",
            "the key is missing of": dossier.key_missing or "none",
            "referrals": dossier.referrals,
        }
    )
    yield (
        "<p>Every row of every database that names this person, and their events as they stand in the topics. What "
        "rests sealed under the person's own key is opened and marked with a line. Health and work words are codes; "
        "their meanings are published with the system.</p>"
    )
    for service, held in dossier.held.items():
        yield f"<h2>{escape(service)}</h2>"
        empty = [table for table, rows in held.items() if not rows]
        for table, rows in held.items():
            if rows:
                yield f"<h3>{escape(table)}</h3>"
                yield f"<p>{escape(described.get((service, table), ''))}</p>"
                yield from (_value(row) for row in rows)
        if empty:
            yield f'<p class="none">Nothing in: {escape(", ".join(empty))}.</p>'
    yield "</body></html>\n"


def _value(value: Any) -> str:
    """Return a JSON value as HTML; everything in it is escaped."""
    match value:
        case {"sealed_as": str() as name, "content": content}:
            return f'<div class="sealed"><small>sealed: {escape(name)}</small>{_value(content)}</div>'
        case dict() if value:
            rows = "".join(f"<tr><th>{escape(str(k))}</th><td>{_value(v)}</td></tr>" for k, v in value.items())
            return f"<table>{rows}</table>"
        case list() if value:
            simple = all(not isinstance(one, dict | list) for one in value)
            return ", ".join(map(_word, value)) if simple else "".join(map(_value, value))
        case _:
            return _word(value)


def _word(value: Any) -> str:
    if value is None or value in ([], {}):
        return '<span class="none">none</span>'
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(str(plain(value)))
