"""What reconciliations found. The table only grows: the last row says whether anything may be exported.

Revision ID: outcomes_0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "outcomes_0003"
down_revision = "outcomes_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("differences", sa.BigInteger, nullable=False),
        sa.Column("first_difference", sa.Text),
        sa.Column("accounts", JSONB, nullable=False),
        sa.CheckConstraint("(differences = 0) = (first_difference IS NULL)", name="first_of_those_found"),
    )
    op.execute(
        "CREATE TRIGGER refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation"
        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()"
    )
    op.execute("ALTER TABLE reconciliation ENABLE ALWAYS TRIGGER refuses_change")
    op.execute('REVOKE UPDATE, DELETE, TRUNCATE ON reconciliation FROM "outcomes_run"')


def downgrade() -> None:
    raise RuntimeError("the ledger is never dropped by a migration: restore a backup of an earlier version")
