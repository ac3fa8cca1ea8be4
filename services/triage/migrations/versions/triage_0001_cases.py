"""The work list: one row for each referral, and an index for those that await a person.

Revision ID: triage_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "triage_0001"
down_revision = None
branch_labels = ("triage",)
depends_on = "kernel_0001"


def upgrade() -> None:
    op.create_table(
        "triage_case",
        sa.Column("referral_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("locality", sa.Text),
        sa.Column("provider", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("awaiting_since", sa.DateTime(timezone=True)),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.CheckConstraint("outcome IN ('recommended', 'held', 'not_eligible')", name="outcome_is_a_code"),
    )
    op.create_index(
        "triage_case_awaiting",
        "triage_case",
        ["awaiting_since", "referral_id"],
        postgresql_where=sa.text("awaiting_since IS NOT NULL"),
    )
    op.execute('REVOKE DELETE, TRUNCATE ON triage_case FROM "triage_run"')


def downgrade() -> None:
    op.drop_table("triage_case")
