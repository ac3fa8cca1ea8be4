"""Every command of these pages is run, in the order in which an operator would come to it, on one running system."""

import asyncio
import contextlib
import csv
import hashlib
import json
import uuid

import pytest

from tests.operations.exported import AFTER_A_FAULT, may_export, rows, sampled, scraped
from tests.operations.page import OPERATIONS
from tests.operations.prometheus import PROGRAM, panels, scraping
from tests.operations.site import OPEN_STOPS, RELAYS, SECONDS, Site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

CONTRACT = "wwgm-manchester-growth-company"
ENTRY = "0192f1a0-5b1c-5d2e-9f3a-4b5c6d7e8f90"
PAID_LINE = (
    "SELECT entry_id FROM settlement_line WHERE contract = $1 AND month = $2 AND payable_pence > 0 ORDER BY number"
)
FINDINGS = """
SELECT entry_id, payable_pence FROM settlement_line
WHERE month BETWEEN '2024-11' AND '2025-01' AND payable_pence > 0
"""
CANDIDATE = "workwell-matching-2024.2.yaml"
SHADOW = f"PATHWAY_SHADOW_RULES={CANDIDATE} PATHWAY_HTTP_PORT=8084 pathway shadow"
SHOWN_AFTER_A_FAULT = {"kernel: Retries by cause", "kernel: Sends that failed", "kernel: Stops by reason"}
FACTS = {
    "id": "p1",
    "programme": "workwell-greater-manchester",
    "given": {"phq9": 10, "conditions": []},
    "parameters": {"out_of_work_limit_days": 182, "skills_earnings_limit": False},
}
KEY = "0193a0f2-0000-7000-8000-000000000001"
CASE = "SELECT count(*) FROM aggregate WHERE key = $1 AND state IS NOT NULL"
LETTER = "SELECT id FROM dead_letter WHERE key = $1"


async def test_installing(site: Site) -> None:
    async with site.page("installing", PATHWAY_TOPIC_PREFIX=f"{site.system.prefix}new.") as page:
        assert "Refused for: none" in (await page.run("pathway config check --role migrate")).out
        await page.run("pathway migrate all")
        await page.run("pathway topics apply")
        await page.run("pathway vault init --apply")
        await page.run("pathway config check --role api intake")
        shown = {row["setting"]: row for row in json.loads((await page.run("pathway config show --json")).out)}
        assert shown
    refused = await site.system.pathway("config", "check", "--role", "api", "intake", PATHWAY_ENVIRONMENT="production")
    assert refused.status == 1
    assert {"kafka_not_encrypted", "issuer_not_real"} <= set((refused.out + refused.err).split())


async def test_scaling(site: Site) -> None:
    """The check finds nothing on topics that ``pathway topics apply`` made, and a count that somebody changed."""
    async with site.page("scaling", PATHWAY_TOPIC_PREFIX=f"{site.system.prefix}new.") as page:
        await page.run("pathway topics check")
        assert "lag" in (await page.run("pathway consumer status triage --lag")).out
    prefix = f"{site.system.prefix}changed."
    await asyncio.to_thread(site.system.kafka.create_topics, [f"{prefix}referral.created"], 3)
    changed = await site.page("scaling", PATHWAY_TOPIC_PREFIX=prefix).run("pathway topics check", code=1)
    assert "partitions: 3, not" in changed.out, changed.out


async def test_running(site: Site) -> None:
    async with site.page("running") as page:
        await page.run("pathway migrate all")
        await site.stop(*RELAYS)  # one that stands by is not ready
        await page.serve("PATHWAY_HTTP_PORT=8081 pathway relay intake triage coaching outcomes vault")
        await site.start(*RELAYS)
        await page.serve("PATHWAY_HTTP_PORT=8082 pathway worker triage")
        await page.serve("PATHWAY_HTTP_PORT=8083 pathway api triage")
        for command in page.left.copy():
            if command.startswith("pathway programme"):
                await page.run(command, code=int(" diff " in command))


async def test_canary(site: Site) -> None:
    """It holds on the running system, and as a role it exports what the table of metrics says of it."""
    async with site.page("canary", PATHWAY_CANARY_URLS=json.dumps(site.system.urls)) as page:
        assert "outcome" in (await page.run("pathway canary run --once")).out
        assert json.loads((await page.run("pathway canary run --once --json")).out)["ok"]
        exported = await page.serve("pathway canary run --every 60")
    table = rows((OPERATIONS / "metrics.md").read_text())
    assert sampled(exported) == {metric for metric, role in table.items() if role == "canary"}


