"""Reads rule files: all that is wrong at once, with file and line; then the book of them."""

from pathlib import Path

from services.programmes.document import Document, FileRefused, Problem, read_document, read_model
from services.triage.domain.checks import rule_faults
from services.triage.domain.policy import RuleBook
from services.triage.domain.rules import RuleSet

FOLDER = Path(__file__).parent / "rules"
"""The rule files of this repository: ``<id>-<version>.yaml``."""


def _read(path: Path) -> tuple[RuleSet | None, list[Problem]]:
    document, problems = read_document(path)
    if document is None:
        return None, problems
    return _sound(path, document, problems)


def _sound(path: Path, document: Document, problems: list[Problem]) -> tuple[RuleSet | None, list[Problem]]:
    if not isinstance(document.data, dict) or "sha256" in document.data:
        message = "A rule file holds keys and values, and not its own hash."
        return None, [*problems, document.problem(("sha256",), "not_a_rule_file", message)]
    whole = Document(document.file, {**document.data, "sha256": document.sha256}, document.lines, document.sha256)
    rules, more = read_model(whole, RuleSet)
    problems += more
    if rules is None:
        return None, problems
    problems += [document.problem(at, code, message, fix) for at, code, message, fix in rule_faults(rules)]
    name = f"{rules.ruleset}-{rules.version}.yaml"
    if path.name != name:
        problems.append(
            document.problem(("version",), "file_name", f"The file is called {path.name}.", f"Call it {name}.")
        )
    return rules, problems


def check_rules(path: Path) -> list[Problem]:
    """Return all that is wrong with a rule file, by line."""
    return sorted(set(_read(path)[1]), key=lambda p: (p.line, p.code, p.message))


def load_rules(path: Path) -> RuleSet:
    """Return the rules of one file. Raises FileRefused with everything that is wrong with it."""
    rules, problems = _read(path)
    if rules is None or problems:
        raise FileRefused(sorted(problems))
    return rules


def read_cases(path: Path) -> tuple[RuleSet, list[int]]:
    """Return the rules of one file and the line of each of its cases. Raises FileRefused as :func:`load_rules`."""
    document, problems = read_document(path)
    rules, problems = (None, problems) if document is None else _sound(path, document, problems)
    if document is None or rules is None or problems:
        raise FileRefused(sorted(problems))
    return rules, [document.line(("cases", index)) for index in range(len(rules.cases))]


def load_rulebook(folder: Path = FOLDER) -> RuleBook:
    """Read every rule file in ``folder``. Raises FileRefused with everything that is wrong with all of them."""
    found = [_read(path) for path in sorted(folder.glob("*.yaml"))]
    problems = [problem for _, each in found for problem in each]
    if not found:
        problems.append(Problem(str(folder), 1, "no_rules", "There is no <id>-<version>.yaml here."))
    if problems:
        raise FileRefused(sorted(problems))
    return RuleBook(rules for rules, _ in found if rules is not None)
