"""``make bench``: our triage stage against plain Faust, on Apache Kafka and PostgreSQL, in one run; and an import.

Writes ``bench.json`` (not kept in git): ``{"rows": [{"name", "value", "unit", "cpu_us", "ratio"?}]}``.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from services.contracts.types import TOPIC_REFERRAL, TOPIC_TRIAGE
from services.embedded.postgres import Postgres
from services.embedded.processes import Child, Supervisor
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.settings import Environment, Settings
from tests.benchmarks.coaching import coaching_rows
from tests.benchmarks.events import made_keys, people_ids, referrals
from tests.benchmarks.importing import BAR, BESIDE, importing_rows
from tests.benchmarks.measure import Measured, measure
from tests.benchmarks.outcomes import outcomes_rows
from tests.benchmarks.rules import rules_rows
from tests.benchmarks.sealing import sealing_rows
from tests.benchmarks.settling import settling_rows
from tests.parts.databases import Databases
from tests.parts.kafka import Broker, resolve
from tests.parts.kafka_admin import Raw

PARTITIONS = 6
SEALED = 5_000
"""So many people's events are sealed to see what that costs."""
OUT = Path("bench.json")
Start = Callable[[str, Supervisor, Databases], list[Child]]

SEEN = "CREATE TABLE bench_seen (referral_id text PRIMARY KEY, state text NOT NULL)"


class Bench:
    """The parts, and one run of one stage on topics and databases of its own."""

    def __init__(self, broker: Broker, postgres: Postgres, folder: Path) -> None:
        self.broker = broker
        self.postgres = postgres
        self.folder = folder
        self.templates: dict[str, str] = {}

    def run(self, name: str, count: int) -> Measured:
        """Feed a stage ``count`` events that already lie on its topic, and measure it."""
        prefix = f"b{uuid.uuid4().hex[:8]}."
        source, target = f"{prefix}{TOPIC_REFERRAL}", f"{prefix}{TOPIC_TRIAGE}"
        self.broker.create_topics([source, target], PARTITIONS)
        databases = Databases(self.postgres, self.templates)
        environment = databases.environment("triage")
        self.broker.produce(asyncio.run(self._records(environment, source, count)), 120.0)
        with self._processes(name, prefix, databases, environment) as running:
            found = measure(count, lambda: self._produced(target), [c.pid for c in running], self._server())
        databases.close()
        self.broker.delete_topics([source, target])
        return found

    def sealing(self, count: int) -> list[dict[str, Any]]:
        """Measure what sealing costs an event, in this process and on a vault of its own."""
        databases = Databases(self.postgres, self.templates)
        environment = databases.environment("triage")
        try:
            return asyncio.run(self._sealing(environment, count))
        finally:
            databases.close()

    async def _sealing(self, environment: dict[str, str], count: int) -> list[dict[str, Any]]:
        records = await self._records(environment, TOPIC_REFERRAL, count)
        async with _keys(environment) as keys:
            await keys.get(people_ids(1))
            return await sealing_rows(records, keys, self._server())

    async def _records(self, environment: dict[str, str], topic: str, count: int) -> list[Raw]:
        async with _keys(environment) as keys:
            return referrals(topic, await made_keys(keys, people_ids(count)))

    def _server(self) -> int:
        return int((self.postgres.data / "postmaster.pid").read_text().split()[0])

    def _produced(self, topic: str) -> int:
        return sum(end - start for start, end in self.broker.ends(topic).values())

    @contextmanager
    def _processes(
        self, name: str, prefix: str, databases: Databases, vault_and_database: dict[str, str]
    ) -> Iterator[list[Child]]:
        environment = {
            **vault_and_database,
            "PATHWAY_ENVIRONMENT": "development",
            "PATHWAY_KAFKA_BOOTSTRAP": self.broker.bootstrap,
            "PATHWAY_TOPIC_PREFIX": prefix,
            "PATHWAY_HTTP_PORT": "0",
            "PATHWAY_LOG_LEVEL": "WARNING",
            "BENCH_DATABASE": databases("triage").owner_dsn,
        }
        topics = (f"{prefix}{TOPIC_REFERRAL}", f"{prefix}{TOPIC_TRIAGE}")
        with Supervisor(self.folder / f"{name}-{prefix}", environment) as supervisor:
            if name == "triage":
                yield [
                    supervisor.python("worker", "-m", "services.cli", "worker", "triage"),
                    supervisor.python("relay", "-m", "services.cli", "relay", "triage"),
                ]
                return
            if name == "faust-sqlmodel":
                self.postgres.execute(SEEN, databases("triage").name, "triage_owner")
            which = "plain" if name == "plain-faust" else "sqlmodel"
            yield [supervisor.python(name, "-m", "tests.benchmarks.rivals", which, *topics)]


