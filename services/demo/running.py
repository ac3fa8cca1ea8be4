"""A demo on a system that runs already: it reads settings as a role does, and starts nothing.

``PATHWAY_DEMO_INTAKE`` and so on say where the APIs are, the settings where broker, databases, vault and issuer are;
the databases are only read.
"""

import asyncio
import os
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.demo.record import Recorded, write_line
from services.demo.scene import TOPICS
from services.kernel.runtime.log_view import LogView, Place, open_log
from services.kernel.settings import Settings, load_settings

LOOK_SECONDS: Final = 0.05


class Running:
    """A system that somebody else runs; what is on its topics is recorded while the block runs."""

    closes_months = False

    def __init__(self) -> None:
        self._settings = load_settings()
        self._folder = tempfile.TemporaryDirectory(prefix="pathway-demo-")
        self.record = Path(self._folder.name) / "topics.jsonl"
        self.issuer = os.environ.get("PATHWAY_DEMO_TOKENS") or self._settings.issuer_url
        self._stopping = threading.Event()
        self._caught_up = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._record, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self.record.touch()
        self._thread.start()
        while not self._caught_up.wait(LOOK_SECONDS):
            self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._folder.cleanup()

    def url(self, service: str) -> str:
        """The address of a service's API. Raises RuntimeError when the environment does not say."""
        name = f"PATHWAY_DEMO_{service.upper()}"
        if name not in os.environ:
            raise RuntimeError(f"set {name} to the address of {service}'s API")
        return os.environ[name]

    def dsn(self, service: str) -> str:
        """Where a service's database is."""
        return self._settings.service_url(service)

    def settings(self) -> Settings:
        """The settings of this process."""
        return self._settings

    def check(self) -> None:
        """Raise RuntimeError when the topics are not recorded any more."""
        if self._fault is not None:
            raise RuntimeError(f"the topics cannot be read: {type(self._fault).__name__}") from self._fault

    def ends(self) -> dict[Place, int]:
        """The end of each partition; blocks."""

        async def look() -> dict[Place, int]:
            async with open_log(self._settings) as view:
                return await _ends(view)

        return asyncio.run(look())

    def _record(self) -> None:
        try:
            asyncio.run(self._follow())
        except BaseException as error:
            self._fault = error
            raise

    async def _follow(self) -> None:
        """Write every record of the topics to the file, from their beginning."""
        read: dict[Place, int] = {}
        with self.record.open("w") as lines:
            async with open_log(self._settings) as view:
                while not self._stopping.is_set():
                    ends = await _ends(view)
                    async for records in view.read({place: (read.get(place, 0), end) for place, end in ends.items()}):
                        for record in records:
                            write_line(lines, Recorded(record, time.time()))
                        lines.flush()
                    read = ends
                    self._caught_up.set()
                    await asyncio.sleep(LOOK_SECONDS)


async def _ends(view: LogView) -> dict[Place, int]:
    places = [place for topic in TOPICS for place in await view.partitions(topic)]
    return {place: extent.end for place, extent in (await view.extents(places)).items()}
