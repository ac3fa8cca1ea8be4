"""Nothing lies under ``schemas/`` that nothing reads."""

from pathlib import Path

from services.composition import NAMES
from services.contracts.schemas import path_of, released
from tests.contract.published import CONTRACTS, ROOT, SCHEMAS, earlier_examples, examples_of
from tests.contract.sealed_examples import KEY_FILE
from tests.contract.test_code_lists import ENUMERATIONS


def unused(files: set[Path]) -> set[str]:
    used = {SCHEMAS / "README.md", SCHEMAS / "released.sha256", SCHEMAS / "rules.schema.json", KEY_FILE}
    used |= {SCHEMAS / name for name in released(ROOT)}
    used |= {SCHEMAS / "codes" / f"{name}.yaml" for name in ENUMERATIONS}
    used |= {SCHEMAS / "topics" / f"{contract.topic}.yaml" for contract in CONTRACTS}
    used |= {SCHEMAS / "retention.yaml", SCHEMAS / "tables" / "kernel.yaml"}
    used |= {SCHEMAS / "tables" / f"{service}.yaml" for service in NAMES}
    used |= {path_of(contract) for contract in CONTRACTS}
    used |= {example.file for contract in CONTRACTS for example in examples_of(contract)}
    used |= {example.file for contract in CONTRACTS for example in earlier_examples(contract)}
    return {file.relative_to(SCHEMAS).as_posix() for file in files - used}


def test_every_file_is_used() -> None:
    assert unused({file for file in SCHEMAS.rglob("*") if file.is_file()}) == set()


def test_a_stray_file_is_seen() -> None:
    assert unused({SCHEMAS / "events/plan.forgotten/0.1.schema.json"}) == {"events/plan.forgotten/0.1.schema.json"}
