"""What was recorded of a plan over time, and the scores of reviews.

Revision ID: coaching_0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "coaching_0005"
down_revision = "coaching_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plan_record",
        sa.Column("referral_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("plan_version", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("recorded_by", sa.Text, nullable=False),
        sa.Column("occurred_on", sa.Date, nullable=False),
        sa.Column("content", JSONB, nullable=False),
        sa.Column("sealed", JSONB),
    )
    op.create_table(
        "plan_score",
        sa.Column("event_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("referral_id", sa.Text(collation="C"), nullable=False),
        sa.Column("plan_version", sa.Integer, nullable=False),
        sa.Column("occurred_on", sa.Date, nullable=False),
        sa.Column("scores", sa.Text, nullable=False),
    )
    op.create_index("ix_plan_score_referral_id", "plan_score", ["referral_id"])
    op.execute('REVOKE UPDATE, DELETE, TRUNCATE ON plan_score FROM "coaching_run"')


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
