"""Run a role of a toy service as a process: ``python -m tests.tally worker|relay [tally|wishes]``."""

import sys

from services.kernel.logs import configure_logs
from services.kernel.runtime.roles import run_relays, run_role, run_worker
from services.kernel.settings import load_settings
from tests.tally.domain import tally_service
from tests.tally.wishes import wish_service

SERVICES = {"tally": tally_service, "wishes": wish_service}


def main() -> None:
    """Run."""
    role, name = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "tally"
    settings = load_settings()
    configure_logs(settings.log_level, service=name, role=role)
    service = SERVICES[name]()
    run_role(run_worker(service, settings) if role == "worker" else run_relays([service], settings))


if __name__ == "__main__":
    main()
