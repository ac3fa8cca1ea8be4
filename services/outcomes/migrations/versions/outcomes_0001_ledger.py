"""The ledger: two tables that only grow, each transaction balanced, each milestone payable once.

The database itself enforces all three, whoever writes: grants for the run role, triggers for everybody.

Revision ID: outcomes_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "outcomes_0001"
down_revision = None
branch_labels = ("outcomes",)
depends_on = "kernel_0001"

TABLES = ("ledger_transaction", "ledger_line")

# The join is planned as a nested loop over the primary key: a plan made while the table was small is
# kept by the session, and a hash of the whole ledger would grow with it.
BALANCE_CHECK = """
CREATE FUNCTION ledger_line_balances() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE bad uuid;
BEGIN
    SELECT a.transaction_id INTO bad
      FROM added a LEFT JOIN ledger_transaction t ON t.id = a.transaction_id
     GROUP BY a.transaction_id, t.id, t.amount_pence, t.contract
    HAVING sum(a.amount_pence) <> 0
        OR t.id IS NULL
        OR sum(a.amount_pence) FILTER (WHERE a.amount_pence > 0) <> abs(t.amount_pence)
        OR bool_or(a.contract <> t.contract)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger transaction % does not balance', bad USING ERRCODE = 'check_violation',
            HINT = 'its lines must come in one INSERT, sum to 0 and move the amount and contract it names';
    END IF;
    RETURN NULL;
END $$
"""

# Two that take back from one entry at once wait for each other. Planned as above.
TAKEN_BACK_CHECK = """
CREATE FUNCTION ledger_taken_back_within() RETURNS trigger LANGUAGE plpgsql
    SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE bad uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(o.refers_to::text, 0))
       FROM (SELECT DISTINCT refers_to FROM added WHERE kind IN ('clawback', 'reversal') ORDER BY 1) o;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT o.refers_to INTO bad
      FROM (SELECT DISTINCT refers_to FROM added WHERE kind IN ('clawback', 'reversal')) o
      LEFT JOIN ledger_transaction t ON t.id = o.refers_to AND t.kind NOT IN ('clawback', 'reversal')
     CROSS JOIN LATERAL (
           SELECT sum(-b.amount_pence) AS pence, bool_or(b.amount_pence > 0) AS gives,
                  bool_or(b.contract <> t.contract OR b.referral_id IS DISTINCT FROM t.referral_id) AS elsewhere
             FROM ledger_transaction b
            WHERE b.refers_to = o.refers_to AND b.kind IN ('clawback', 'reversal')) taken
     WHERE t.id IS NULL OR taken.pence > t.amount_pence OR taken.gives OR taken.elsewhere
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'more is taken back than ledger transaction % is worth', bad USING ERRCODE = 'check_violation',
            HINT = 'reversals and clawbacks name an entry of their own referral and contract, and sum to it at most';
    END IF;
    RETURN NULL;
END $$
"""

REFUSE_CHANGE = """
CREATE FUNCTION ledger_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'a correction is a reversal plus a new entry';
END $$
"""


def upgrade() -> None:
    op.create_table(
        "ledger_transaction",
        sa.Column("id", UUID(as_uuid=False), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("programme", sa.Text, nullable=False),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("referral_id", sa.Text),
        sa.Column("person_id", sa.Text),
        sa.Column("milestone", sa.Text),
        sa.Column("occurrence", sa.SmallInteger),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("effective_on", sa.Date, nullable=False),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("card_id", sa.Text),
        sa.Column("card_version", sa.Text),
        sa.Column("card_sha256", sa.Text),
        sa.Column("reasons", JSONB, nullable=False),
        sa.Column("refers_to", UUID(as_uuid=False)),
        sa.Column("replaces", UUID(as_uuid=False)),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('earned', 'claimable', 'reversal', 'clawback', 'adjustment', 'fee', 'paid',"
            " 'settled', 'clawback_settled', 'withheld')",
            name="kind_is_known",
        ),
        sa.CheckConstraint("kind <> 'claimable' OR amount_pence = 0", name="claimable_is_zero"),
        sa.CheckConstraint(
            "kind NOT IN ('reversal', 'clawback') OR refers_to IS NOT NULL", name="reversal_names_its_entry"
        ),
    )
    op.create_table(
        "ledger_line",
        sa.Column("transaction_id", UUID(as_uuid=False), primary_key=True),
        sa.Column("line", sa.SmallInteger, primary_key=True),
        sa.Column("contract", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount_pence", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount_pence <> 0", name="line_moves_money"),
        # with the primary key: nothing can be added to a transaction that is complete
        sa.CheckConstraint("line IN (1, 2)", name="two_lines"),
        sa.CheckConstraint(
            "account IN ('cost', 'accrued', 'payable', 'withheld_by_cap', 'clawback', 'paid')",
            name="account_is_in_the_chart",
        ),
    )
    # The business key: earned once, and once more for each reversal that takes it back.
    for kind in ("earned", "claimable"):
        op.execute(
            f"CREATE UNIQUE INDEX ledger_{kind}_once ON ledger_transaction"
            f" (referral_id, milestone, occurrence, replaces) NULLS NOT DISTINCT WHERE kind = '{kind}'"
        )
    op.execute("CREATE UNIQUE INDEX ledger_reversed_once ON ledger_transaction (refers_to) WHERE kind = 'reversal'")
    op.execute(
        "CREATE INDEX ledger_taken_back ON ledger_transaction (refers_to) WHERE kind IN ('clawback', 'reversal')"
    )
    op.execute("CREATE INDEX ledger_by_provider ON ledger_transaction (provider, contract, effective_on)")
    op.execute("CREATE INDEX ledger_by_referral ON ledger_transaction (referral_id)")
    op.execute(BALANCE_CHECK)
    op.execute(REFUSE_CHANGE)
    op.execute(
        "CREATE TRIGGER ledger_line_balances AFTER INSERT ON ledger_line REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_line_balances()"
    )
    op.execute("ALTER TABLE ledger_line ENABLE ALWAYS TRIGGER ledger_line_balances")
    op.execute(TAKEN_BACK_CHECK)
    op.execute(
        "CREATE TRIGGER ledger_taken_back_within AFTER INSERT ON ledger_transaction REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_taken_back_within()"
    )
    op.execute("ALTER TABLE ledger_transaction ENABLE ALWAYS TRIGGER ledger_taken_back_within")
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuses_change")
        op.execute(f'REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM "outcomes_run"')


def downgrade() -> None:
    raise RuntimeError("the ledger is never dropped by a migration: restore a backup of an earlier version")
