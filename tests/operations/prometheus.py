"""A real Prometheus beside a running system: it scrapes every role, and answers what dashboards and rules ask."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from services.demo.world import free_ports
from services.embedded.processes import Child
from tests.docs.markdown import ROOT

OBSERVABILITY: Final = ROOT / "deploy" / "observability"
PROGRAM: Final = shutil.which("prometheus")
SECONDS: Final = 60.0
SCRAPED: Final = "min(count_over_time(up[5m]))"


def panels() -> dict[str, str]:
    """What each panel of each dashboard asks, by ``board: title``."""
    return {
        f"{path.stem}: {panel['title']}": panel["targets"][0]["expr"]
        for path in sorted((OBSERVABILITY / "dashboards").glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
    }


class Prometheus:
    """Use :func:`scraping`."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def get(self, path: str, **parameters: str) -> Any:
        """What its API answers. Raises HTTPError, with 400 for an expression that it cannot work out."""

        def read() -> Any:
            with urlopen(f"http://{self._address}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
                return json.load(answer)["data"]

        return await asyncio.to_thread(read)

    async def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression comes to now."""
        found: list[dict[str, Any]] = (await self.get("query", query=expression))["result"]
        return found


@asynccontextmanager
async def scraping(ports: Iterable[int], folder: Path) -> AsyncIterator[Prometheus]:
    """Scrape these ports each half second with the rules that we ship, and yield when each was scraped thrice."""
    config = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    config["rule_files"] = [str(OBSERVABILITY / "rules.yml")]
    targets = [f"127.0.0.1:{port}" for port in ports]
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": targets}]
    del job["dns_sd_configs"]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [
        PROGRAM or "prometheus",
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
    ]
    child = Child("prometheus", command, log=folder / "prometheus.log")
    try:
        await asyncio.to_thread(child.wait_for_http, f"http://{address}/-/ready", SECONDS)
        made = Prometheus(address)
        async with asyncio.timeout(SECONDS):
            while not await made.ask(f"{SCRAPED} >= 3 and count(up) == {len(targets)}"):
                assert child.alive, child.output()
        yield made
    finally:
        await asyncio.to_thread(child.stop, SECONDS)
