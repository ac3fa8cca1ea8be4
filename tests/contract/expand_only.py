"""What a migration does that the release before it could not stand: found in its source, without a database."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

RELEASED = {
    "kernel": 1,
    "intake": 9,
    "triage": 3,
    "coaching": 6,
    "outcomes": 1,
    "vault": 3,
}
"""Migrations up to this number were written before anything was released: each database begins with all of them."""

CALLS = {
    "drop_table": "drops a table",
    "drop_column": "drops a column",
    "rename_table": "renames a table",
    "drop_constraint": "",
    "alter_column": "changes a column",
}
SQL = {
    r"\bDROP\s+(TABLE|COLUMN|VIEW|FUNCTION|TYPE|SCHEMA)\b": "drops what the release before may use",
    r"\bRENAME\b": "renames",
    r"\bALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE\b": "changes a type",
    r"\bSET\s+NOT\s+NULL\b": "makes a column NOT NULL",
    r"\bADD\s+COLUMN\b(?![^;]*\bDEFAULT\b)[^;]*\bNOT\s+NULL\b": "adds a NOT NULL column without a default",
    r"\bADD\s+CONSTRAINT\b(?![^;]*\bNOT\s+VALID\b)": "adds a constraint that old rows and old writers may break",
    r"^\s*(UPDATE|DELETE\s+FROM|TRUNCATE)\b": "rewrites rows under the release before",
}


def faults(source: str) -> Iterator[str]:
    """Yield what ``upgrade`` does that is no expansion. A contraction names the release that stopped using it."""
    tree = ast.parse(source)
    if any(isinstance(node, ast.Assign) and _names(node) == ["CONTRACTS"] for node in tree.body):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            node.body = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)):
                yield from _call(name, node)
            case ast.Constant(value=str() as text):
                yield from (
                    f"line {node.lineno} {why}"
                    for sql, why in SQL.items()
                    if re.search(sql, text, re.IGNORECASE | re.MULTILINE)
                )


def _call(name: str, node: ast.Call) -> Iterator[str]:
    if CALLS.get(name):
        yield f"line {node.lineno} {CALLS[name]}"
    if name in {"create_check_constraint", "create_unique_constraint", "create_foreign_key"}:
        valid = [one for one in node.keywords if one.arg == "postgresql_not_valid"]
        if not valid:
            yield f"line {node.lineno} adds a constraint that old rows and old writers may break"
    if name == "add_column":
        column = node.args[1] if len(node.args) > 1 else None
        if isinstance(column, ast.Call):
            given = {one.arg: ast.unparse(one.value) for one in column.keywords}
            if given.get("nullable") == "False" and "server_default" not in given:
                yield f"line {node.lineno} adds a NOT NULL column without a default"


def _names(node: ast.Assign) -> list[str]:
    return [one.id for one in node.targets if isinstance(one, ast.Name)]


def held(folder: Path) -> list[Path]:
    """Return the migrations to which the rule applies."""
    found = sorted(folder.glob("*/migrations/versions/*.py"))
    numbered = [(path, re.fullmatch(r"([a-z]+)_(\d{4})_.*", path.stem)) for path in found]
    return [path for path, match in numbered if match and int(match[2]) > RELEASED.get(match[1], 0)]
