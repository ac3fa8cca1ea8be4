"""Conditions as data: what an eligibility requirement or a triage rule asks of a person's facts.

A condition in a file is one of::

    {all: [...]}   {any: [...]}   {not: {...}}
    {field: phq9, at_least: 10}          a test: a field, an operator, a value
    {parameter: skills_limit, is: true}  a test of a value that the programme's file sets
    {definition: adult}                  a condition that the file names once
    {undecided: {...}}                   true while the inner condition is unknown

Logic has three values (Kleene): a question that was not asked is *unknown*, never false, and ``not``
unknown is unknown. Only ``known`` and ``undecided`` turn unknown into true or false, and they say so.
"""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class Frozen(BaseModel):
    """A value from a file: immutable, and an unknown key in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Operator(StrEnum):
    """How a test compares. Each fits some kinds of field; the check of a file says which."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ABOVE = "above"
    BELOW = "below"
    EQUALS = "equals"
    IS = "is"
    IN = "in"
    INCLUDES = "includes"
    INCLUDES_ANY = "includes_any"
    KNOWN = "known"


Scalar = bool | int | str


class Parameter(Frozen):
    """A value that the programme's file sets, named in place of a literal."""

    parameter: str


class All(Frozen):
    """True when every part is true, false when one is false, else unknown."""

    all: tuple["Condition", ...] = Field(min_length=1)


class AnyOf(Frozen):
    """True when one part is true, false when every part is false, else unknown."""

    any: tuple["Condition", ...] = Field(min_length=1)


class Not(Frozen):
    """The opposite; of unknown: unknown."""

    condition: "Condition" = Field(alias="not")


class Undecided(Frozen):
    """True while the inner condition is unknown, else false: too little was asked to tell."""

    undecided: "Condition"


class Defined(Frozen):
    """A condition that the same file defines under a name."""

    definition: str


class Test(Frozen):
    """A comparison of one field, or one parameter, with a value."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    field: str | None = None
    parameter: str | None = None
    operator: Operator
    value: Scalar | tuple[str, ...] | Parameter

    @model_validator(mode="before")
    @classmethod
    def _operator_is_the_key(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "operator" in data:
            return data
        subject = {key: data[key] for key in ("field", "parameter") if key in data}
        rest = {key: value for key, value in data.items() if key not in subject}
        if len(rest) != 1:
            raise ValueError("a test has one operator and its value, such as at_least: 10")
        name, value = next(iter(rest.items()))
        if name not in set(Operator):
            raise ValueError(f"{name!r} is no operator; use one of {', '.join(Operator)}")
        value = tuple(value) if isinstance(value, list) else value
        return {**subject, "operator": Operator(name), "value": value}

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.field is None) == (self.parameter is None):
            raise ValueError("a test names one field or one parameter")
        return self


_TAGS: dict[type, str] = {All: "all", AnyOf: "any", Not: "not", Undecided: "undecided", Defined: "definition"}


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        keys = ("all", "any", "not", "undecided", "definition")
        return next((key for key in keys if key in value), "test")
    return _TAGS.get(type(value), "test")


Condition = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Undecided, Tag("undecided")]
    | Annotated[Defined, Tag("definition")]
    | Annotated[Test, Tag("test")],
    Discriminator(_kind),
]

for _model in (All, AnyOf, Not, Undecided):
    _model.model_rebuild()
