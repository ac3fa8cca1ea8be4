"""What a fact is and what a test asks, as sentences."""

from collections.abc import Iterator
from typing import NamedTuple

from services.triage.domain.trace import FactRead, Node, NodeKind, Value
from services.triage.explanation.words import (
    AGES,
    PARAMETERS,
    CodesWords,
    CodeWords,
    FlagWords,
    NumberWords,
    Voice,
    listed,
    words_of,
)

_SIGNS = {
    "at_least": "{} or more",
    "at_most": "{} or less",
    "above": "more than {}",
    "below": "less than {}",
    "equals": "{}",
}
_OPPOSITE = {"at_least": "below", "at_most": "above", "above": "at_most", "below": "at_least"}
_AGES = {"at_least": "{} or over", "at_most": "{} or under", "above": "over {}", "below": "under {}", "equals": "{}"}


class Leaf(NamedTuple):
    """A test that settles a condition. ``wants``: what it would have to be for the whole to be true (None: either)."""

    node: Node
    wants: bool | None


def statement(fact: FactRead, voice: Voice) -> str:
    """Say what a fact is: known, not asked, or of no meaning for this person."""
    words = words_of(fact.field)
    if not fact.applies:
        return _sentence(f"{words.name} does not apply", voice)
    if fact.value is None:
        return _sentence(f"nobody has asked about {words.name}", voice)
    return _sentence(_clause_of(fact.field, fact.value), voice)


def brief(field: str, value: Value) -> str:
    """Say what a fact is, as briefly as a table has it."""
    words = words_of(field)
    if isinstance(words, NumberWords):
        return _sentence(f"{name_of(field)}: {_number(field, value)}{_unit(words)}", Voice.ABOUT).removesuffix(".")
    return _sentence(_clause_of(field, value), Voice.ABOUT).removesuffix(".")


def name_of(field: str) -> str:
    """Return what a field is called, of nobody in particular."""
    return Voice.ABOUT.says(words_of(field).name.replace("{their} ", ""))


def clause(node: Node, voice: Voice, *, positive: bool = True) -> str:
    """Say what a test asks for, within a sentence; not ``positive``: its opposite."""
    return voice.says(_asked(node, positive))


def clause_of_value(field: str, value: Value, voice: Voice) -> str:
    """Say that a field has a value, within a sentence."""
    return voice.says(_clause_of(field, value))


def deciding(node: Node, *, wants: bool = True) -> Iterator[Leaf]:
    """Yield the tests that make a condition true, false or unknown, those that do not matter left out."""
    match node.kind:
        case NodeKind.TEST:
            yield Leaf(node, wants)
        case NodeKind.NOT:
            yield from deciding(node.parts[0], wants=not wants)
        case NodeKind.UNDECIDED:
            yield from (Leaf(leaf.node, None) for leaf in deciding(node.parts[0], wants=wants))
        case NodeKind.DEFINITION:
            yield from deciding(node.parts[0], wants=wants)
        case NodeKind.ALL | NodeKind.ANY:
            settles = node.kind is NodeKind.ANY
            every = node.truth is not None and node.truth is not settles
            for part in node.parts:
                if every or part.truth is node.truth:
                    yield from deciding(part, wants=wants)


def _sentence(text: str, voice: Voice) -> str:
    said = voice.says(text)
    return f"{said[0].upper()}{said[1:]}."


def _clause_of(field: str, value: Value) -> str:
    words = words_of(field)
    match words:
        case FlagWords():
            return words.yes if value else words.no
        case CodeWords():
            return words.clauses.get(str(value), f"{words.name} is {value}")
        case CodesWords():
            codes = [words.codes[code] for code in value] if isinstance(value, tuple) else []
            return f"{words.has} {listed(codes)}" if codes else words.none
        case NumberWords():
            return f"{words.name} is {_number(field, value)}{_unit(words)}"


def _asked(node: Node, positive: bool) -> str:
    says_so = bool(node.wanted) is positive
    if node.parameter is not None:
        return PARAMETERS[node.parameter][0 if says_so else 1]
    field, operator = str(node.field), str(node.operator)
    words = words_of(field)
    if operator == "known":
        return f"{'somebody has asked about' if says_so else 'nobody has asked about'} {words.name}"
    match words:
        case FlagWords():
            return words.yes if says_so else words.no
        case CodeWords():
            return _one_of(words, node.wanted, positive)
        case CodesWords():
            named = node.wanted if isinstance(node.wanted, tuple) else (str(node.wanted),)
            codes = listed([words.codes[code] for code in named], "or")
            return f"{words.has if positive else words.has_not} {codes}"
        case NumberWords():
            return _compared(words, field, operator, node.wanted, positive)


def _compared(words: NumberWords, field: str, operator: str, wanted: Value, positive: bool) -> str:
    if not positive and operator == "equals":
        return f"{words.name} is not {wanted}{_unit(words)}"
    sign = (_AGES if field == "age" else _SIGNS)[operator if positive else _OPPOSITE[operator]]
    return f"{words.name} is {sign.format(f'{wanted}{_unit(words)}')}"


def _one_of(words: CodeWords, wanted: Value, positive: bool) -> str:
    named = [str(code) for code in wanted] if isinstance(wanted, tuple) else [str(wanted)]
    if not positive:
        named = [code for code in words.clauses if code not in named]
    return words.groups.get(frozenset(named)) or listed([words.clauses[code] for code in named], "or")


def _number(field: str, value: Value) -> str:
    return AGES[value] if field == "age" and isinstance(value, int) and value in AGES else str(value)


def _unit(words: NumberWords) -> str:
    return f" {words.unit}" if words.unit else ""
