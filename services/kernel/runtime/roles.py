"""The long-running roles: a worker consumes, a relay publishes. Each ends on SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog
import uvloop

from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.memory import collect_rarely
from services.kernel.runtime.outbox_watch import OutboxWatch
from services.kernel.runtime.probes import serve_probes
from services.kernel.runtime.progress import Progress
from services.kernel.runtime.relay import Relay
from services.kernel.runtime.watch import Watch
from services.kernel.service import Service
from services.kernel.settings import RunnerKind, Settings

log = structlog.get_logger()


class Running(Protocol):
    """What a role runs: it ends soon after ``stop``."""

    def stop(self) -> None:
        """Ask it to end."""
        ...

    async def run(self) -> None:
        """Run until stopped."""
        ...


def new_runner(consumption: Consumption) -> Running:
    """Return the runner that the settings name. Faust is imported only where it is used."""
    if consumption.settings.runner is RunnerKind.FAUST:
        from services.kernel.runtime.faust_runner import FaustRunner  # noqa: PLC0415

        return FaustRunner(consumption)
    from services.kernel.runtime.aiokafka_runner import BareRunner  # noqa: PLC0415

    return BareRunner(consumption)


def run_role(role: Coroutine[Any, Any, None]) -> None:
    """Run a role on uvloop, which spends less on sockets than asyncio's own loop; Faust's threads use it too."""
    uvloop.install()
    asyncio.run(role)


class Worker:
    """Waits until the broker answers, then hands the process to the runner."""

    def __init__(self, consumption: Consumption) -> None:
        self._consumption = consumption
        self._runner = new_runner(consumption)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()
        self._runner.stop()

    async def run(self) -> None:
        """Consume until stopped. A broker that is not there yet is waited for, not died of."""
        reached = asyncio.create_task(self._consumption.reach_broker())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({reached, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if reached.done():
            reached.result()
            await self._runner.run()
        else:
            reached.cancel()


async def run_worker(service: Service, settings: Settings) -> None:
    """Consume a service's inputs until a signal."""
    consumption = Consumption(service, settings)
    progress = Progress(consumption)

    def missing() -> list[str]:
        away = ["the database does not answer"] if progress.away else []
        return away + ([] if consumption.ready else ["the consumer does not read: see 'pathway consumer status'"])

    log.info("worker_starts", service=service.name, runner=str(settings.runner))
    await run_roles([Worker(consumption), Watch(consumption), progress], settings, missing, progress.stuck)


async def run_relays(services: Sequence[Service], settings: Settings, beside: Sequence[Running] = ()) -> None:
    """Publish the outboxes of one or more services until a signal; run what belongs ``beside`` them."""
    relays = [Relay(service, settings) for service in services]
    watches = [OutboxWatch(service, settings) for service in services]

    def missing() -> list[str]:
        return [f"{relay.service.name}: {relay.trouble}" for relay in relays if relay.trouble]

    await run_roles([*relays, *watches, *beside], settings, missing)


async def run_roles(
    running: Sequence[Running],
    settings: Settings,
    missing: Callable[[], list[str]],
    stuck: Callable[[], list[str]] = list,
) -> None:
    """Run roles with their probes until a signal. Raises :class:`RoleEnded` when one ends unasked."""
    together = _Together(running)
    collect_rarely()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, together.stop)

    def not_ready() -> list[str]:
        # readiness falls first, so that nobody counts on a process that is going
        return ["stopping"] if together.stopping else missing()

    async with serve_probes(settings.http_host, settings.http_port, not_ready, stuck), asyncio.TaskGroup() as group:
        for one in running:
            group.create_task(together.run(one))


class _Together:
    """The roles of one process: one ends with all, and its cause alone is told."""

    def __init__(self, running: Sequence[Running]) -> None:
        self._running = running
        self.stopping = False
        self._failed = False

    def stop(self) -> None:
        """Ask all to end."""
        self.stopping = True
        for one in self._running:
            one.stop()

    async def run(self, one: Running) -> None:
        """Run one role. Raises what ends it unasked."""
        try:
            await one.run()
            if not self.stopping:
                raise RoleEnded(f"{type(one).__name__} ended by itself")
        except asyncio.CancelledError:
            # what a library cancels inside itself would end this role without a word
            if self.stopping or self._failed:
                raise
            self._failed = True
            raise RoleEnded(f"{type(one).__name__} was cancelled from within") from None
        except Exception:
            self._failed = True  # the others are cancelled for it, and have nothing to add
            raise


class RoleEnded(Exception):
    """A role ended though nobody asked it to: the process must not stay behind as if it worked."""
