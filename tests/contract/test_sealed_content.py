"""What stands inside the sealed fields of the examples, to a library that knows nothing of us; what may stand there."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jwcrypto import jwe, jwk
from pydantic import ValidationError

from services.contracts.schemas import path_of
from services.kernel.fields import leaves
from tests.contract import sealed_examples
from tests.contract.published import CONTRACTS, Example, examples_of, name_of, passing, with_causes
from tests.contract.sealed_examples import CONTENT, KEY_FILE, PERSON, Place, tokens_in

TOKENS = [
    (example, place, token)
    for contract in CONTRACTS
    for example in examples_of(contract)
    for place, token in tokens_in(contract, example.data)
    if example.path[: len(place)] != place
]


def inside(example: Example, place: Place) -> Draft202012Validator:
    """A validator of what is sealed there, from the file as published."""
    schema = json.loads(path_of(example.contract).read_text("utf-8"))
    content = next(found["contentSchema"] for path, found in leaves(schema) if path == ".".join(place))
    rooted = {**content, "$defs": schema["$defs"]}
    return Draft202012Validator(rooted, format_checker=Draft202012Validator.FORMAT_CHECKER)


def opened(token: str) -> jwe.JWE:
    found = jwe.JWE()
    found.deserialize(token, jwk.JWK.from_json(KEY_FILE.read_text("utf-8")))
    return found


@pytest.mark.parametrize(("example", "place", "token"), TOKENS, ids=lambda v: name_of(v)[:60])
def test_a_standard_library_opens_it_with_the_published_key_and_finds_what_the_schema_says(
    example: Example, place: Place, token: str
) -> None:
    found = opened(token)
    header = {"alg": "dir", "enc": "A256GCM", "kid": "example-key", "sub": PERSON, "fld": place[-1]}
    assert found.jose_header == header
    inside(example, place).validate(json.loads(found.payload))
    CONTENT[place[-1]].model_validate_json(found.payload, extra="forbid")


def test_every_sealed_field_of_every_type_is_shown_in_an_example() -> None:
    shown = {(example.contract.type, place) for example, place, _ in TOKENS if not example.reason}
    assert shown == {(c.type, place) for c in CONTRACTS for place in sealed_examples.sealed_paths(c)}


def test_an_answer_is_the_same_token_wherever_it_is_passed_on() -> None:
    full = [(e, token) for e, place, token in TOKENS if place[-1] == "assessment" and e.file.stem == "full.pass"]
    assert {e.contract.name for e, _ in full} == {"referral.created", "referral.assessed", "triage.completed"}
    assert len({token for _, token in full}) == 1


# The tool that seals them.


def test_the_examples_are_sealed_as_the_tool_would(capsys: pytest.CaptureFixture[str]) -> None:
    assert sealed_examples.main(["--check"]) == 0, capsys.readouterr().out


def plainly(example: Example, folder: Path) -> Example:
    """A copy of an example as somebody writes it: contents in plain."""
    data = example.data
    for place, token in list(tokens_in(example.contract, data)):
        holder = data
        for name in place[:-1]:
            holder = holder[name]
        holder[place[-1]] = json.loads(opened(token).payload)
    file = folder / example.file.name
    file.write_text(json.dumps(data), "utf-8")
    return replace(example, file=file)


@pytest.mark.parametrize("example", [e for e in passing() if list(tokens_in(e.contract, e.data))], ids=name_of)
def test_content_in_plain_becomes_the_same_token_again(example: Example, tmp_path: Path) -> None:
    plain = plainly(example, tmp_path)
    assert plain.data != example.data
    assert sealed_examples.sealed(plain) == example.data


def test_content_that_is_none_is_not_sealed(tmp_path: Path) -> None:
    full = next(e for e in passing() if (e.contract.name, e.file.stem) == ("referral.assessed", "full.pass"))
    plain = plainly(full, tmp_path)
    plain.file.write_text(plain.text.replace('"score": 12', '"score": 28'), "utf-8")
    with pytest.raises(ValidationError):
        sealed_examples.sealed(plain)


# What may stand inside. A token hides it from the schemas' reader, so it is tried here.

Edit = Callable[[dict[str, Any]], object]
FAULTS: list[tuple[str, str, Edit, str]] = [
    ("assessment", "phq9.score", lambda c: c["phq9"].update(score=28), "maximum"),
    ("assessment", "phq9.item9", lambda c: c["phq9"].update(item9=4), "maximum"),
    ("assessment", "gad7.score", lambda c: c["gad7"].update(score=-1), "minimum"),
    ("assessment", "start_msk.score", lambda c: c["start_msk"].update(score=13), "maximum"),
    ("assessment", "wsas.score", lambda c: c["wsas"].update(score=41), "maximum"),
    ("assessment", "red_flags", lambda c: c["red_flags"].update(sore_toe=True), "enum"),
    ("assessment", "red_flags.saddle_numbness", lambda c: c["red_flags"].update(saddle_numbness="no"), "type"),
    ("assessment", "conditions.0", lambda c: c["conditions"].insert(0, "cold"), "enum"),
    ("assessment", "taken_on", lambda c: c.update(taken_on="yesterday"), "format"),
    ("findings", "urgency", lambda c: c.update(urgency="soon"), "enum"),
    ("findings", "cause", lambda c: c.update(cause="why not"), "enum"),
    ("findings", "reasons.0.rule", lambda c: c["reasons"][0].update(rule="a sentence"), "pattern"),
    ("findings", "reasons.0.code", lambda c: c["reasons"][0].update(code="A sentence"), "pattern"),
    ("findings", "awaits.0", lambda c: c["awaits"].insert(0, "a sentence"), "pattern"),
    ("findings", "awaits", lambda c: c.pop("awaits"), "required"),
    ("findings", "acknowledged", lambda c: c.pop("acknowledged"), "required"),
    ("fit_note", "fitness", lambda c: c.update(fitness="fit enough"), "enum"),
    ("fit_note", "from_on", lambda c: c.update(from_on=None), "type"),
    ("fit_note", "to_on", lambda c: c.update(to_on="2024-13-01"), "format"),
]


@pytest.mark.parametrize(("name", "path", "edit", "keyword"), FAULTS, ids=[f"{f[0]}.{f[1]}" for f in FAULTS])
def test_content_that_may_not_be_is_refused_by_schema_and_model(name: str, path: str, edit: Edit, keyword: str) -> None:
    example, place, token = next(t for t in TOKENS if t[1][-1] == name and not t[0].reason)
    content = json.loads(opened(token).payload)
    CONTENT[name].model_validate_json(json.dumps(content))
    wrong = copy.deepcopy(content)
    edit(wrong)
    assert keyword in {error.validator for error in with_causes(inside(example, place).iter_errors(wrong))}
    with pytest.raises(ValidationError) as refusal:
        CONTENT[name].model_validate_json(json.dumps(wrong))
    places = [[str(part) for part in error["loc"]] for error in refusal.value.errors()]
    assert any(found[: len(path.split("."))] == path.split(".") for found in places), places
