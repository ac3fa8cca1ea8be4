"""Settlement: lines as settled, sealed statements, what was done with them, what payment files took.

The tables only grow, for everybody; an entry is settled once and leaves in one payment file. The run role cannot lock
the ledger by itself, because it may not change it: a function of the owner's does that one thing for it.

Revision ID: outcomes_0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "outcomes_0002"
down_revision = "outcomes_0001"
branch_labels = None
depends_on = None

TABLES = ("settlement_line", "statement", "statement_act", "payment_line", "audit_finding")

LOCK_LEDGER = """
CREATE FUNCTION settlement_locks_ledger() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
BEGIN
    LOCK TABLE ledger_transaction IN SHARE ROW EXCLUSIVE MODE;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "settlement_line",
        sa.Column("entry_id", UUID(as_uuid=False), primary_key=True),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("payable_pence", sa.BigInteger, nullable=False),
        sa.Column("withheld_pence", sa.BigInteger, nullable=False),
        sa.Column("treatment", sa.Text, nullable=False),
    )
    op.create_table(
        "statement",
        sa.Column("contract", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("event_id", UUID(as_uuid=False), nullable=False, unique=True),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("totals", JSONB, nullable=False),
        sa.Column("years", JSONB, nullable=False),
        sa.Column("places", sa.BigInteger, nullable=False),
        sa.Column("cut", JSONB, nullable=False),
        sa.Column("closed_by", sa.Text, nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "statement_act",
        sa.Column("contract", sa.Text, primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("event_id", UUID(as_uuid=False), nullable=False),
        sa.Column("entry_id", UUID(as_uuid=False)),
        sa.Column("reason", sa.Text),
        sa.Column("file_sha256", sa.Text),
        sa.Column("amount_pence", sa.BigInteger),
        sa.Column("acted_by", sa.Text, nullable=False),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "act IN ('submitted', 'approved', 'queried', 'released', 'exported', 'paid')", name="act_is_known"
        ),
    )
    op.create_table(
        "payment_line",
        sa.Column("entry_id", UUID(as_uuid=False), primary_key=True),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.create_table(
        "audit_finding",
        sa.Column("population", sa.Text, primary_key=True),
        sa.Column("seed", sa.BigInteger, primary_key=True),
        sa.Column("size", sa.Integer, primary_key=True),
        sa.Column("entry_id", UUID(as_uuid=False), primary_key=True),
        sa.Column("payable_pence", sa.BigInteger, nullable=False),
        sa.Column("right_pence", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("found_by", sa.Text, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "person_survivor",
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("survivor", sa.Text, nullable=False),
    )
    op.execute("CREATE UNIQUE INDEX settlement_line_place ON settlement_line (contract, month, number)")
    op.execute("CREATE INDEX payment_line_place ON payment_line (contract, month, number)")
    op.execute("CREATE INDEX person_survivor_of ON person_survivor (survivor)")
    op.execute("CREATE UNIQUE INDEX ledger_fee_once ON ledger_transaction (contract, effective_on) WHERE kind = 'fee'")
    op.execute("CREATE INDEX ledger_by_programme ON ledger_transaction (programme, effective_on)")
    op.execute(
        "CREATE INDEX ledger_takes_back ON ledger_transaction (refers_to)"
        " WHERE refers_to IS NOT NULL AND amount_pence < 0"
    )
    op.execute("CREATE INDEX ledger_by_person ON ledger_transaction (person_id, milestone) WHERE kind = 'earned'")
    op.execute(LOCK_LEDGER)
    op.execute("REVOKE ALL ON FUNCTION settlement_locks_ledger() FROM PUBLIC")
    op.execute('GRANT EXECUTE ON FUNCTION settlement_locks_ledger() TO "outcomes_run"')
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuses_change")
        op.execute(f'REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM "outcomes_run"')


def downgrade() -> None:
    raise RuntimeError("the ledger is never dropped by a migration: restore a backup of an earlier version")
