"""Whatever faces an employer needs the permission of a consent history; each rule with a case that breaks it."""

import ast
import importlib
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from services.contracts.codes import Channel
from services.contracts.consent import AlwaysValidated, EmployerFacing, EmployerPermission, NotPermitted
from services.contracts.plan_change import EmployerContacted
from services.contracts.plan_codes import EmployerRole
from tests.architecture.files import ROOT, SERVICES, named, sources

HOME = SERVICES / "contracts" / "consent.py"
FORGERY = frozenset({"_MINTED", "_permission", "_minted"})
"""What makes a permission; named in its own module only."""


@cache
def facing() -> tuple[type[EmployerFacing], ...]:
    """Every kind of output for an employer that any module defines."""
    for path in sources(SERVICES):
        if "EmployerFacing" in path.read_text():
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return tuple(sorted(_below(EmployerFacing), key=lambda model: model.__qualname__))


def _below(model: type[EmployerFacing]) -> Iterator[type[EmployerFacing]]:
    for child in model.__subclasses__():
        if child.__module__.startswith("services."):
            yield child
        yield from _below(child)


def _function(model: Any) -> Any:
    return model.model_construct.__func__


def made_without(model: Any) -> list[str]:
    """Return the ways in which a model could be made without permission."""
    field = model.model_fields["permission"]
    found = []
    if not field.is_required():
        found.append("the permission has a default")
    if field.annotation is not EmployerPermission:
        found.append("the permission may be something else")
    if field.exclude is not True:
        found.append("the permission is written out")
    if _function(model) is not _function(AlwaysValidated):
        found.append("it can be made without validation")
    given = {name: None for name in model.model_fields if name != "permission"}
    for permission in ({}, {"permission": None}, {"permission": object.__new__(EmployerPermission)}):
        try:
            model(**given, **permission)
        except NotPermitted:
            continue
        except ValidationError as refused:
            if any(error["loc"] == ("permission",) for error in refused.errors()):
                continue
        found.append(f"made with {permission}")
    return found


def test_output_for_an_employer_cannot_be_made_without_permission() -> None:
    assert [model.__name__ for model in facing()] == ["EmployerPage", "EmployerStatusView"]
    assert {model.__name__: made_without(model) for model in facing() if made_without(model)} == {}


class Leaky(EmployerFacing):
    permission: EmployerPermission | None = None  # type: ignore[assignment]


class Open(EmployerFacing):
    permission: Annotated[Any, Field(exclude=True)]


class Unchecked(EmployerFacing):
    @classmethod
    def model_construct(cls, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return object.__new__(cls)


@pytest.mark.parametrize("model", [Leaky, Open, Unchecked])
def test_a_model_that_goes_round_it_is_found(model: type[EmployerFacing]) -> None:
    assert made_without(model) != []


def takes_permission(path: Path) -> Iterator[str]:
    """A function that returns something for an employer takes an EmployerPermission, which has no default."""
    names = {model.__name__ for model in facing()} | {"EmployerContacted", "EmployerFacing"}
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        made = {
            call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        }
        if made & names and not _asks(node.args):
            yield f"{named(path)}:{node.lineno} {node.name} makes output for an employer without permission"


def _asks(arguments: ast.arguments) -> bool:
    plain = [*arguments.posonlyargs, *arguments.args]
    required = plain[: len(plain) - len(arguments.defaults)]
    required += [a for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return any(isinstance(a.annotation, ast.Name) and a.annotation.id == "EmployerPermission" for a in required)


def forges(path: Path) -> Iterator[str]:
    """Nobody but the history makes a permission, or looks behind it."""
    for node in ast.walk(ast.parse(path.read_text())):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", getattr(node, "name", ""))
        if name in FORGERY:
            yield f"{named(path)} names {name}"


def faults(paths: Iterable[Path]) -> list[str]:
    return [fault for path in paths for rule in (takes_permission, forges) for fault in rule(path)]


def test_every_function_that_makes_such_output_takes_the_permission() -> None:
    assert faults(path for path in sources(SERVICES) if path != HOME) == []


@pytest.mark.parametrize(
    "text",
    [
        "def tell(row):\n    return EmployerStatusView(permission=row.p)\n",
        "def tell(p: EmployerPermission = None):\n    return EmployerStatusView(permission=p)\n",
        "def tell(*, p: EmployerPermission | None):\n    return EmployerStatusView(permission=p)\n",
        "def call():\n    return EmployerContacted(by=None)\n",
        "from services.contracts import consent\nmade = consent._permission(day, day)\n",
        "from services.contracts.consent import _permission\n",
        "object.__setattr__(bare, '_minted', consent._MINTED)\n",
    ],
)
def test_a_function_that_goes_round_it_is_found(text: str, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.py"
    guilty.write_text(text)
    assert faults([guilty]) != []


def test_a_function_that_takes_the_permission_is_none_of_them(tmp_path: Path) -> None:
    innocent = tmp_path / "innocent.py"
    innocent.write_text(
        "def tell(permission: EmployerPermission, row):\n    return EmployerStatusView(permission=permission)\n"
    )
    assert faults([innocent]) == []


def test_a_contact_with_an_employer_has_no_other_maker() -> None:
    maker: Any = EmployerContacted
    assert _function(maker) is _function(AlwaysValidated)
    fields: dict[str, Any] = {
        "by": None,
        "occurred_on": date(2024, 12, 1),
        "channel": Channel.PHONE,
        "employer": "employer-1",
    }
    fields |= {"size": None, "role": EmployerRole.OWNER, "agreed": (), "next_on": None, "note_digest": None}
    with pytest.raises(NotPermitted):
        maker(**fields)
    with pytest.raises(NotPermitted):
        maker.model_validate(fields)
