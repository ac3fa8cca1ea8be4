"""``pathway demo``: the whole system on one machine, from 300 referrals to the providers' statements."""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.demo.areas import MANCHESTER, national
from services.demo.gather import gather
from services.demo.people import people as make_people
from services.demo.report import Report, show
from services.demo.running import Running
from services.demo.scene import SERVICES, Scene

if TYPE_CHECKING:
    from services.demo.world import World

PEOPLE: Final = 300
NATIONAL_PEOPLE: Final = 4000
SEED: Final = 20241001
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells expect."""


class Stopped(KeyboardInterrupt):
    """A request to end came as SIGTERM or SIGHUP."""


class Scale(StrEnum):
    """Where the demo plays: in Manchester, or in all areas of the national pilot in proportion to their fit notes."""

    LOCAL = "local"
    NATIONAL = "national"


def demo(
    *,
    people: int | None = None,
    seed: int = SEED,
    keep: bool = False,
    as_json: bool = False,
    scale: Scale = Scale.LOCAL,
    running: bool = False,
) -> int:
    """Run the demo; returns the exit status: 0 when everything holds.

    ``people``: None for the scale's own number. ``keep`` leaves the system running, until Ctrl-C, and prints where its
    APIs are. ``running`` plays in a system that runs already, and starts nothing; give it another
    ``seed`` each time, since the people of one seed are the same people. Whenever and however it ends, no process is
    left behind.
    """
    console = Console(stderr=as_json, highlight=False)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    if running:
        return _play_in(Running, console, scale, people, seed, as_json=as_json)
    from services.demo.world import World  # noqa: PLC0415  a system that runs already needs none of the embedded parts

    try:
        with World(closes_months=not keep) as world:
            report = _run(world, console, scale, people, seed, partial(_start, world))
            if as_json:
                print(json.dumps(report, indent=2))
            else:
                show(console, report)
            if keep:
                _keep(world, console)
            return 0 if report["holds"] else 1
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running")
        return INTERRUPTED
    except RuntimeError as error:
        console.print(f"[red]the demo could not run:[/red] {error}")
        return 1


def _play_in(
    opened: Callable[[], Running], console: Console, scale: Scale, people: int | None, seed: int, *, as_json: bool
) -> int:
    try:
        with opened() as scene:
            report = _run(scene, console, scale, people, seed)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (RuntimeError, OSError, KafkaError) as error:
        console.print(f"[red]the demo could not run:[/red] {error}")
        return 1
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        show(console, report)
    return 0 if report["holds"] else 1


def _run(
    world: Scene,
    console: Console,
    scale: Scale,
    count: int | None,
    seed: int,
    start: Callable[[Progress], None] | None = None,
) -> Report:
    wide = scale is Scale.NATIONAL
    areas = national() if wide else ()
    count = count or (NATIONAL_PEOPLE if wide else PEOPLE)
    started = time.monotonic()
    with _progress(console) as progress:
        if start is not None:
            start(progress)
        crowd = make_people(count, seed, areas or (MANCHESTER,))
        report = asyncio.run(gather(world, crowd, seed, progress, areas))
    report["seconds"] = round(time.monotonic() - started, 1)
    report["seed"] = seed
    return report


def _start(world: "World", progress: Progress) -> None:
    bar = progress.add_task("starting database and broker", total=None)
    world.start_parts()
    world.start_recorder()
    progress.update(bar, description="making tables")
    world.migrate()
    world.wait_for_recorder()
    world.start_services()
    waiting = world.waiting_for()
    progress.update(bar, description="starting services", total=len(waiting), completed=0)
    for child in waiting:
        world.wait_for(child)
        progress.advance(bar)


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=False) as progress:
        yield progress


def _keep(world: "World", console: Console) -> None:
    console.print("\n[bold]still running[/bold]; Ctrl-C ends it")
    for service in SERVICES:
        console.print(f"  {service:9} {world.url(service)}/docs")
    console.print(f"  tokens    {world.issuer}/docs")
    console.print(f"  broker    {world.broker.bootstrap}")
    console.print(f"  database  {world.postgres.dsn('pathway_intake')}")
    while True:
        signal.pause()


def _stop(_: int, __: FrameType | None) -> None:
    raise Stopped


def main() -> None:
    """Entry point of ``python -m services.demo.run``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", action="store_true", dest="as_json")
    sys.exit(demo(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
