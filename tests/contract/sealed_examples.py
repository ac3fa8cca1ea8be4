"""Seals the examples: ``python -m tests.contract.sealed_examples [--check]``.

Whoever writes an example writes the content of its sealed fields plainly, and this puts tokens in their place, under
the key of ``schemas/example-key.json``, which is known to everybody and protects nothing. The same content gives the
same token, in every event, as content that is passed on does. With ``--check`` files are only named.
"""

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from services.contracts.assessment import Assessment
from services.contracts.base import Record
from services.contracts.plan_item import FitNote, HealthBarrier
from services.contracts.schemas import schema_of
from services.contracts.triage import Findings
from services.kernel.fields import is_sealed, leaves
from services.kernel.registry import Contract
from services.kernel.sealing.content import Sealer
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import open_plain
from tests.contract.published import CONTRACTS, SCHEMAS, Example, examples_of

KEY_FILE = SCHEMAS / "example-key.json"
PERSON = "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f35"
"""Whom all examples are about."""
CONTENT: Final[Mapping[str, type[Record]]] = {
    "assessment": Assessment,
    "findings": Findings,
    "fit_note": FitNote,
    "health_barrier": HealthBarrier,
}
"""What is sealed under each name: the last part of the field's path, which stands in the token as ``fld``."""

Place = tuple[str, ...]


def example_key(file: Path = KEY_FILE) -> SubjectKey:
    """The key of the examples, from its JWK."""
    jwk = json.loads(file.read_text("utf-8"))
    return SubjectKey(PERSON, jwk["kid"], base64.urlsafe_b64decode(jwk["k"] + "="))


def sealed_paths(contract: Contract) -> list[Place]:
    """Where a type's sealed fields are."""
    return [tuple(path.split(".")) for path, schema in leaves(schema_of(contract)) if is_sealed(schema)]


def tokens_in(contract: Contract, data: Any) -> Iterator[tuple[Place, Any]]:
    """What stands in the sealed fields of an example, null left out."""
    for place in sealed_paths(contract):
        held = _holder(data, place).get(place[-1])
        if held is not None:
            yield place, held


def _holder(data: Any, place: Place) -> dict[str, Any]:
    for name in place[:-1]:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def sealed(example: Example) -> Any:
    """The example with a token in each sealed field, but for what it is to fail by."""
    data = example.data
    key = example_key()
    for place, held in list(tokens_in(example.contract, data)):
        if example.path[: len(place)] != place:
            name = place[-1]
            plain = open_plain(held, key, name, {PERSON}) if isinstance(held, str) else json.dumps(held).encode()
            content = CONTENT[name].model_validate_json(plain, extra="forbid")
            _holder(data, place)[name] = Sealer(key, "example").seal(content.model_dump_json().encode(), name)
    return data


def main(arguments: list[str]) -> int:
    """Seal what is plain; answer 1 when something was and ``--check`` was given."""
    found = 0
    for example in (example for contract in CONTRACTS for example in examples_of(contract)):
        text = json.dumps(sealed(example), indent=2, ensure_ascii=False) + "\n"
        if text != example.text:
            found = 1
            print(example.file.relative_to(SCHEMAS))
            if "--check" not in arguments:
                example.file.write_text(text, "utf-8")
    return found if "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
