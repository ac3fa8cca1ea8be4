"""What processes export, and what the table of docs/operations/metrics.md says that they do."""

import asyncio
import re
from typing import Final
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

AFTER_A_FAULT: Final = frozenset({"pathway_retries_total", "pathway_relay_failures_total", "pathway_stops_total"})
"""By cause or reason: they have no value before something has failed; tests/contract sees that they are there."""


def sampled(text: str) -> set[str]:
    """Our metrics that have a value in an answer of ``/metrics``; a counter with its ``_total``."""
    found = set()
    for family in text_string_to_metric_families(text):
        if (
            family.samples
            and not family.name.endswith("_created")
            and family.name.startswith(("pathway_", "http_request"))
        ):
            found.add(f"{family.name}_total" if family.type == "counter" else family.name)
    return found


async def scraped(port: int) -> str:
    """What a role on this port exports."""

    def read() -> str:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(read)


def rows(text: str) -> dict[str, str]:
    """The table: each metric and where it says that it comes from."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith(("| `pathway_", "| `http_")):
            names, role, *_ = line.strip("|").split("|")
            found |= dict.fromkeys(re.findall(r"`([a-z_]+)`", names), role.strip())
    return found


def may_export(role: str, process: str) -> bool:
    """Whether a process, named ``triage-worker`` or ``relay-1``, is one that the table names: ``worker, api``."""
    for one in role.split(", "):
        whose, _, kind = one.rpartition(" ")
        if kind in process and whose.partition("'")[0] in process:
            return True
    return False
