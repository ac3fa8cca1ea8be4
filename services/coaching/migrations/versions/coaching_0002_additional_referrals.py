"""Further referrals of somebody who has a plan, or will have one: the coach sees them with it.

Revision ID: coaching_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "coaching_0002"
down_revision = "coaching_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "additional_referral",
        sa.Column("referral_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("linked_referral", sa.Text(collation="C"), nullable=False),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("referred_on", sa.Date, nullable=False),
    )
    op.create_index("additional_of", "additional_referral", ["linked_referral", "referred_on", "referral_id"])


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
