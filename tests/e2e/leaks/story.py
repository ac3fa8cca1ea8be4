"""One life of the whole system with people whose every detail is a marker, and everything that it leaves behind."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

from services.contracts import types
from services.embedded.processes import Supervisor
from tests.e2e import subscriber
from tests.e2e.leaks import acts, careless, files, invited
from tests.e2e.leaks.caller import COACH, PROGRAMME, SURGERY, Caller
from tests.e2e.leaks.evidence import Evidence, Watch, columns, names_below
from tests.e2e.leaks.letters import letters, newer
from tests.e2e.leaks.markers import GRAVE, MILD, Markers, Person
from tests.e2e.leaks.operators import GONE, Operators
from tests.e2e.system import FURTHER, ROLES, System, open_system
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

SETTLE_SECONDS: Final = 60.0
CARELESS_CLI: Final = ("-m", "tests.e2e.leaks.careless")
ADA, GRACE, NOBODY, JOAN, OTTO = map(Person, range(1, 6))
"""With a plan; in danger, and later withdrawn; refused; referred twice; whose answers end a worker."""
CARELESS: Final = Person(20)
"""Referred while the program is careless."""
FAILING: Final = Person(21)
FORGOTTEN: Final = Person(22)
NEAR: Final = Person(24)
"""With Ada's names and birth date."""
IN_VAIN: Final = Person(23)
"""Whose row PostgreSQL refuses under its own settings."""
IMPORTED: Final = Person(25)
"""In a file of columns."""
IN_LINES: Final = Person(26)
"""In a batch of lines."""
WIDENINGS: Final = ("nothing", *sorted(careless.HELD_BACK), "a name of nobody's list", *sorted(careless.RELAXED))
WIDENED: Final = {what: Person(100 + number) for number, what in enumerate(WIDENINGS)}
"""Somebody for each widening of the list of what may be logged."""
KNOWN: Final = (
    ADA,
    GRACE,
    NOBODY,
    JOAN,
    OTTO,
    acts.RIGHT,
    NEAR,
    *GONE,
    CARELESS,
    FAILING,
    FORGOTTEN,
    IMPORTED,
    IN_LINES,
)
FOREIGN_LETTERS: Final = "SELECT id FROM dead_letter WHERE code = 'data_invalid' ORDER BY id"
STOPPED: Final = "SELECT count(*) FROM consumer_stop, pg_sleep(0.05)"
NUMBER_TWICE: Final = "INSERT INTO person (person_id, nhs_number, created_at) VALUES ($1, $2, now())"


def markers() -> Markers:
    """Everything that must not be found."""
    found = acts.WORDS | acts.REFUSED | invited.NAMES
    for person in (*KNOWN, *invited.PEOPLE):
        found |= person.markers()
    return found


