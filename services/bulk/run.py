"""One import: the file is read, sent and reported."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from services.bulk.fields import all_fields
from services.bulk.mapping import Columns, MapRefused, Referral, find_columns, read_map, read_row
from services.bulk.report import Report, Result, write_rejects
from services.bulk.sending import TIMEOUT, Reply, Sender, SendingFailed
from services.bulk.sheet import Sheet, SheetRefused, read_sheet

TOKEN: Final = "PATHWAY_TOKEN"  # noqa: S105  a variable's name
SOME_REJECTED: Final = 1
NOT_UNDERSTOOD: Final = 2
NOT_FINISHED: Final = 3
SHOWN: Final = 50

console = Console()
errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked."""

    api: str
    programme: str
    columns: Sequence[str]
    map_file: Path | None
    values: Sequence[str]
    token_file: Path | None
    rejects: Path | None
    patience: float
    dry_run: bool
    as_json: bool


def run(file: Path, options: Options) -> NoReturn:
    """Import a file. Always raises typer.Exit; its codes stand at the command."""
    target = options.rejects or file.with_name(f"{file.name.removesuffix('.csv')}.rejects.csv")
    token = _token(options.token_file)
    _check_address(options.api)
    content, sheet, columns = _read(file, options)
    if target.exists() and target.samefile(file):
        _end(NOT_UNDERSTOOD, "rejects", ["the rejects would replace the file itself: give another --rejects"])
    for notice in sheet.notices:
        errors.print(notice, soft_wrap=True)
    referrals = [read_row(columns, row) for row in sheet.rows]
    report = Report(columns)
    failure = _send(token, hashlib.sha256(content).digest(), referrals, report, options)
    rejected = report.rejected()
    asked_for = options.rejects is not None or not options.dry_run  # a rehearsal leaves nothing: not here either
    written = asked_for and _write(target, sheet, rejected, finished=failure is None)
    _show(report, len(referrals), failure, target if written else None, options)
    if failure is not None:
        raise typer.Exit(NOT_FINISHED)
    raise typer.Exit(SOME_REJECTED if rejected else 0)


def _read(file: Path, options: Options) -> tuple[bytes, Sheet, Columns]:
    """Read the file and what its columns are, or say what is wrong and end: nothing was sent."""
    try:
        content = file.read_bytes()
        sheet = read_sheet(content)
        asked = read_map(options.columns, options.values, options.map_file)
        return content, sheet, find_columns(sheet, asked, options.programme)
    except MapRefused as refused:
        _end(NOT_UNDERSTOOD, "columns", refused.reasons)
    except SheetRefused as refused:
        _end(NOT_UNDERSTOOD, refused.code, [str(refused)])
    except OSError as error:
        _end(NOT_UNDERSTOOD, "unreadable", [f"the file cannot be read: {type(error).__name__}"])


def _end(status: int, code: str, reasons: Sequence[str]) -> NoReturn:
    for reason in reasons:
        errors.print(f"{code}: {reason}", soft_wrap=True, markup=False, highlight=False)
    raise typer.Exit(status)


def _token(file: Path | None) -> str:
    """Return the token. It is never an argument: those stand in the list of processes and in a shell's history."""
    try:
        token = (file.read_text() if file else os.environ.get(TOKEN, "")).strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token.isascii() or not token.isprintable() or not token:
        _end(NOT_UNDERSTOOD, "token", [f"put a token into the variable {TOKEN}, or name a file with --token-file"])
    return token


def _check_address(api: str) -> None:
    try:
        address = httpx.URL(api)
    except httpx.InvalidURL:
        address = httpx.URL("")
    if address.scheme not in {"http", "https"} or not address.host:
        _end(NOT_UNDERSTOOD, "api", ["--api is no address such as https://intake.example.org"])


def _send(
    token: str, digest: bytes, referrals: Sequence[Referral], report: Report, options: Options
) -> SendingFailed | None:
    """Send everything; return why that did not come to its end, or None."""
    dry_run = options.dry_run
    whole = [referral for referral in referrals if dry_run or not referral.faults]
    faulty = [referral for referral in referrals if not dry_run and referral.faults]
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with (
            httpx.Client(base_url=options.api, timeout=TIMEOUT, headers=headers) as client,
            Progress(*parts, console=errors, transient=True, disable=not errors.is_terminal) as bar,
        ):
            task = bar.add_task("asking" if dry_run else "importing", total=len(referrals))

            def answered(referral: Referral, reply: Reply) -> None:
                report.take(referral, reply)
                bar.advance(task)

            sender = Sender(client, digest, patience=options.patience)
            sender.send(whole, answered, rehearsal=dry_run)
            sender.send(faulty, answered, rehearsal=True)
    except SendingFailed as failed:
        return failed
    return None


def _write(target: Path, sheet: Sheet, rejected: Sequence[Result], *, finished: bool) -> bool:
    """Write the rejects; where there are none at the end, take an old file of them away.

    A disk that is full does not hide what was done.
    """
    try:
        if rejected:
            write_rejects(target, sheet, rejected)
        elif finished:
            target.unlink(missing_ok=True)
    except OSError as error:
        errors.print(f"rejects: the file cannot be written: {type(error).__name__}", soft_wrap=True)
        return False
    return bool(rejected)


def _show(report: Report, rows: int, failure: SendingFailed | None, target: Path | None, options: Options) -> None:
    left = rows - len(report.results)
    ended = None if failure is None else {"code": failure.code, "message": str(failure)}
    if options.as_json:
        shown: dict[str, Any] = {
            "dry_run": options.dry_run,
            "rows": rows,
            "counts": report.counts(),
            "not_answered": left,
        }
        shown |= {"failure": ended, "results": [result.shown() for result in report.ordered()]}
        typer.echo(json.dumps(shown, indent=2))
        return
    title = "What the import would do (nothing was changed)" if options.dry_run else "Import"
    table = Table("outcome", "rows", title=title, title_justify="left")
    for outcome, count in [*report.counts().items(), ("not answered", left)]:
        table.add_row(outcome, str(count))
    console.print(table)
    _show_rows(report)
    if target is not None:
        console.print(f"The rejected rows stand in {target}: correct them there and import that file.", soft_wrap=True)
    if failure is not None:
        errors.print(f"{failure.code}: {failure}", soft_wrap=True, markup=False)


def _show_rows(report: Report) -> None:
    """Show what somebody must act on: safety advice first, then errors, then what was put right."""
    for result in report.ordered():
        if result.safety is not None:
            text = f"row {result.referral.row.number}: {result.safety['level']}: {result.safety['advice']}"
            console.print(text, style="bold", soft_wrap=True, markup=False)
    lines = [
        (str(result.referral.row.number), problem.column or "", problem.code, problem.message)
        for result in report.ordered()
        for problem in (*result.problems, *result.referral.mended)
    ]
    if lines:
        table = Table("row", "column", "code", "what", title="Told of rows", title_justify="left")
        for line in lines[:SHOWN]:
            table.add_row(*line)
        console.print(table)
    if len(lines) > SHOWN:
        console.print(f"... and {len(lines) - SHOWN} more: see the rejects file, or --json")


def show_fields(*, as_json: bool) -> None:
    """List the fields that a column can fill."""
    rows = [{"field": f.path, "kind": f.kind.value, "codes": list(f.codes)} for f in all_fields().values()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("field", "kind", "codes")
    for field in all_fields().values():
        table.add_row(field.path, field.kind.value, " ".join(field.codes))
    console.print(table)
