"""A release after this one, made for a test: this tree's services, and a migration of each kind that may be added.

Nothing is released yet, and a clone need not hold the history, so the newer release is generated: the code of *this*
tree is the older one (N-1), which meets tables that it does not know.
"""

import shutil
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
SERVICES: Final = ("intake", "triage", "coaching", "outcomes")
MIGRATION: Final = '''"""What the next release adds: a table, columns of both kinds that may be added, an index.

Revision ID: {service}_{number:04}
"""

import sqlalchemy as sa
from alembic import op

revision = "{service}_{number:04}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("next_release", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("aggregate", sa.Column("next_note", sa.Text))
    op.add_column("aggregate", sa.Column("next_number", sa.Integer, nullable=False, server_default="0"))
    op.create_index("aggregate_next_number", "aggregate", ["next_number"])


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
'''


def make(folder: Path) -> tuple[str, ...]:
    """Write the next release into ``folder``; return the words that run its command with this interpreter."""
    for name in ("services", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for service in SERVICES:
        versions = folder / "services" / service / "migrations" / "versions"
        before = max(path.stem for path in versions.glob(f"{service}_*.py"))
        words = before.split("_")
        text = MIGRATION.format(service=service, number=int(words[1]) + 1, before="_".join(words[:2]))
        (versions / f"{service}_{int(words[1]) + 1:04}_next_release.py").write_text(text)
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); from services.cli import main; main()"
    return ("-P", "-c", start)