async def test_closing_a_month(site: Site) -> None:
    """The months from the programme's first on: November cannot be closed before October."""
    async with site.page("closing-a-month") as page:
        await page.run("pathway consumer status outcomes")
        await page.run("pathway dlq list outcomes")
        await page.run("pathway reconcile")
        dry = "pathway period close --programme workwell-greater-manchester --month 2024-11 --dry-run"
        assert "earlier_month_open" in (await page.run(dry, code=1)).err
        close = dry.replace("--dry-run", "--confirm")
        for month in ("2024-10", "2024-11", "2024-12", "2025-01"):
            await page.run(dry, put={"2024-11": month})
            await page.run(close, put={"2024-11": month})
        statement = "pathway statement --provider growth-company --month 2024-11"
        assert CONTRACT in (await page.run(statement)).out
        await page.run(f"{statement} --effective 2024-11-15 --known 2024-12-02")
        await page.run(f"{statement} --html --out statement.html")
        assert "<html" in (site.folder / "statement.html").read_text()
        for form in ("csv", "json"):
            assert (await page.run(f"{statement} --{form}")).out
        canonical = (await page.run(f"{statement} --canonical --contract {CONTRACT}")).out
    root = await site.ask("outcomes", "SELECT root FROM statement WHERE contract = $1 AND month = '2024-11'", CONTRACT)
    assert hashlib.sha256(canonical.encode()).hexdigest() == root


async def test_payment_file(site: Site) -> None:
    """Handed in, one line held and let go, approved, exported, and paid by a bank's file."""
    async with site.page("payment-file") as page:
        put = {ENTRY: str(await site.ask("outcomes", PAID_LINE, CONTRACT, "2024-11"))}
        act = "pathway payment act {} --contract " + CONTRACT + " --month 2024-11 --actor {}"
        await page.run(act.format("submit", "finance-1"))
        for kind, reason in (("query", "evidence_unclear"), ("release", "evidence_seen")):
            held = f"{act.format(kind, 'commissioner-1')} --entry {ENTRY} --reason {reason}"
            await page.run(held, put=put)
        await page.run(act.format("approve", "commissioner-1"))
        export = (
            f"pathway payment export --contract {CONTRACT} --month 2024-11 --actor commissioner-2 --out payment.csv"
        )
        await page.run(export)
        first = (site.folder / "payment.csv").read_bytes()
        await page.run(f"pathway payment file --contract {CONTRACT} --month 2024-11 --out payment.csv")
        assert (site.folder / "payment.csv").read_bytes() == first
        paid = sum(int(row["payable_pence"]) for row in csv.DictReader(first.decode().splitlines()))
        assert paid > 0
        shown = "docs/operations/samples/remittance.csv"
        sample = (site.folder / shown).read_text().splitlines()
        line = sample[1].split(",")
        line[2], line[-1] = hashlib.sha256(first).hexdigest(), str(paid)
        (site.folder / "remittance.csv").write_text("\n".join([sample[0], ",".join(line)]) + "\n")
        await page.run(f"pathway remittance import {shown}", code=1)
        await page.run(f"pathway remittance import {shown}", put={shown: "remittance.csv"})
        await page.run(f"pathway remittance import {shown} --confirm", put={shown: "remittance.csv"})
    await site.settled()


async def test_audit_sample(site: Site) -> None:
    async with site.page("audit-sample") as page:
        entry = str(await site.ask("outcomes", PAID_LINE, CONTRACT, "2024-11"))
        months = "--programme workwell-greater-manchester --from 2024-11 --to 2025-01 --seed 20250203 --size 60"
        assert entry in (await page.run(f"pathway audit sample {months}")).out
        row = "SELECT referral_id || ' ' || milestone || ' ' || occurrence FROM ledger_transaction WHERE id = $1"
        referral, milestone, occurrence = str(await site.ask("outcomes", row, uuid.UUID(entry))).split()
        put = {ENTRY: referral, "engagement": milestone, "--occurrence 2": f"--occurrence {occurrence}"}
        await page.run(f"pathway claim {ENTRY} engagement --occurrence 2 --out claim.json", put=put)
        assert json.loads((site.folder / "claim.json").read_text())
        shown = "docs/operations/samples/findings.csv"
        lines = await site.system.connections["outcomes"].fetch(FINDINGS)
        findings = [f"{found['entry_id']},{found['payable_pence']},right" for found in lines]
        (site.folder / "findings.csv").write_text("\n".join(["entry_id,right_pence,reason", *findings]) + "\n")
        await page.run(f"pathway audit record {shown} {months}", put={shown: "findings.csv"})
        await page.run(f"pathway audit result {months}")
        await page.run("pathway forecast --programme workwell-greater-manchester --as-of 2025-02-01")