@asynccontextmanager
async def _keys(environment: dict[str, str]) -> AsyncIterator[VaultKeys]:
    """The vault that an environment names, as a process that has just started sees it."""
    url, root = SecretStr(environment["PATHWAY_VAULT_URL"]), environment["PATHWAY_ROOT_KEY"]
    keys = await VaultKeys.open(Settings(environment=Environment.DEVELOPMENT, vault_url=url, root_key=root))
    try:
        yield keys
    finally:
        keys.close()


def rows_of(found: dict[str, list[Measured]]) -> list[dict[str, Any]]:
    """Return the rows: the median of each stage, then the ratios."""
    rate = {name: statistics.median(m.per_second for m in runs) for name, runs in found.items()}
    rows: list[dict[str, Any]] = []
    for name, runs in found.items():
        python = statistics.median(m.python_us for m in runs)
        postgres = statistics.median(m.postgres_us for m in runs)
        rows.append(
            {
                "name": f"stage/{name}",
                "value": round(rate[name], 1),
                "unit": "events/s",
                "cpu_us": {"python": round(python, 1), "postgresql": round(postgres, 1)},
            }
        )
    cost = sum(statistics.median(getattr(m, name) for m in found["triage"]) for name in ("python_us", "postgres_us"))
    rows.append({"name": "stage/triage cost", "value": round(cost, 1), "unit": "us", "cpu_us": None})
    for rival in ("plain-faust", "faust-sqlmodel"):
        ratio = round(rate["triage"] / rate[rival], 2)
        rows.append({"name": f"stage/triage vs {rival}", "value": ratio, "unit": "x", "cpu_us": None, "ratio": ratio})
    return rows


def main() -> None:
    """Measure, print and write what was measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=20_000, help="events for our stage; the rivals get fewer")
    parser.add_argument(
        "--only",
        choices=("stage", "import", "coaching", "outcomes", "money"),
        help="all but the stages need no Apache Kafka",
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit 1 where something misses its bar")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="pathway-bench-") as folder, Postgres(durable=True) as postgres:
        if options.only in {None, "stage"}:
            rows += _stages(postgres, Path(folder), options.rounds, options.events)
            rows += rules_rows()
        if options.only in {None, "coaching"}:
            rows += coaching_rows(postgres, {})
        if options.only in {None, "outcomes"}:
            rows += outcomes_rows(postgres, {})
        if options.only in {None, "money"}:
            rows += settling_rows(postgres, {})
        if options.only in {None, "import"}:
            rows += importing_rows(postgres, {}, Path(folder) / "import")
    OUT.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    if options.json:
        print(json.dumps({"rows": rows}))
    else:
        print_rows(rows)
    met, line = against_the_bar(rows)
    above = above_their_bars(rows)
    for said in (line, *above):
        Console(stderr=True).print(said, soft_wrap=True)
    if options.check and (above or not met):
        raise SystemExit(1)


def _stages(postgres: Postgres, folder: Path, rounds: int, events: int) -> list[dict[str, Any]]:
    """Measure the stages, each as often as asked, in turn."""
    counts = {"plain-faust": events // 3, "faust-sqlmodel": events // 10, "triage": events}
    found: dict[str, list[Measured]] = {name: [] for name in counts}
    broker = resolve()
    try:
        bench = Bench(broker, postgres, folder)
        sealing = bench.sealing(SEALED)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("measuring", total=rounds * len(counts))
            for _ in range(rounds):
                for name, count in counts.items():
                    bar.update(task, description=name)
                    found[name].append(bench.run(name, count))
                    bar.advance(task)
    finally:
        broker.close()
    return [*rows_of(found), *sealing]


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print the rows as a table."""
    table = Table("name", "value", "unit", "CPU us an event: Python", "PostgreSQL")
    for row in rows:
        cpu = row["cpu_us"] or {"python": "", "postgresql": ""}
        table.add_row(row["name"], str(row["value"]), row["unit"], str(cpu["python"]), str(cpu["postgresql"]))
    Console().print(table)


def against_the_bar(rows: list[dict[str, Any]]) -> tuple[bool, str]:
    """Say whether the import is at its bar: so many times the rate of one client that sends row after row."""
    found = next((row["ratio"] for row in rows if row["name"] == BESIDE), None)
    if found is None:
        return True, "the import was not measured"
    met = found >= BAR
    return met, f"{BESIDE}: {found:g}x, {'at or above' if met else 'BELOW'} the bar of {BAR:g}x"


def above_their_bars(rows: list[dict[str, Any]]) -> list[str]:
    """Say which rows cost more than their bar allows."""
    over = (row for row in rows if row["value"] > row.get("bar", row["value"]))
    return [f"{row['name']}: {row['value']:g} {row['unit']}, ABOVE the bar of {row['bar']:g}" for row in over]


if __name__ == "__main__":
    main()
