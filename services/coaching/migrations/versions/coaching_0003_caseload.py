"""Coaches with their absences, and each plan as every one of its versions left it: caseloads and work lists.

Revision ID: coaching_0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "coaching_0003"
down_revision = "coaching_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coach",
        sa.Column("coach_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("languages", JSONB, nullable=False),
        sa.Column("localities", JSONB, nullable=False),
        sa.Column("offers", JSONB, nullable=False),
        sa.Column("changed_on", sa.Date, nullable=False),
    )
    op.create_index("coach_of", "coach", ["programme", "provider", "coach_id"])
    op.create_table(
        "coach_absence",
        sa.Column("coach_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("from_on", sa.Date, primary_key=True),
        sa.Column("until_on", sa.Date),
        sa.Column("cover", sa.Text(collation="C")),
    )
    op.create_index("coach_absence_cover", "coach_absence", ["cover"])
    op.create_table(
        "plan_history",
        sa.Column("referral_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("plan_version", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("occurred_on", sa.Date, nullable=False),
        sa.Column("recorded_on", sa.Date, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("programme_version", sa.Text, nullable=False),
        sa.Column("provider", sa.Text),
        sa.Column("locality", sa.Text),
        sa.Column("referred_on", sa.Date, nullable=False),
        sa.Column("work_status", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("coach", sa.Text(collation="C")),
        sa.Column("proposal", sa.Boolean, nullable=False),
        sa.Column("agreed_on", sa.Date),
        sa.Column("review_on", sa.Date),
        sa.Column("reached", sa.Boolean),
        sa.Column("attendance", sa.Text),
    )
    op.create_index("plan_history_of", "plan_history", ["programme", "provider", "occurred_on"])


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