@dataclass
class Story:
    """Use :func:`lived`."""

    system: System
    folder: Path
    call: Caller = field(init=False)
    operators: Operators = field(init=False)
    found: Evidence = field(default_factory=Evidence)

    def __post_init__(self) -> None:
        self.call = Caller(self.system.issuer, self.system.urls)
        self.operators = Operators(self.system, self.call, self.found, self.folder)

    async def live(self) -> None:
        """All of it, in the order in which it must be."""
        await self.system.start(*ROLES, *FURTHER)
        ada = await self.ordinary()
        await self.hurried(ada)
        await self.widened()
        await self.died()
        await self.operators.people()
        await self.strange(ada)
        self.found.metrics = await self.metrics()
        await self.operated()
        await self.stopped()
        await self.gather()

    async def ordinary(self) -> str:
        """Referred, refused, repeated, assessed again, coached, withdrawn, read; returns Ada's referral."""
        call = self.call
        ada, grace, otto, *_ = await asyncio.gather(
            acts.refer(call, ADA),
            acts.refer(call, GRACE, GRAVE),
            acts.refer(call, OTTO),
            acts.refused(call, NOBODY),
            self.operators.refer(),
        )
        await acts.repeated(call, ADA, JOAN)
        await acts.near(call, ADA, NEAR)
        await acts.in_lines(call, IN_LINES, ADA)
        await invited.asked(call)
        await invited.employers(call)
        await acts.later(call, ada)
        await self.system.settled(SETTLE_SECONDS)
        await asyncio.gather(acts.taken_up(call, grace), acts.coached(call, ada))
        await acts.withdrawn(call, grace)
        await acts.read(call, ADA, ada)
        await self.system.settled(SETTLE_SECONDS)
        self.otto = otto
        return ada

    async def strange(self, ada: str) -> None:
        """Foreign records come, full of a person's data. No API starts after this: it would find its log forged."""
        topic = f"{self.system.prefix}{types.TOPIC_REFERRAL}"
        good = await asyncio.to_thread(subscriber.subscribe, self.system.kafka.bootstrap, [topic], f"{topic}good")
        like = next(record for record in good if record.key == ada.encode())
        await self._produce(list(letters(self.system.prefix, like)))
        await self.system.settled(SETTLE_SECONDS)

    async def hurried(self, ada: str) -> None:
        """Some processes are started again with careless code, and people are referred to it."""
        careless_as = {
            "intake-api": "talks+fails+forgets+widens",
            "coaching-api": "talks",
            "triage-worker": "talks+fails+dies",
        }
        for name, faults in careless_as.items():
            self.system.programs[name] = (*CARELESS_CLI, faults)
            self.system.kill(name)
        await self.system.ready(*careless_as)
        await acts.refer(self.call, CARELESS, GRAVE)
        failing, forgotten = FAILING.referral(GRAVE), FORGOTTEN.referral(GRAVE)
        failing["person"]["family_name"] += careless.FAILS
        forgotten["person"] |= {"family_name": careless.FORGETS, "nhs_number": ADA.nhs_number}
        for body in (failing, forgotten):
            answer = await self.call.post("intake", "/referrals", body)
            assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        note = {"kind": "note_recorded", "occurred_on": acts.SENT, "note": acts.NOTE}
        assert (await self.call.post("coaching", f"/plans/{ada}/commands", note, COACH)).status_code == 200
        failing_answers = {"assessment": {**MILD, "taken_on": "2023-09-01"}}
        answer = await self.call.post("intake", f"/referrals/{ada}/assessments", failing_answers, COACH)
        assert answer.status_code == 201
        await self.system.settled(SETTLE_SECONDS)

    async def widened(self) -> None:
        """For each name that the list of what may be logged could get, one request while it has it."""
        log = self.system.processes.folder / "intake-api.log"
        for what, person in WIDENED.items():
            before = log.stat().st_size
            headers = {careless.WIDEN: "" if what == "nothing" else what}
            answer = await self.call.post("intake", "/referrals", person.referral(None, consents={}), headers=headers)
            assert answer.status_code == 422, answer.text
            with log.open("rb") as file:
                file.seek(before)
                self.found.widened[what] = file.read().decode()

    async def died(self) -> None:
        """A worker ends by an error that quotes what it opened; started again without the fault, it goes on."""
        answers = {"assessment": {**MILD, "taken_on": "2023-09-02"}}
        answer = await self.call.post("intake", f"/referrals/{self.otto}/assessments", answers, COACH)
        assert answer.status_code == 201
        worker = self.system.processes.children["triage-worker"]
        assert await asyncio.to_thread(worker.wait, SETTLE_SECONDS) == 1
        names, self.system.programs = list(self.system.programs), {"triage-worker": (*CARELESS_CLI, "talks")}
        for name in names:
            self.system.kill(name)
        await self.system.ready(*names)
        await self.system.settled(SETTLE_SECONDS)

    async def metrics(self) -> dict[str, str]:
        """What each role counts."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return {
                name: (await client.get(f"http://127.0.0.1:{self.system.ports[name]}/metrics")).text
                for name in (*ROLES, *FURTHER)
            }

    async def operated(self) -> None:
        """What operators do by hand, several at once."""
        exports = self.folder / "exports"
        rows = await self.system.connections["triage"].fetch(FOREIGN_LETTERS)
        ids = [str(row["id"]) for row in rows]
        number, wrong = GRACE.nhs_number, GRACE.word("family")
        asked = ("--nhs-number", "-")
        why = ("--actor", "operator-1", "--reason", "looked at it")
        file = files.write(self.folder / "import", files.people(IMPORTED, ADA), await self.call.token(SURGERY))
        imports = self._imports(file)
        asks: dict[str, tuple[tuple[str, ...], str]] = {
            "dlq list": (("dlq", "list", "triage", "--all", "--json"), ""),
            "dlq show": (("dlq", "show", "triage", ids[0]), ""),
            "dlq redrive": (("dlq", "redrive", "triage", ids[-1], *why, "--apply"), ""),
            "dlq discard": (("dlq", "discard", "triage", *ids[:2], *why, "--apply"), ""),
            "consumer status": (("consumer", "status", "triage", "--lag", "--json"), ""),
            "outbox status": (("outbox", "status", "intake"), ""),
            "export": (("person", "export", *asked, "--to", str(exports), "--actor", "operator-1"), number),
            "show": (("person", "show", *asked), number),
            "merge-decided": (("person", "merge-decided", "--actor", "operator-1", "--json"), ""),
            "overdue": (("referrals", "overdue", "--json"), ""),
            "not a number": (("person", "show", *asked), wrong),
        }
        waiting = [self.operators.pathway(name, *words, given=given) for name, (words, given) in asks.items()]
        for two in _pairs(waiting):
            await asyncio.gather(*two)
        for name, words in imports.items():  # one after the other: the last writes what the first has written, too
            await self.operators.pathway(name, *words)
        self.found.rejects = (file.parent / "people.rejects.csv").read_text()
        self.found.exported = {path.name: path.read_text() for path in exports.iterdir()}

    def _imports(self, file: Path) -> dict[str, tuple[str, ...]]:
        """A file that is tried, imported, imported again; one without headings; one that is not sent."""
        token = ("--token-file", str(file.with_name(files.TOKEN_FILE)), "--programme", PROGRAMME)
        there = ("--api", self.system.urls["intake"], *token)
        return {
            "import tried": ("import", str(file), *there, "--dry-run"),
            "import": ("import", str(file), *there),
            "import again": ("import", str(file), *there, "--json"),
            "import headless": ("import", str(file.with_name("headless.csv")), *there),
            "import unsent": ("import", str(file), "--api", "http://127.0.0.1:9", *token, "--patience", "0"),
        }

    async def stopped(self) -> None:
        """A type comes from our own producer that nobody knows: the consumer stops and says so."""
        await self._produce([newer(self.system.prefix)])
        connection = self.system.connections["intake"]
        async with asyncio.timeout(SETTLE_SECONDS):
            while not await connection.fetchval(STOPPED):
                continue

    async def gather(self) -> None:
        """Look everywhere."""
        found, system = self.found, self.system
        topics = subscriber.subscribe
        found.records = await asyncio.to_thread(topics, system.kafka.bootstrap, system.topics, f"{system.prefix}all")
        for name, connection in system.connections.items():
            found.columns |= await columns(name, connection)
        found.files = {path.name: path.read_text() for path in self.operators.keys.iterdir()}
        found.told = self.call.told
        await self.call.close()

    async def _produce(self, records: list[Any]) -> None:
        before = {record.topic: self.system.kafka.ends(record.topic) for record in records}
        await asyncio.to_thread(self.system.kafka.produce, records)
        for topic, ends in before.items():
            for partition, (_, last) in self.system.kafka.ends(topic).items():
                self.found.foreign |= {(topic, partition, offset) for offset in range(ends[partition][1], last)}


def _pairs(waiting: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(waiting), 3):
        yield waiting[start : start + 3]


async def refused_row(databases: Databases, log: Callable[[], str]) -> str:
    """What the server writes of a row that it refuses, with PostgreSQL's own settings."""
    name = databases("intake").name
    for setting in ("log_error_verbosity = 'default'", "log_min_error_statement = 'error'"):
        databases("intake").postgres.execute(f'ALTER DATABASE "{name}" SET {setting}')
    connection = await asyncpg.connect(databases("intake").admin_dsn)
    before = len(log())
    await connection.execute(NUMBER_TWICE, "somebody", IN_VAIN.nhs_number)
    with suppress(asyncpg.UniqueViolationError):
        await connection.execute(NUMBER_TWICE, "somebody-else", IN_VAIN.nhs_number)
    await connection.close()
    return log()[before:]


async def lived(kafka: Broker, databases: Databases, processes: Supervisor, folder: Path, prefix: str) -> Evidence:
    """Let a system live, and return what it left behind."""
    server_log = databases("intake").postgres.folder / "postgres.log"

    def log() -> str:
        return server_log.read_text("utf-8", "replace")

    begins = len(log())
    async with Watch() as watch, open_system(kafka, databases, processes, prefix) as system:
        system.environment["PATHWAY_LOG_LEVEL"] = "DEBUG"
        story = Story(system, folder)
        await story.live()
        found = story.found
        found.server_log = log()[begins:]
        found.careless_server = await refused_row(databases, log)
    processes.stop()
    found.processes = watch.seen
    found.logs = {path.stem: path.read_text("utf-8", "replace") for path in processes.folder.glob("*.log")}
    found.names = names_below([folder, processes.folder, server_log.parent, Path.cwd() / "services"])
    return found
