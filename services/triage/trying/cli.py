"""``pathway rules diff``: whose recommendation another rule file would change, and why."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from services.contracts import types
from services.kernel.logs import configure_logs
from services.kernel.operations.printing import Actor, AsJson, console, errors, run_or_exit, show_rows
from services.kernel.runtime.log_view import LogView, open_log
from services.kernel.runtime.records import Record
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.settings import Settings, load_settings
from services.kernel.small_numbers import printed
from services.programmes.document import FileRefused
from services.triage.domain.rules import RuleSet
from services.triage.rulefile import load_rules
from services.triage.service import build
from services.triage.trying.files import known_from_cases, known_from_file
from services.triage.trying.known import Left
from services.triage.trying.log import DecisionsInLog
from services.triage.trying.noting import note_reading
from services.triage.trying.report import report
from services.triage.trying.tally import Tally

NOTHING, CHANGES, IMPOSSIBLE = 0, 1, 2
"""Exit codes, as those of ``diff``: nobody's recommendation changes; somebody's does; it cannot be told."""

Old = Annotated[Path, typer.Argument(metavar="OLD", help="The rule file that is live.")]
New = Annotated[Path, typer.Argument(metavar="NEW", help="The rule file that may follow it.")]


def diff(
    old: Old,
    new: New,
    actor: Actor,
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="Everybody whom the log knows.")] = False,
    from_cases: Annotated[bool, typer.Option("--from-cases", help="The cases that stand in both files.")] = False,
    facts: Annotated[
        Path | None, typer.Option("--facts", metavar="FILE", help="Saved facts, a JSON object a line.")
    ] = None,
    referrals: Annotated[
        bool,
        typer.Option("--referrals", help="List each that changes: pseudonyms with rules, not to be passed on."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decide everybody again under two rule files, and show whose recommendation would change, and why.

    Exit code 0 when nobody's would, 1 when somebody's would, 2 when it cannot be told. Counts of people under 5 are
    hidden and others rounded to the nearest 5. Nothing is written but a row that says who had people listed.
    """
    if sum((from_kafka, from_cases, facts is not None)) != 1:
        errors.print("say whose facts: one of --from-kafka, --from-cases, --facts FILE")
        raise typer.Exit(IMPOSSIBLE)
    tally = Tally(_rules(old), _rules(new))
    if tally.old.ruleset != tally.new.ruleset:
        errors.print(f"{tally.old.ruleset} and {tally.new.ruleset} are two rule sets; compare versions of one")
        raise typer.Exit(IMPOSSIBLE)
    if from_kafka:
        configure_logs("WARNING")
        run_or_exit(_from_kafka(tally, actor if referrals else None), IMPOSSIBLE)
    else:
        _from_file(tally, facts)
    found = report(tally, people=not from_cases, listed=referrals or from_cases)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(found)
    if tally.left.counts[Left.FAILED]:
        errors.print("a file failed on somebody (failed): what it would decide cannot be told; nobody should use it")
        raise typer.Exit(IMPOSSIBLE)
    raise typer.Exit(CHANGES if tally.otherwise else NOTHING)


def _rules(path: Path) -> RuleSet:
    try:
        return load_rules(path)
    except FileRefused as refused:
        for problem in refused.problems:
            errors.print(str(problem), soft_wrap=True)
        raise typer.Exit(IMPOSSIBLE) from None


def _from_file(tally: Tally, facts: Path | None) -> None:
    try:
        every = known_from_cases(tally.old, tally.new) if facts is None else known_from_file(facts, tally.old)
        for known in every:
            tally.add(known)
    except (ValueError, OSError) as error:
        errors.print(str(error), soft_wrap=True)
        raise typer.Exit(IMPOSSIBLE) from None


async def _from_kafka(tally: Tally, listed_for: str | None) -> None:
    settings = load_settings()
    service = build(settings.programmes_dir)
    policy = service.policy()
    keys = await VaultKeys.open(settings)

    async def fetch(subjects: Sequence[str]) -> Mapping[str, KeyFound]:
        return await keys.get(subjects)

    decisions = DecisionsInLog(service)
    try:
        with Progress(console=errors, transient=True) as bar:
            await _read(settings, decisions, bar)
            task = bar.add_task("deciding again", total=len(decisions))
            async for known in decisions.known(tally.old.ruleset, policy, fetch, tally.left):
                bar.advance(task)
                if known is not None:
                    tally.add(known)
        if listed_for is not None:
            listed = [one.name for one in (*tally.otherwise, *tally.reasons_only)]
            await note_reading(settings, listed_for, "rules.diff", tally.new.sha256, listed)
    finally:
        keys.close()


async def _read(settings: Settings, decisions: DecisionsInLog, bar: Progress) -> None:
    async with open_log(settings) as log:
        topics = (types.TOPIC_REFERRAL, types.TOPIC_TRIAGE)
        places = [place for topic in topics for place in await log.partitions(topic)]
        extents = await log.extents(places)
        task = bar.add_task("reading the topics", total=sum(e.end - e.earliest for e in extents.values()))
        await decisions.read(_records(log, {p: (e.earliest, e.end) for p, e in extents.items()}, bar, task))


async def _records(
    log: LogView, spans: dict[tuple[str, int], tuple[int, int]], bar: Progress, task: Any
) -> AsyncIterator[Sequence[Record]]:
    async for records in log.read(spans):
        bar.advance(task, len(records))
        yield records


def _show(found: Mapping[str, Any]) -> None:
    old, new = found["old"], found["new"]
    console.print(f"[bold]{old['ruleset']}[/bold] {old['version']} -> {new['version']}", highlight=False)
    show_rows(
        "Files", [{"where": name, "what": ", ".join(parts)} for name, parts in found["files"].items()], as_json=False
    )
    left = ", ".join(f"{why} {printed(n)}" for why, n in found["not_compared"].items() if n != 0) or "none"
    console.print(
        f"compared {printed(found['compared'])}, recommended otherwise {printed(found['changed'])}, "
        f"other reasons only {printed(found['reasons_only'])}; not compared: {left}"
    )
    for title, name in (
        ("In what", "aspects"),
        ("Supports", "supports"),
        ("Which rules come out otherwise", "because"),
        ("By group", "groups"),
    ):
        if found[name]:
            show_rows(title, [_printed(row) for row in found[name]], as_json=False)
    for one in found.get("referrals", ()):
        before, after = (", ".join(supports) for supports in one["package"])
        console.print(f"{one['id']}: {before} -> {after} ({'; '.join(one['rules'])})", highlight=False, soft_wrap=True)
    if found["small_numbers_hidden"]:
        console.print("* fewer than 5, or hidden so that no total gives such a count away; others to the nearest 5")


_COUNTS = frozenset({"compared", "changed", "added", "removed"})


def _printed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: printed(value) if name in _COUNTS else value for name, value in row.items()}
