"""The commands of docs/operations that no drill runs, and the tests that do.

A new page needs a drill, or its commands a line here: page, how the command begins, the test. What follows a command's
name is its own test's matter. ``test_pages.py`` says what is missing.
"""

from typing import Final

COMPOSE: Final = "tests/e2e/test_compose.py"
WALK: Final = "tests/e2e/test_compose.py::test_the_walk_of_the_readme_works_unchanged"
KILLED: Final = "tests/e2e/test_compose.py::test_the_demo_plays_in_it_while_each_container_is_killed_and_all_reconciles"

ELSEWHERE: Final[dict[str, dict[str, str]]] = {
    "compose": {
        "docker compose up": WALK,
        "INTAKE=": WALK,
        "OUTCOMES=": WALK,
        "docker compose run --rm demo": KILLED,
        "docker compose run --rm audit": KILLED,
        "docker compose --profile observe": COMPOSE,
        "docker compose down": COMPOSE,
    },
    "installing": {
        "make image": "tests/e2e/test_compose.py::test_the_image_is_as_large_as_is_said",
        "docker image inspect": "tests/e2e/test_compose.py::test_the_image_is_as_large_as_is_said",
    },
    "kubernetes": {
        "kubectl": "tests/cluster/test_on_a_node.py",
        "python -m deploy.k8s.make_secrets": "tests/cluster/test_on_a_node.py",
    },
    "papers": {"chromium": "tests/unit/coaching/papers/test_on_paper.py"},
    "vault": {"pathway vault rewrap": "tests/integration/vault/test_cli.py"},
}


def where(page: str, command: str) -> str | None:
    """The test that runs a page's command, or None: its drill must."""
    return next((test for begins, test in ELSEWHERE.get(page, {}).items() if command.startswith(begins)), None)
