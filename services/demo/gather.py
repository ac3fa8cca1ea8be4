"""Plays the demo and gathers its report; whatever does not hold is named in it."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.progress import Progress

from services.contracts.types import TOPIC_OUTCOME
from services.demo import findings
from services.demo.areas import Area
from services.demo.client import AUDITOR, Client, finance_of
from services.demo.follow import Follower, NotSeenError
from services.demo.months import settle_months
from services.demo.person import Person
from services.demo.play import COACHES, Players
from services.demo.reconcile import reconcile
from services.demo.record import lost_ranges, read_record
from services.demo.report import Report
from services.demo.scene import SERVICES, Scene
from services.demo.settle import settle
from services.demo.statements import faults_of
from services.demo.timeline import timeline
from services.kernel.replay.command import summary
from services.kernel.sealing.keyring import VaultKeys


async def gather(
    world: Scene, people: Sequence[Person], seed: int, progress: Progress, areas: Sequence[Area] = ()
) -> Report:
    """Post, coach, wait until all is through, ask the APIs, compare the ledger with the topics."""
    follower = Follower(world.record)
    following = asyncio.create_task(follower.run())
    try:
        async with Client(world.issuer, {service: world.url(service) for service in SERVICES}, COACHES) as client:
            players = Players(client, follower, seed)
            await _play(players, people, progress)
            bar = progress.add_task("waiting until all is through", total=None)
            health = await settle(world.dsn, world.ends, follower)
            progress.update(bar, total=1, completed=1)
            wrong = health.problems
            if world.closes_months:
                wrong += await _close_months(world, client, follower, progress)
            world.check()
            report = await _ask(client, players, await _findings(world, follower), wrong, closed=world.closes_months)
            report["areas"] = findings.by_area(areas, players.played, follower) if areas else []
    finally:
        following.cancel()
    progress.update(bar, description="comparing ledger and topics")
    return await _compare(world, report, progress)


async def _play(players: Players, people: Sequence[Person], progress: Progress) -> None:
    referrals = progress.add_task("referrals posted", total=len(people))
    played = players.played
    try:
        await players.post_all(people, lambda: progress.advance(referrals))
        accepted = sum(posted.referral_id is not None for posted in played.posted)
        coaches = progress.add_task("people coached", total=accepted)
        await players.coach_all(lambda: progress.advance(coaches))
    except* (NotSeenError, RuntimeError) as group:
        played.problems += [str(error) for error in _leaves(group)]


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


async def _close_months(world: Scene, client: Client, follower: Follower, progress: Progress) -> list[str]:
    programmes = sorted({programme for _, programme in findings.providers(follower)})
    months = findings.months(follower)
    if not months:
        return []
    wrong = await settle_months(world, client, programmes, months[-1], progress)
    return [*wrong, *(await settle(world.dsn, world.ends, follower)).problems]


async def _findings(world: Scene, follower: Follower) -> findings.Findings:
    """Open what triage found: the demo has keys of its own, as an auditor would."""
    keys = await VaultKeys.open(world.settings())
    try:
        return findings.opened(follower, await keys.get({data["person_id"] for data in follower.triage.values()}))
    finally:
        keys.close()


async def _ask(
    client: Client, players: Players, found: findings.Findings, problems: list[str], *, closed: bool
) -> Report:
    follower, played = players.follower, players.played
    story = findings.longest_story(follower, played.coached)
    months = findings.months(follower)
    statements = [await _statements(client, *name, months) for name in findings.providers(follower)]
    rich = findings.richest(follower, found)
    explained = (await client.get("triage", f"/triage/{rich}", AUDITOR)).body if rich else None
    balance = await client.get("outcomes", "/ledger/trial-balance", AUDITOR)
    latency = {
        "one by one in quiet moments": findings.latencies(played, follower, idle=True),
        "all at once": findings.latencies(played, follower, idle=False),
    }
    return {
        "funnel": findings.funnel(played, follower),
        "triage_mix": findings.triage_mix(follower, found),
        "explained": [decision for decision in (explained, played.held) if decision],
        "timeline": timeline(follower, story) if story else [],
        "statements": statements,
        "trial_balance": balance.body,
        "latency_ms": {name: asdict(measured) if measured else None for name, measured in latency.items()},
        "commands": sum(played.commands.values()),
        "not_coached": dict(played.not_coached),
        "problems": [
            *played.problems,
            *problems,
            *faults_of(statements, balance.body, closed=closed),
            *_untriaged(players),
        ],
    }


async def _statements(client: Client, provider: str, programme: str, months: list[str]) -> dict[str, Any]:
    found, officer = [], finance_of(provider, programme)
    for month in months:
        reply = await client.get("outcomes", "/statements", officer, provider=provider, month=month)
        for statement in reply.body:
            lines = statement.pop("lines")
            found.append({**statement, "lines": len(lines), "lines_pence": sum(map(_counts, lines))})
    return {"provider": provider, "months": found}


def _counts(line: dict[str, Any]) -> int:
    """What a line adds to what is owed, in pence."""
    if line["kind"] == "paid":
        return -int(line["amount_pence"])
    return int(line["amount_pence"] if line["payable_pence"] is None else line["payable_pence"])


def _untriaged(players: Players) -> list[str]:
    missing = [
        posted.referral_id
        for posted in players.played.posted
        if posted.referral_id is not None and posted.referral_id not in players.follower.first_triage
    ]
    lost = [referral_id for referral_id, there in findings.handed_over(players.follower).items() if not there]
    told = {"accepted and never triaged": missing, "handed over and never triaged there": lost}
    return [f"{what}: {', '.join(found)}" for what, found in told.items() if found]


async def _compare(world: Scene, report: Report, progress: Progress) -> Report:
    records = list(read_record(world.record))
    lost = lost_ranges(records, await asyncio.to_thread(world.ends))
    found = await reconcile(world.settings(), records, lost, progress)
    report["reconciliation"] = {
        "equal": found.equal,
        "transactions": found.transactions,
        "lines": found.lines,
        "records": len(records),
        "differences": found.differences,
        "replay": found.replay.services,
        "replay_differences": summary(found.replay.differences),
        "lost": [asdict(span) for span in found.lost],
    }
    if not found.equal:
        report["problems"].append("the ledger is not shown to equal the fold of the topics")
    if not any(recorded.record.topic == TOPIC_OUTCOME for recorded in records):
        report["problems"].append("nothing was earned")
    report["holds"] = not report["problems"]
    return report
