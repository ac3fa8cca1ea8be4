"""What became of each row: counted, told by row and column, and written back for those that must be corrected."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from services.bulk.mapping import ADDED, Columns, Problem, Referral
from services.bulk.sending import Reply
from services.bulk.sheet import Sheet, write_sheet

ALREADY_REFERRED: Final = "already_referred"
DUPLICATE: Final = "duplicate_referral"


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"
    REVIEW = "eligibility_review"
    ALREADY = "already_imported"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Result:
    """One row: its outcome, the referral that it is, what is wrong, what was put right, the safety text."""

    referral: Referral
    outcome: Outcome
    referral_id: str | None = None
    problems: tuple[Problem, ...] = ()
    safety: Mapping[str, str] | None = None

    @property
    def rejected(self) -> bool:
        """Whether somebody must look at it."""
        return self.outcome in {Outcome.REJECTED, Outcome.DUPLICATE}

    def shown(self) -> dict[str, Any]:
        """Return it for a script: numbers, headings and codes, nothing of what the row says."""
        return {
            "row": self.referral.row.number,
            "outcome": self.outcome.value,
            "referral_id": self.referral_id,
            "errors": [_shown(problem) for problem in self.problems],
            "mended": [_shown(problem) for problem in self.referral.mended],
            "safety": self.safety,
        }


def _shown(problem: Problem) -> dict[str, Any]:
    return {"column": problem.column, "code": problem.code, "message": problem.message}


def _same_row(errors: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether a row is refused for nothing but that it was sent before, word for word."""
    codes = {error["code"] for error in errors}
    return ALREADY_REFERRED in codes <= {ALREADY_REFERRED, DUPLICATE}


@dataclass
class Report:
    """Everything that is known of the rows so far."""

    columns: Columns
    results: list[Result] = field(default_factory=list)

    def take(self, referral: Referral, reply: Reply) -> None:
        """Add what the API said of a row, to what its cells said."""
        body = reply.body
        safety = body.get("safety")
        if reply.status == HTTPStatus.CREATED and not referral.faults:
            outcome = Outcome.REVIEW if body["status"] == Outcome.REVIEW else Outcome.ACCEPTED
            outcome = Outcome.ALREADY if reply.replayed else outcome
            self.results.append(Result(referral, outcome, body["referral_id"], safety=safety))
            return
        problems = [*referral.faults]
        if reply.status != HTTPStatus.CREATED:
            told = [error for error in body["errors"] if error["pointer"] not in referral.fault_at]
            if not referral.faults and _same_row(told):
                self.results.append(Result(referral, Outcome.ALREADY, body.get("referral_id"), safety=safety))
                return
            problems += [self._problem(error) for error in told]
        outcome = Outcome.DUPLICATE if reply.status == HTTPStatus.CONFLICT else Outcome.REJECTED
        self.results.append(Result(referral, outcome, body.get("referral_id"), tuple(problems), safety))

    def _problem(self, error: Mapping[str, str]) -> Problem:
        """Name the column that an error points at: its own, the one that it lies in, the first that lies in it."""
        pointer = f"{error['pointer']}/"
        there = [(f"{column.field.pointer}/", column.heading) for column in self.columns.columns]
        own = (heading for place, heading in there if pointer.startswith(place))
        inner = (heading for place, heading in there if place.startswith(pointer) and pointer != "/")
        column = next(own, None) or next(inner, None) or (pointer.strip("/").replace("/", ".") or None)
        return Problem(column, error["code"], error["message"])

    def counts(self) -> dict[str, int]:
        """Return how many rows came to what."""
        found = Counter(result.outcome for result in self.results)
        return {outcome.value: found[outcome] for outcome in Outcome}

    def ordered(self) -> Sequence[Result]:
        """Return the results in the order of the file."""
        return sorted(self.results, key=lambda result: result.referral.row.number)

    def rejected(self) -> Sequence[Result]:
        """Return the rows that somebody must look at."""
        return [result for result in self.ordered() if result.rejected]


def write_rejects(path: Path, sheet: Sheet, rejected: Sequence[Result]) -> None:
    """Write the rejected rows as they came, with their number and what is wrong, to be corrected and fed again."""
    kept = [index for index, heading in enumerate(sheet.headings) if heading not in ADDED]
    headings = [*(sheet.headings[index] for index in kept), *ADDED]
    rows = [
        [*(result.referral.row.cells[index] for index in kept), str(result.referral.row.number), _told(result)]
        for result in rejected
    ]
    write_sheet(path, headings, rows, sheet.separator)


def _told(result: Result) -> str:
    return "\n".join(f"{problem.column or 'row'}: {problem.message} [{problem.code}]" for problem in result.problems)
