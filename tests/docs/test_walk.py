"""The README's walk from a referral to a statement is run, against the whole system as processes."""

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from services.demo.scene import SERVICES
from services.demo.world import World
from tests.docs.markdown import ROOT, Block, blocks, section
from tests.docs.walk import Step, differences, run, steps

WALK = "From a referral to a statement, by hand"
TOOLS = ("bash", "curl", "python3")


@pytest.fixture
def addresses() -> Iterator[dict[str, str]]:
    """The variables that the README asks for, of a system that runs."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"the walk needs {', '.join(missing)}")
    with World() as world:
        world.start_parts()
        world.migrate()
        world.start_services()
        for child in world.waiting_for():
            world.wait_for(child)
        yield {**{name.upper(): world.url(name) for name in SERVICES}, "TOKENS": world.issuer}


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_walk_of_the_readme(addresses: dict[str, str]) -> None:
    found = steps(blocks(section((ROOT / "README.md").read_text(), WALK)))
    assert len(found) >= 8
    outputs = run(found, {**os.environ, **addresses}, 240)
    for step, output in zip(found, outputs, strict=True):
        if step.shown is not None:
            last = json.loads(output.strip().splitlines()[-1])
            assert list(differences(step.shown, last)) == [], f"the block of line {step.block.line} said {last}"


def test_the_readme_names_every_variable_that_the_walk_needs() -> None:
    text = section((ROOT / "README.md").read_text(), WALK)
    shown = "".join(block.text for block in blocks(text) if block.language == "sh")
    assert [name for name in (*map(str.upper, SERVICES), "TOKENS") if f"{name}=http://127.0.0.1:" not in shown] == []


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"code": "accepted"}, {"code": "refused"}),
        ({"code": "accepted"}, {}),
        ({"id": "/referrals/..."}, {"id": "/plans/1"}),
        ([1, 2], [1]),
        ([], [1]),
        ({"pence": 1}, {"pence": True}),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}),
    ],
)
def test_an_answer_that_differs_is_found(shown: Any, said: Any) -> None:
    assert list(differences(shown, said)) != []


def test_more_than_is_shown_is_no_difference() -> None:
    assert list(differences({"id": "...", "items": [{"a": 1}]}, {"id": "x", "items": [{"a": 1}, 2], "more": 1})) == []


def test_a_command_that_fails_is_found() -> None:
    with pytest.raises(AssertionError, match="line 7"):
        run([Step(Block(3, "bash", "true\n")), Step(Block(7, "bash", "false\n"))], os.environ, 20)


def test_blocks_share_one_shell_and_keep_their_output_apart() -> None:
    outputs = run(
        [Step(Block(1, "bash", "x=1; echo $x\n")), Step(Block(2, "bash", "echo $((x + 1))\n"))], os.environ, 20
    )
    assert [output.strip() for output in outputs] == ["1", "2"]
