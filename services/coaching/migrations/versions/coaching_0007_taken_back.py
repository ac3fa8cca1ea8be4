"""Which version of a plan takes back which.

Revision ID: coaching_0007
"""

import sqlalchemy as sa
from alembic import op

revision = "coaching_0007"
down_revision = "coaching_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan_history", sa.Column("refers_to", sa.Integer))
    op.create_index(
        "plan_history_taken_back",
        "plan_history",
        ["referral_id", "refers_to"],
        postgresql_where=sa.text("refers_to IS NOT NULL"),
    )


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
