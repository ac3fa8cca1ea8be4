"""A migration is safe under the release before it: it only adds."""

from pathlib import Path

import pytest

from tests.contract.expand_only import RELEASED, faults, held

SERVICES = Path(__file__).parents[2] / "services"


def test_every_migration_from_now_on_only_adds() -> None:
    wrong = {path.name: list(faults(path.read_text())) for path in held(SERVICES)}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_those_before_are_there() -> None:
    """A number too high would excuse a migration that is still to be written."""
    for name, last in RELEASED.items():
        assert len(list((SERVICES / name / "migrations" / "versions").glob(f"{name}_*.py"))) >= last


@pytest.mark.parametrize(
    "line",
    [
        'op.drop_table("a")',
        'op.drop_column("a", "b")',
        'op.rename_table("a", "b")',
        'op.alter_column("a", "b", nullable=False)',
        'op.add_column("a", sa.Column("b", sa.Text, nullable=False))',
        'op.create_check_constraint("c", "a", "b > 0")',
        'op.execute("ALTER TABLE a DROP COLUMN b")',
        'op.execute("ALTER TABLE a RENAME COLUMN b TO c")',
        'op.execute("ALTER TABLE a ALTER COLUMN b TYPE bigint")',
        'op.execute("ALTER TABLE a ALTER COLUMN b SET NOT NULL")',
        'op.execute("ALTER TABLE a ADD COLUMN b int NOT NULL")',
        'op.execute("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0)")',
        'op.execute("UPDATE a SET b = 1")',
    ],
)
def test_what_the_release_before_cannot_stand_is_found(line: str) -> None:
    assert list(faults(f"def upgrade():\n    {line}\n")) != []


@pytest.mark.parametrize(
    "line",
    [
        'op.create_table("a", sa.Column("b", sa.Text, nullable=False))',
        'op.add_column("a", sa.Column("b", sa.Text))',
        'op.add_column("a", sa.Column("b", sa.Text, nullable=False, server_default="x"))',
        'op.create_index("i", "a", ["b"])',
        'op.execute("ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 0")',
        'op.execute("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0) NOT VALID")',
    ],
)
def test_what_only_adds_is_none(line: str) -> None:
    assert list(faults(f"def upgrade():\n    {line}\n")) == []


def test_a_contraction_says_which_release_stopped_using_it() -> None:
    assert list(faults('CONTRACTS = "0.3"\n\ndef upgrade():\n    op.drop_table("a")\n')) == []
    assert list(faults('def upgrade():\n    pass\n\ndef downgrade():\n    op.drop_table("a")\n')) == []
