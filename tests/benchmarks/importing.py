"""``pathway import`` beside the same rows sent one by one: rows a second, and whose CPU paid for them.

The import is measured as a person runs it, its own process included; so is one client that sends a row when the one
before is answered, and eight clients at once, which is the most that an API of one process takes.
"""

import asyncio
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from services.bulk.mapping import find_columns, read_map, read_row
from services.bulk.sheet import read_sheet
from services.embedded.postgres import Postgres
from tests.benchmarks.measure import Measured, cpu_seconds, measure
from tests.integration.bulk.world import FIXED, PROGRAMME, World, named, open_world, row, sheet

ROWS: Final = 10_000
ONE_BY_ONE: Final = 1_000
AT_ONCE: Final = 8
BAR: Final = 5.0
"""The import is at least so many times as fast as one client that sends row after row (decision 34)."""
BESIDE: Final = "intake/import vs one by one"
_GIVEN: Final = tuple(
    f"{first}{last}" for first in ("A", "Be", "Cla", "Do", "E", "Fi") for last in ("da", "nn", "ria", "ss")
)


def people(first: int, count: int) -> str:
    """A file of people who are not near to one another."""
    chance = random.Random(first)  # noqa: S311  the same people every time
    return sheet(
        *(
            row(
                number,
                **{
                    "First name": chance.choice(_GIVEN),
                    "Date of birth": f"{chance.randint(1, 28)}/{chance.randint(1, 12)}/{chance.randint(1950, 2004)}",
                    "Surname": named(number),
                    "Conditions": "musculoskeletal; back pain",
                    "PHQ-9": str(chance.randint(0, 27)),
                    "GAD-7": str(chance.randint(0, 21)),
                    "STarT MSK": str(chance.randint(0, 12)),
                    "Assessed on": "18/11/2024",
                },
            )
            for number in range(first, first + count)
        )
    )


def importing_rows(postgres: Postgres, templates: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """Measure all three on one API and database; return rows of bench.json."""
    server = int((postgres.data / "postmaster.pid").read_text().split()[0])
    folder.mkdir(exist_ok=True)
    with open_world(postgres, templates, folder) as world, _outbox(world) as produced:
        api = world.processes.children["api"].pid
        alone = _one_by_one(world, api, server, first=1_000_000, at_once=1)
        together = _one_by_one(world, api, server, first=2_000_000, at_once=AT_ONCE)
        imported = _import(world, folder, api, server, produced)
    rows = [
        _row("intake/import", imported),
        _row("intake/one by one", alone),
        _row(f"intake/one by one, {AT_ONCE} at once", together),
    ]
    for name, other in (("one by one", alone), (f"one by one, {AT_ONCE} at once", together)):
        ratio = round(imported.per_second / other.per_second, 2)
        rows.append({"name": f"intake/import vs {name}", "value": ratio, "unit": "x", "cpu_us": None, "ratio": ratio})
    return rows


def _row(name: str, found: Measured) -> dict[str, Any]:
    cpu = {"python": round(found.python_us, 1), "postgresql": round(found.postgres_us, 1)}
    return {"name": name, "value": round(found.per_second, 1), "unit": "rows/s", "cpu_us": cpu}


def _import(world: World, folder: Path, api: int, server: int, produced: Callable[[], int]) -> Measured:
    file = folder / "people.csv"
    file.write_text(people(0, ROWS))
    before = produced()
    command = subprocess.Popen(
        world.command(file, *FIXED, "--json"), env=world.environment(), stdout=subprocess.DEVNULL
    )
    try:
        found = measure(ROWS, lambda: produced() - before, [api, command.pid], server)
    finally:
        if (status := command.wait(120)) != 0:
            raise RuntimeError(f"the import ended with {status}")
    return found


def _one_by_one(world: World, api: int, server: int, *, first: int, at_once: int) -> Measured:
    read = read_sheet(people(first, ONE_BY_ONE).encode())
    columns = find_columns(read, read_map((), FIXED[1::2], None), PROGRAMME)
    documents = [read_row(columns, one).document for one in read.rows]
    warm = ONE_BY_ONE // 10
    _send(world, documents[:warm], f"{first}-warm")
    shares = [documents[warm + n :: at_once] for n in range(at_once)]
    clients = [threading.Thread(target=_send, args=(world, share, f"{first}-{n}")) for n, share in enumerate(shares)]
    began, cpu, paid = time.perf_counter(), cpu_seconds([api]), cpu_seconds([server])
    mine = time.process_time()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    took = time.perf_counter() - began
    python = cpu_seconds([api]) - cpu + time.process_time() - mine
    postgres, count = cpu_seconds([server]) - paid, ONE_BY_ONE - warm
    return Measured(count / took, python / count * 1e6, postgres / count * 1e6)


def _send(world: World, documents: Sequence[Any], name: str) -> None:
    headers = {"Authorization": f"Bearer {world.token()}"}
    with httpx.Client(base_url=world.address, headers=headers) as client:
        for number, document in enumerate(documents):
            answer = client.post("/referrals", json=document, headers={"Idempotency-Key": f"{name}-{number}"})
            if answer.status_code != 201:
                raise RuntimeError(f"a referral was answered {answer.status_code}")


@contextmanager
def _outbox(world: World) -> Iterator[Callable[[], int]]:
    """How many events there are, looked at over one connection and without counting them."""
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(world.databases("intake").admin_dsn))
    try:
        yield lambda: int(loop.run_until_complete(connection.fetchval("SELECT last_value FROM outbox_id")))
    finally:
        loop.run_until_complete(connection.close())
        loop.close()
