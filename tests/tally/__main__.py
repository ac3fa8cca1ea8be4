"""Run a role of the tally service as a process: ``python -m tests.tally worker|relay [PREFIX]``."""

import sys

from services.kernel.logs import configure_logs
from services.kernel.runtime.roles import run_relays, run_role, run_worker
from services.kernel.settings import load_settings
from tests.tally.domain import tally_service


def main() -> None:
    """Run."""
    role = sys.argv[1]
    settings = load_settings()
    configure_logs(settings.log_level, service="tally", role=role)
    service = tally_service()
    run_role(run_worker(service, settings) if role == "worker" else run_relays([service], settings))


if __name__ == "__main__":
    main()
