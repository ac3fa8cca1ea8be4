"""A node for as long as this runs: `python -m tests.cluster`, then in another terminal what it prints."""

import sys
import time

from tests.cluster import node, operators, strimzi


def main() -> None:
    """Start it, and serve it until interrupted."""
    lacking = node.missing()
    if lacking:
        sys.exit(f"missing: {', '.join(lacking)}; see tests/cluster/README.md")
    with node.node() as opened:
        operators.install(opened)
        print(f"export KUBECONFIG={opened.kubeconfig}", flush=True)
        strimzi.serve(opened)
        print("Kafka is there", flush=True)
        while True:
            opened.processes.check()
            time.sleep(1.0)


main()
