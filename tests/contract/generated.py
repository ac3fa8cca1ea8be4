"""Events as Hypothesis makes them from the models themselves: any value that a field's type allows.

Content of sealed fields is marked: every text in it that may hold any word holds :data:`MARK`.
"""

import re
import types
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, RootModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_json

from services.contracts.consent import AlwaysValidated
from services.kernel.sealing.content import Digest, Sealed, SealedAs

MARK = "leaked7marker"
MOST = 3
"""Items of a list; longer ones tell nothing more here."""

Values = st.SearchStrategy[Any]
_CONSTRAINTS = ("ge", "le", "pattern", "max_length", "min_length")


@cache
def events(model: type[BaseModel], change: type[BaseModel] | None = None) -> Values:
    """Any event of a type; ``change``: of one variant of its ``change``."""
    only = {} if change is None else {"change": change}
    return st.deferred(lambda: _of_model(model, marked=False, only=only))


def contents(kind: Any) -> Values:
    """Any content of a sealed field, marked."""
    return _of(kind, {}, marked=True)


def changes(model: type[BaseModel]) -> tuple[type[BaseModel] | None, ...]:
    """The variants of a type's ``change``, or None where it has none."""
    field = model.model_fields.get("change")
    return get_args(field.annotation) or (None,) if field is not None else (None,)


def _of_model(model: type[BaseModel], *, marked: bool, only: Mapping[str, type[BaseModel]] = {}) -> Values:
    fields = {
        name: _of_model(only[name], marked=marked) if name in only else _of_field(field, marked=marked)
        for name, field in model.model_fields.items()
    }
    if issubclass(model, RootModel):
        return fields["root"].map(model)
    if issubclass(model, AlwaysValidated):  # nobody may make one of any value, but everybody may read one
        return st.fixed_dictionaries(fields).map(lambda values: _read(model, values))
    return st.fixed_dictionaries(fields).map(lambda values: model(**values))


def _read(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    """A model as it is read: digests are made by then."""

    def made(value: Any) -> str:
        assert isinstance(value, Digest), "what else cannot be read back"
        return "0" * 64

    return model.model_validate_json(to_json(values, fallback=made))


def _of_field(field: FieldInfo, *, marked: bool) -> Values:
    return _of(field.annotation, _constraints(field.metadata), marked=marked, metadata=field.metadata)


def _constraints(metadata: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        inner = item.metadata if isinstance(item, FieldInfo) else ()
        found |= _constraints(inner)
        for name in _CONSTRAINTS:
            value = getattr(item, name, None)
            if value is not None and value is not PydanticUndefined:
                found[name] = value
    return found


def _of(kind: Any, limits: Mapping[str, Any], *, marked: bool, metadata: Any = ()) -> Values:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner, *more = arguments
        return _of(inner, {**limits, **_constraints(more)}, marked=marked, metadata=more)
    if origin is Sealed:
        assert any(isinstance(item, SealedAs) for item in metadata)
        return contents(arguments[0]).map(Sealed.of)
    if origin in {Union, types.UnionType}:
        return st.one_of([_of(one, limits, marked=marked) for one in arguments])
    if origin in {tuple, dict}:
        return _of_many(origin, arguments, limits, marked=marked)
    return st.sampled_from(arguments) if origin is Literal else _plain(kind, limits, marked=marked)


def _of_many(origin: Any, arguments: tuple[Any, ...], limits: Mapping[str, Any], *, marked: bool) -> Values:
    first = _of(arguments[0], {}, marked=marked)
    if origin is dict:
        return st.dictionaries(first, _of(arguments[1], {}, marked=marked), max_size=MOST)
    most = min(limits.get("max_length", MOST), MOST)
    return st.lists(first, min_size=limits.get("min_length", 0), max_size=most).map(tuple)


def _plain(kind: Any, limits: Mapping[str, Any], *, marked: bool) -> Values:
    if kind is Digest:
        return st.binary(max_size=8).map(Digest.of)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _of_model(kind, marked=marked)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if kind is str:
        return _text(limits["pattern"], marked=marked)
    simple: dict[Any, Values] = {
        type(None): st.none(),
        bool: st.booleans(),
        int: st.integers(limits.get("ge"), limits.get("le")),
        date: st.dates(date(2000, 1, 1), date(2099, 1, 1)),
        AwareDatetime: st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    }
    return simple[kind]


def _text(pattern: str, *, marked: bool) -> Values:
    if marked:
        assert re.search(pattern, MARK), f"{pattern} has no room for a mark: choose another"
        return st.just(MARK)
    return st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
