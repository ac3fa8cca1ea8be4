"""All that rests in a database, as text in which one can search."""

import re

from tests.parts.databases import Database

TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
_BYTES = re.compile(r"\\\\x((?:[0-9a-f]{2})+)")


def contents(database: Database) -> dict[str, str]:
    """Return each table's rows, as COPY writes them; what is kept as bytes is read as text too."""
    names = database.postgres.execute(TABLES, database.name).splitlines()
    return {name: _readable(database.postgres.execute(f"COPY {name} TO STDOUT", database.name)) for name in names}


def _readable(rows: str) -> str:
    return _BYTES.sub(lambda found: bytes.fromhex(found[1]).decode("utf-8", "replace"), rows)
