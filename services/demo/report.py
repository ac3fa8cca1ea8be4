"""The report as a person reads it."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from services.kernel.money import pounds

Report = dict[str, Any]

SEAL_SHOWN: Final = 8
"""So many digits of a statement's root are shown."""


def show(console: Console, report: Report) -> None:
    """Print the whole report."""
    _counts(console, "Funnel", report["funnel"])
    _mix(console, report["triage_mix"])
    for decision in report["explained"]:
        _decision(console, decision)
    if report["timeline"]:
        _timeline(console, report["timeline"])
    if report["areas"]:
        _areas(console, report["areas"])
    else:
        for provider in report["statements"]:
            _statements(console, provider)
    _trial_balance(console, report["trial_balance"])
    _reconciliation(console, report["reconciliation"])
    for name, latency in report["latency_ms"].items():
        if latency:
            console.print(
                f"From 201 to triage decision, {name}: p50 {latency['p50']:.0f} ms, p99 {latency['p99']:.0f} ms "
                f"({latency['count']} referrals)"
            )
    for problem in report["problems"]:
        console.print(f"[red]does not hold:[/red] {problem}", highlight=False)
    verdict = "[green]everything holds[/green]" if report["holds"] else "[red]something does not hold[/red]"
    console.print(f"\n[bold]{verdict}[/bold] · {report['seconds']:.0f} s · {report['commands']} commands")


def _table(title: str, *columns: str, numbers: tuple[int, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place in numbers else "left")
    return table


def _counts(console: Console, title: str, counts: dict[str, int]) -> None:
    table = _table(title, "", "people", numbers=(1,))
    for name, count in counts.items():
        table.add_row(name, str(count))
    console.print(table, end="\n\n")


def _mix(console: Console, mix: dict[str, dict[str, int]]) -> None:
    table = _table("Triage mix, newest decision of each referral", "", "", "referrals", numbers=(2,))
    for name, counts in mix.items():
        for place, (code, count) in enumerate(counts.items()):
            table.add_row(name if place == 0 else "", code, str(count))
    console.print(table, end="\n\n")


def _decision(console: Console, decision: dict[str, Any]) -> None:
    rules = decision["ruleset"]
    title = (
        f"Why {decision['referral_id']}, revision {decision['revision']}, is {decision['outcome']} "
        f"({decision['urgency']}) by {rules['id']} {rules['version']} {rules['sha256'][:12]}"
    )
    table = _table(title, "rule", "code", "because")
    for reason in decision["reasons"]:
        table.add_row(reason["rule"], reason["code"], reason["text"] or reason["title"] or "")
    console.print(table)
    package = [
        item["support"] + (f" (after {', '.join(item['after'])})" if item["after"] else "")
        for item in decision["package"]
    ]
    console.print(
        "  package: " + (" → ".join(package) if package else "nothing until a person has acknowledged it"), ""
    )


def _timeline(console: Console, timeline: list[dict[str, str]]) -> None:
    table = _table("One person's time in the programme", "day", "topic", "#", "what", numbers=(2,))
    for line in timeline:
        table.add_row(line["occurred_on"], line["topic"], line["sequence"], line["what"])
    console.print(table, end="\n\n")


def _statements(console: Console, provider: dict[str, Any]) -> None:
    """A line a month. Amounts that are nothing in every month are left out, and named; so is what closing says too."""
    names = ("opening", "earned", "fees", "reversed", "capped", "paid", "closing", "payable")
    months = provider["months"]
    owed = any(month["payable_pence"] != month["closing_pence"] for month in months)
    shown = [name for name in names if any(month[f"{name}_pence"] for month in months)]
    shown = [name for name in shown if name != "payable" or owed]
    left_out = [name for name in names[:-1] if name not in shown]
    title = f"Statement: {provider['provider']}" + (f" (nothing {', '.join(left_out)})" if left_out else "")
    table = _table(title, "month", *shown, "lines", "sealed", numbers=tuple(range(1, len(shown) + 2)))
    for month in months:
        seal = month["sealed"]["root"][:SEAL_SHOWN] if month["sealed"] else "open"
        table.add_row(month["month"], *(pounds(month[f"{name}_pence"]) for name in shown), str(month["lines"]), seal)
    for column in table.columns:
        column.no_wrap = True
    console.print(table, end="\n\n")


def _areas(console: Console, areas: list[dict[str, Any]]) -> None:
    """The 15 areas beside the published fit notes by which their people were shared out, and how those people fared."""
    counts = ("posted", "review", "triaged", "participants", "earned_pence", "fit_notes_2023")
    total = {name: sum(area[name] for area in areas) for name in counts}
    rows = (*areas, {"area": "all", "ods_code": "", **total})
    title = "Areas: fit notes of January to December 2023 as published, and this demo's people"
    shared_out = _table(title, "area", "ODS", "fit notes", "share", "posted", "share", numbers=(2, 3, 4, 5))
    for area in rows:
        shared_out.add_row(
            area["area"],
            area["ods_code"],
            f"{area['fit_notes_2023']:,}",
            f"{area['fit_notes_2023'] / total['fit_notes_2023']:.1%}",
            f"{area['posted']:,}",
            f"{area['posted'] / total['posted']:.1%}",
        )
    fared = _table("Areas: people", "area", "review", "triaged", "started", "earned", numbers=(1, 2, 3, 4))
    for area in rows:
        numbers = (f"{area[name]:,}" for name in ("review", "triaged", "participants"))
        fared.add_row(area["area"], *numbers, pounds(area["earned_pence"]))
    for table in (shared_out, fared):
        for column in table.columns[1:]:
            column.no_wrap = True
        console.print(table, end="\n\n")


def _trial_balance(console: Console, balance: dict[str, Any]) -> None:
    table = _table("Trial balance", "contract", "account", "debit", "credit", numbers=(2, 3))
    for line in balance["accounts"]:
        debit, credit = pounds(line["debit_pence"]), pounds(line["credit_pence"])
        table.add_row(line["contract"], line["account"], debit, credit)
    console.print(table)
    console.print(f"  difference: {pounds(balance['total_pence'])}\n")


def _reconciliation(console: Console, found: dict[str, Any]) -> None:
    verdict = "[green]equal[/green]" if found["equal"] else "[red]not equal[/red]"
    console.print(
        f"ledger = fold of the topics, as recorded from the broker while it ran: {verdict} "
        f"({found['transactions']} entries, {found['lines']} lines, {found['records']} records)"
    )
    again = sum(service["decided_again"] for service in found["replay"].values())
    differences = sum(service["differences"] for service in found["replay"].values())
    console.print(f"replay of the same record: {again} decisions made again, {differences} different")
    for line in found["replay_differences"]:
        console.print(f"  [red]different[/red]: {line['service']} {line['what']} ({line['count']}; {line['example']})")
    for lost in found["lost"]:
        console.print(
            f"  [red]lost[/red]: {lost['topic']}/{lost['partition']} offsets {lost['first']} to {lost['end'] - 1}"
        )
