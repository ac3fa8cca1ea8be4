"""What a candidate rule file decided beside the live one, for a role that can write nothing else.

``triage_shadow`` is the cluster's, made if missing. It has the two tables below and no other: no outbox, no state, no
work list. The service's own role reads them, for exports, and writes neither.

Revision ID: triage_0003
"""

from alembic import op

from services.kernel.migrations.roles import CREATE_ROLE

revision = "triage_0003"
down_revision = "triage_0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    # How far a candidate has come in a partition, and what it found on the way.
    """
    CREATE TABLE triage_shadow_progress (
        candidate text COLLATE "C" NOT NULL,
        ruleset text NOT NULL,
        version text NOT NULL,
        topic text COLLATE "C" NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL,
        agreeing bigint NOT NULL DEFAULT 0,
        disagreeing bigint NOT NULL DEFAULT 0,
        left_out bigint NOT NULL DEFAULT 0,
        failed bigint NOT NULL DEFAULT 0,
        since timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (candidate, topic, partition)
    )
    """,
    # One decision on which a candidate differs; in what, is sealed under the person's key.
    """
    CREATE TABLE triage_shadow_difference (
        candidate text COLLATE "C" NOT NULL,
        referral_id text COLLATE "C" NOT NULL,
        revision int NOT NULL,
        programme text NOT NULL,
        difference text NOT NULL,
        found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (candidate, referral_id, revision)
    )
    """,
    "CREATE INDEX triage_shadow_difference_referral ON triage_shadow_difference (referral_id)",
)
TABLES = ("triage_shadow_progress", "triage_shadow_difference")
ROLE = "triage_shadow"


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    run = op.get_bind().exec_driver_sql("SELECT current_setting('pathway.run_role')").scalar_one()
    op.execute(f'REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {", ".join(TABLES)} FROM "{run}"')
    op.execute(CREATE_ROLE.format(role=ROLE))
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON {', '.join(TABLES)} TO {ROLE}")
    op.execute(f"GRANT UPDATE (next_offset, agreeing, disagreeing, left_out, failed) ON {TABLES[0]} TO {ROLE}")
    for setting in ("statement_timeout = '10s'", "idle_in_transaction_session_timeout = '10s'", "timezone = 'UTC'"):
        op.execute(f"ALTER ROLE {ROLE} SET {setting}")


def downgrade() -> None:
    """Migrations are forward-only: a restored backup is the way back."""
    raise RuntimeError("migrations are forward-only")