async def test_dead_letters(site: Site) -> None:
    """A release raises, a record waits behind it, the release is mended; another is worthless, a third never came."""
    system = site.system
    await site.stop("triage-worker")
    system.programs["triage-worker"] = ("-m", "tests.operations.broken_release")
    system.role("triage-worker")
    referral, worthless = await site.refer(310), await site.refer(311)
    for one in (referral, worthless):
        await site.until("triage", "SELECT EXISTS (SELECT FROM dead_letter WHERE key = $1)", one)
    letter, test_record = [str(await site.ask("triage", LETTER, one)) for one in (referral, worthless)]
    async with site.page("dead-letters") as page:
        assert "ZeroDivisionError" in (await page.run("pathway dlq list triage")).out
        await page.run("pathway consumer status triage")
        assert "ce_id" in (await page.run("pathway dlq show triage 3", put={"3": letter})).out
        known = {KEY: referral, "--from 4 --to 4": "--from 1 --to 1"}
        assert "Dry run" in (await page.run(f"pathway outbox resend intake {KEY} --from 4 --to 4", put=known)).out
        await page.run(f"pathway outbox resend intake {KEY} --from 4 --to 4 --apply", put=known)
        await site.stop("triage-worker")
        del system.programs["triage-worker"]
        await site.start("triage-worker")
        assert "Dry run" in (await page.run("pathway dlq redrive triage 3", put={"triage 3": f"triage {letter}"})).out
        assert await site.ask("triage", CASE, referral) == 0
        redrive = 'pathway dlq redrive triage 3 --reason "fixed in 0.1.1" --apply'
        assert "applied" in (await page.run(redrive, put={"triage 3": f"triage {letter}"})).out
        assert await site.ask("triage", CASE, referral) == 1
        discard = 'pathway dlq discard triage 3 --reason "test record of the vendor, agreed with clinical safety"'
        assert "Dry run" in (await page.run(discard, put={"triage 3": f"triage {test_record}"})).out
        await page.run(f"{discard} --apply", put={"triage 3": f"triage {test_record}"})
        assert await site.ask("triage", CASE, worthless) == 0

        await site.publish(await site.on_topic(referral), referral, {"sequence": "4"})
        waits = "SELECT EXISTS (SELECT FROM waiting_event WHERE key = $1 AND sequence = 4)"
        await site.until("triage", waits, referral)
        missing = str(1 + await site.ask("triage", "SELECT sequence FROM key_position WHERE key = $1", referral))
        for number in range(int(missing), 4):
            given_up = (
                f"pathway dlq discard triage --topic referral.created --key {KEY} --sequence 4 "
                '--reason "lost with the old cluster" --apply'
            )
            await page.run(given_up, put={KEY: referral, "--sequence 4": f"--sequence {number}"})
        assert not await site.ask("triage", waits, referral)


