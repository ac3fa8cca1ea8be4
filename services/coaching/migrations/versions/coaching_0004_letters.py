"""Letters to the person, their GP and their employer, as tasks.

Revision ID: coaching_0004
"""

import sqlalchemy as sa
from alembic import op

revision = "coaching_0004"
down_revision = "coaching_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("letter_id", sa.Text(collation="C"), primary_key=True),
        sa.Column("referral_id", sa.Text(collation="C"), nullable=False),
        sa.Column("view", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("answer_by", sa.Date),
        sa.Column("consented_on", sa.Date),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_on", sa.Date, nullable=False),
        sa.Column("queued_by", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sent_on", sa.Date),
        sa.Column("sent_how", sa.Text),
        sa.Column("sent_version", sa.Integer),
        sa.Column("failed_on", sa.Date),
        sa.Column("failure", sa.Text),
        sa.Column("answered_on", sa.Date),
        sa.Column("changed_by", sa.Text, nullable=False),
    )
    op.create_index("letter_of", "letter", ["referral_id", "queued_at"])
    op.create_index("letter_awaited", "letter", ["answer_by", "letter_id"])
    op.execute('REVOKE DELETE, TRUNCATE ON letter FROM "coaching_run"')


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
