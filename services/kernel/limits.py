"""Input limits, checked before anything is parsed into objects.

A message that breaks one is poison: it can exhaust memory (depth, size), or it holds what PostgreSQL
or another reader of JSON cannot hold (NUL, lone surrogates, integers above 2**53, NaN).
"""

import json
import math
import re
from typing import Any

MAX_VALUE_BYTES = 64 * 1024
MAX_KEY_BYTES = 64
MAX_HEADERS = 20
MAX_HEADER_BYTES = 4 * 1024
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1

_ALL_BYTES = bytes(range(256))
_BRACES = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS = bytes(b for b in _ALL_BYTES if b not in b"{}[]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_SUSPICIOUS_NUMBERS = (b"0" * 16, b"0.", b"0e", b"0E")
_SURROGATE_OR_NUL = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class LimitError(ValueError):
    """An input beyond a limit. ``code`` is stable, the text says which limit."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check_json(raw: bytes) -> None:
    """Raise :class:`LimitError` when ``raw`` breaks a limit; whether it is JSON at all is not said.

    Nothing is parsed unless it holds an escape or number that needs a closer look, so that the usual
    message costs a few microseconds.
    """
    if len(raw) > MAX_VALUE_BYTES:
        raise LimitError("value_too_large", f"{len(raw)} bytes; at most {MAX_VALUE_BYTES}")
    if b"\x00" in raw:
        raise LimitError("nul_character", "a NUL character cannot be stored")
    outside = b"".join(raw.split(b'"')[::2]) if b"\\" not in raw else _STRING.sub(b"", raw)
    brackets = outside.translate(_BRACES, _NOT_BRACKETS)
    if len(brackets) > MAX_DEPTH:
        _check_depth(brackets)
    if b"N" in outside or b"I" in outside:
        raise LimitError("not_a_number", "NaN and Infinity are not JSON")
    numbers = outside.translate(_DIGITS_ALIKE)
    if any(form in numbers for form in _SUSPICIOUS_NUMBERS) or (b"\\u" in raw and _SURROGATE_OR_NUL.search(raw)):
        _look_closer(raw)


def _check_depth(brackets: bytes) -> None:
    left = brackets
    for _ in range(MAX_DEPTH):
        left = left.replace(b"{}", b"")
        if not left:
            return
    # too deep, or unbalanced and not JSON, which the parser says better
    depth = 0
    for byte in brackets:
        depth += 1 if byte == ord("{") else -1
        if depth > MAX_DEPTH:
            raise LimitError("too_deep", f"nested deeper than {MAX_DEPTH} levels")


def _look_closer(raw: bytes) -> None:
    """Parse and look at every string and number; only inputs with a suspicious byte come here."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return  # the real parser reports it
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str):
            _check_text(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            _check_number(item)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise LimitError("nul_character", "a NUL character cannot be stored")
    if any("\ud800" <= ch <= "\udfff" for ch in text):
        raise LimitError("lone_surrogate", "a lone surrogate is not a character")


def _check_number(number: float) -> None:
    if isinstance(number, float) and not math.isfinite(number):  # an integer can be too long for a float
        raise LimitError("not_a_number", "a number beyond what can be held")
    if abs(number) > MAX_INTEGER:
        raise LimitError("integer_too_large", f"integers lie within {MAX_INTEGER}")


def check_record(key: bytes | None, value: bytes | None, headers: "tuple[tuple[str, bytes], ...]") -> None:
    """Raise :class:`LimitError` when a Kafka record is beyond a limit (value's size included)."""
    if value is None:
        raise LimitError("no_value", "the record has no value")
    if len(value) > MAX_VALUE_BYTES:
        raise LimitError("value_too_large", f"{len(value)} bytes; at most {MAX_VALUE_BYTES}")
    if key is not None and len(key) > MAX_KEY_BYTES:
        raise LimitError("key_too_large", f"{len(key)} bytes; at most {MAX_KEY_BYTES}")
    if len(headers) > MAX_HEADERS:
        raise LimitError("too_many_headers", f"{len(headers)} headers; at most {MAX_HEADERS}")
    for name, content in headers:
        if len(name) + len(content or b"") > MAX_HEADER_BYTES:
            raise LimitError("header_too_large", f"a header above {MAX_HEADER_BYTES} bytes")
