"""The list of plans, the recommendations with their reasons, the coaches' notes.

Revision ID: coaching_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "coaching_0001"
down_revision = None
branch_labels = ("coaching",)
depends_on = "kernel_0001"


def upgrade() -> None:
    op.create_table(
        "plan",
        sa.Column("referral_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("locality", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("coach", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("plan_version", sa.Integer, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("proposal", sa.Boolean, nullable=False),
        sa.Column("referred_on", sa.Date, nullable=False),
        sa.Column("changed_on", sa.Date, nullable=False),
        sa.Column("started_on", sa.Date),
        sa.Column("review_on", sa.Date),
        sa.Column("closed_on", sa.Date),
    )
    op.create_index("plan_of_provider", "plan", ["provider", "referred_on", "referral_id"])
    op.create_index("plan_of_coach", "plan", ["coach", "referred_on", "referral_id"])
    op.create_table(
        "plan_recommendation",
        sa.Column("referral_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("received_on", sa.Date, nullable=False),
        sa.Column("package", JSONB, nullable=False),
        sa.Column("alternatives", JSONB, nullable=False),
        sa.Column("ruleset", JSONB, nullable=False),
        sa.Column("sealed", JSONB),
    )
    op.create_table(
        "plan_note",
        sa.Column("event_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("referral_id", sa.Text(collation="C"), nullable=False),
        sa.Column("plan_version", sa.Integer, nullable=False),
        sa.Column("written_by", sa.Text, nullable=False),
        sa.Column("occurred_on", sa.Date, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ix_plan_note_referral_id", "plan_note", ["referral_id"])
    op.execute('REVOKE UPDATE, DELETE, TRUNCATE ON plan_note FROM "coaching_run"')


def downgrade() -> None:
    op.drop_table("plan_note")
    op.drop_table("plan_recommendation")
    op.drop_table("plan")