async def test_consumer_stopped(site: Site) -> None:
    """An event of a version that nobody knows: resumed, the worker stops again, until the log is accepted behind it."""
    bob = site.referrals[site.bob]
    known = await site.on_topic(bob)
    sequence = 1 + await site.ask("triage", "SELECT sequence FROM key_position WHERE key = $1", bob)
    future = known.attributes["type"].removesuffix(".v1") + ".v9"
    await site.publish(known, bob, {"type": future, "sequence": str(sequence)})
    latched = f"SELECT ({OPEN_STOPS} AND reason = 'unknown_version') > 0"
    await site.until("triage", latched)
    async with site.page("consumer-stopped") as page:
        status = await page.run("pathway consumer status triage --lag", code=1)
        assert "unknown_version" in status.out
        resume = 'pathway consumer resume triage --reason "release 0.1.1 knows the new type"'
        assert "Dry run" in (await page.run(resume)).out
        await page.run(f"{resume} --apply")
        await site.until("triage", latched)
        await page.run(resume.replace(" --reason", " --stop unknown_version --reason") + " --apply")
        await site.until("triage", latched)
        end = site.system.kafka.ends(known.topic)[known.partition][1]
        accept = (
            "pathway consumer resume triage --topic referral.created --partition 2 --offset 0 "
            '--reason "cluster rebuilt, producers resent"'
        )
        put = {"--partition 2": f"--partition {known.partition}", "--offset 0": f"--offset {end}"}
        assert "Dry run" in (await page.run(accept, put=put)).out
        await page.run(f"{accept} --apply", put=put)
        await page.run("pathway consumer status triage --lag")
    referral = await site.refer(312)
    await site.until("triage", f"SELECT ({CASE}) = 1", referral)


async def test_changing_rules(site: Site) -> None:
    """A candidate that differs in its version alone: nobody would be recommended otherwise."""
    rules = "services/triage/rules/workwell-matching-2024.1.yaml"
    live = (site.folder / rules).read_text()
    (site.folder / CANDIDATE).write_text(live.replace('version: "2024.1"', 'version: "2024.2"'))
    (site.folder / "facts.jsonl").write_text(json.dumps(FACTS) + "\n")
    async with site.page("changing-rules", PATHWAY_SHADOW_URL=site.as_role("triage", "triage_shadow")) as page:
        await page.run(f"pathway rules check {rules}")
        await page.run(f"pathway rules test {rules}")
        for what in ("--from-cases", "--from-kafka", "--facts facts.jsonl --json"):
            await page.run(f"pathway rules diff {rules} {CANDIDATE} {what}")
        exported = await page.serve(SHADOW, put={CANDIDATE: str(site.folder / CANDIDATE)})
        assert "# TYPE pathway_shadow_decisions_total counter" in exported
        await page.run("pathway rules shadow")
        await page.run("pathway programme check services/programmes")
        await page.run("pathway programme freeze")


async def test_the_table_of_metrics_is_what_a_running_system_exports(site: Site) -> None:
    """Each metric of the table has a value in a process of the role that it names; no other metric has one."""
    await site.until("outcomes", "SELECT count(*) > 0 FROM ledger_transaction")
    names = [name for name in site.system.ports if name != "issuer"]
    table = rows((OPERATIONS / "metrics.md").read_text())
    found: dict[str, set[str]] = {}

    def missing() -> dict[str, str]:
        return {
            metric: role
            for metric, role in table.items()
            if role != "canary"
            and metric not in AFTER_A_FAULT | {"pathway_shadow_decisions_total"}
            and not any(metric in found[name] for name in names if may_export(role, name))
        }

    with contextlib.suppress(TimeoutError):  # what is sampled now and then has no value at once
        async with asyncio.timeout(SECONDS):
            while not found or missing():
                site.system.processes.check()
                found |= {name: sampled(await scraped(site.system.ports[name])) for name in names}
    assert set().union(*found.values()) - set(table) == set(), "exported, and in no row of the table"
    assert missing() == {}


@pytest.mark.skipif(PROGRAM is None, reason="no prometheus on the path (Debian: prometheus)")
async def test_each_panel_shows_something_and_each_rule_is_worked_out(site: Site) -> None:
    """On a real Prometheus that scrapes the running system and its canary."""
    ports = [port for name, port in site.system.ports.items() if name != "issuer"]
    canary = site.page("canary", PATHWAY_CANARY_URLS=json.dumps(site.system.urls))
    async with (
        canary.serving("pathway canary run --every 60") as port,
        scraping([*ports, port], site.folder) as prometheus,
    ):
        shown = {title: await prometheus.ask(expression) for title, expression in panels().items()}
        rules = [rule for group in (await prometheus.get("rules"))["groups"] for rule in group["rules"]]
    empty = {title for title, series in shown.items() if not series}
    assert empty - SHOWN_AFTER_A_FAULT == set(), "whether these show something hangs on what failed before"
    assert {rule["name"] for rule in rules if rule["health"] != "ok"} == set()
    assert len(rules) > 10
