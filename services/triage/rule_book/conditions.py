"""A rule's condition as nested points."""

from collections.abc import Iterator
from typing import Final

from services.programmes.conditions import Condition
from services.triage.domain.reading import node_of
from services.triage.domain.rules import RuleSet
from services.triage.domain.trace import Node, NodeKind
from services.triage.explanation.sentences import clause
from services.triage.explanation.words import Voice

PARAMETERS: Final = {"out_of_work_limit_days": "the area's limit in", "skills_earnings_limit": True}
"""What stands for the values that a programme's file sets: a page is for every area."""

_HEADS: Final = {NodeKind.ALL: "all of these are true:", NodeKind.ANY: "one or more of these are true:"}


def points(condition: Condition, rules: RuleSet) -> Iterator[str]:
    """Yield a condition as lines of a nested list."""
    yield from _lines(node_of(condition, {}, rules.definitions, PARAMETERS), 0, negated=False)


def _lines(node: Node, depth: int, *, negated: bool) -> Iterator[str]:
    match node.kind:
        case NodeKind.TEST:
            yield _point(depth, clause(node, Voice.ABOUT, positive=not negated))
        case NodeKind.DEFINITION:
            yield from _defined(node, depth, negated=negated)
        case NodeKind.NOT:
            yield from _lines(node.parts[0], depth, negated=not negated)
        case NodeKind.UNDECIDED:
            yield _point(depth, "too little was asked to tell whether this is true:")
            yield from _lines(node.parts[0], depth + 1, negated=negated)
        case NodeKind.ALL | NodeKind.ANY:
            kind = _OTHER[node.kind] if negated else node.kind
            yield _point(depth, _HEADS[kind])
            for part in node.parts:
                yield from _lines(part, depth + 1, negated=negated)


_OTHER: Final = {NodeKind.ALL: NodeKind.ANY, NodeKind.ANY: NodeKind.ALL}
"""Not all of them: one of them not. Not any of them: all of them not."""


def _defined(node: Node, depth: int, *, negated: bool) -> Iterator[str]:
    """Yield a definition: its parts where it stands for one test, else under its name."""
    part = node.parts[0]
    if part.kind is NodeKind.TEST:
        yield from _lines(part, depth, negated=negated)
        return
    name = str(node.name).replace("_", " ")
    first, *rest = _lines(part, depth, negated=negated)
    yield f"{first[:-1]} (*{'not ' if negated else ''}{name}*):"
    yield from rest


def _point(depth: int, text: str) -> str:
    return f"{'  ' * depth}- {text}"
