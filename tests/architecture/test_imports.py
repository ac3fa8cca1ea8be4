"""Who may import what: the contracts of pyproject.toml hold, and each of them can break."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import grimp
import importlinter.api  # noqa: F401  it configures import-linter
import pytest
from importlinter.application import use_cases
from importlinter.domain.contract import registry

from tests.architecture.files import ROOT

PLANTED = [
    # (contract that breaks, module that imports, what it imports)
    ("services-apart", "services.coaching.domain.guards", "services.triage.domain.state"),
    ("services-apart", "services.outcomes.api", "services.intake.store"),
    ("services-apart", "services.intake.service", "services.vault.keys"),
    ("layers", "services.programmes.model", "services.triage.domain.rules"),
    ("layers", "services.contracts.base", "services.programmes.model"),
    ("layers", "services.intake.service", "services.composition"),
    ("layers", "services.planted", "services.kernel.money"),
    ("pure-domain", "services.triage.domain.decide", "random"),
    ("pure-domain", "services.triage.domain.decide", "services.kernel.settings"),
    ("pure-domain", "services.intake.domain.derive", "services.intake.store"),
    ("pure-domain", "services.outcomes.domain.terms", "services.programmes.reader"),
    ("pure-domain", "services.coaching.domain.dates", "asyncpg"),
    ("pure-domain", "services.coaching.domain.dates", "time"),
    ("pure-domain", "services.vault.domain.decide", "services.kernel.sealing.keys"),
    ("pure-language", "services.contracts.plan", "services.kernel.runtime.fold"),
    ("pure-language", "services.contracts.plan", "fastapi"),
    ("value-types", "services.kernel.decision", "services.kernel.settings"),
    ("sealed-values", "services.kernel.sealing.content", "services.kernel.sealing.keyring"),
    ("sealed-values", "services.kernel.sealing.tokens", "services.kernel.clock"),
    ("pure-language", "services.contracts.plan", "services.kernel.sealing.keyring"),
    ("kernel-knows-nobody", "services.kernel.service", "services.contracts.registry"),
    ("kernel-knows-nobody", "services.kernel.runtime.fold", "services.programmes.model"),
    ("kernel-knows-nobody", "services.kernel.http.app", "services.intake.api"),
    ("kernel-knows-nobody", "services.kernel.sealing.source", "services.vault.keys"),
    ("across-services", "services.persons.dossier", "services.triage.domain.state"),
    ("across-services", "services.persons.find", "services.intake.people.recognising"),
    ("across-services", "services.retention.run", "services.outcomes.store"),
    ("across-services", "services.retention.run", "random"),
    ("layers", "services.persons.dossier", "services.composition"),
    ("layers", "services.persons.dossier", "services.retention"),
    ("one-home-for-faust", "services.kernel.runtime.aiokafka_runner", "faust"),
    ("one-home-for-faust", "services.triage.service", "mode"),
    ("one-home-for-the-broker", "services.triage.api", "aiokafka"),
    ("one-home-for-the-broker", "services.outcomes.reading", "asyncpg"),
    ("no-pen", "services.triage.trying.shadow", "services.kernel.runtime.relay"),
    ("no-pen", "services.triage.trying.decisions", "services.kernel.runtime.commands"),
    ("embedded-parts", "services.kernel.runtime.roles", "services.embedded.broker"),
]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("services", include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def options() -> Any:
    found = use_cases.read_user_options(str(ROOT / "pyproject.toml"))
    use_cases._register_contract_types(found)
    return found


def broken(graph: grimp.ImportGraph, options: Any) -> dict[str, Any]:
    """The contracts that ``graph`` breaks, by id."""
    found = {}
    for wanted in options.contracts_options:
        contract = registry.get_contract_class(wanted["type"])(
            name=wanted["name"], session_options=options.session_options, contract_options=wanted
        )
        check = contract.check(copy.deepcopy(graph), verbose=False)
        if not check.kept:
            found[wanted["id"]] = check.metadata
    return found


def test_every_contract_holds(graph: grimp.ImportGraph, options: Any) -> None:
    assert broken(graph, options) == {}


def test_every_contract_has_a_case_that_breaks_it(options: Any) -> None:
    assert {contract for contract, _, _ in PLANTED} == {wanted["id"] for wanted in options.contracts_options}


@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTED)
def test_a_planted_import_breaks_its_contract(
    contract: str, importer: str, imported: str, graph: grimp.ImportGraph, options: Any
) -> None:
    planted = copy.deepcopy(graph)
    for name in (importer, imported):
        if name not in planted.modules:
            planted.add_module(name, is_squashed=not name.startswith("services."))
    planted.add_import(importer=importer, imported=imported)
    assert contract in broken(planted, options)


def test_the_kernels_list_names_every_other_package(graph: grimp.ImportGraph, options: Any) -> None:
    """A package that is added tomorrow must not be forgotten."""
    listed = next(o for o in options.contracts_options if o["id"] == "kernel-knows-nobody")["forbidden_modules"]
    assert set(listed) == graph.find_children("services") - {"services.kernel"}


def test_lint_imports_itself_sees_a_planted_import(tmp_path: Path) -> None:
    """The whole way: files on disk, the command that ``make check`` runs, its exit code."""
    shutil.copytree(ROOT / "services", tmp_path / "services", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "architecture", tmp_path / "tests" / "architecture")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    linter = Path(sys.executable).parent / "lint-imports"

    def lint() -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "200"}
        command = [str(linter), "--no-cache"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

    untouched = lint()
    assert untouched.returncode == 0, untouched.stdout + untouched.stderr
    guilty = tmp_path / "services" / "kernel" / "service.py"
    guilty.write_text(guilty.read_text() + "\nfrom services.contracts.registry import EVENTS\n")
    planted = lint()
    assert planted.returncode == 1
    assert "services.kernel.service" in planted.stdout
    assert "The kernel imports no other package of ours BROKEN" in planted.stdout
