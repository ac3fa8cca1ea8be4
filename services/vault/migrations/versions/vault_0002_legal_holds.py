"""Legal holds: whose keys and rows must stay, whatever period is over and whoever asks for them to go.

Revision ID: vault_0002
"""

from alembic import op

revision = "vault_0002"
down_revision = "vault_0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    # A person can be held for several cases at once; each ends by itself. A hold that ended stays as a row.
    """
    CREATE TABLE legal_hold (
        id text COLLATE "C" PRIMARY KEY,
        subject text COLLATE "C" NOT NULL,
        case_name text COLLATE "C" NOT NULL DEFAULT '',
        reason text NOT NULL CHECK (reason <> ''),
        placed_by text NOT NULL,
        placed_at timestamptz NOT NULL,
        released_by text,
        released_at timestamptz,
        CHECK ((released_at IS NULL) = (released_by IS NULL))
    )
    """,
    "CREATE UNIQUE INDEX legal_hold_open ON legal_hold (subject, case_name) WHERE released_at IS NULL",
    "CREATE INDEX legal_hold_case ON legal_hold (case_name) WHERE released_at IS NULL",
    """
    CREATE FUNCTION legal_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a hold ends, its row stays' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER legal_hold_stays BEFORE DELETE OR TRUNCATE ON legal_hold
    FOR EACH STATEMENT EXECUTE FUNCTION legal_hold_guard()
    """,
    "ALTER TABLE legal_hold ENABLE ALWAYS TRIGGER legal_hold_stays",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    run = op.get_bind().exec_driver_sql("SELECT current_setting('pathway.run_role')").scalar_one()
    op.execute(f'REVOKE DELETE, TRUNCATE ON legal_hold FROM "{run}"')


def downgrade() -> None:
    """Migrations are forward-only: a restored backup is the way back."""
    raise RuntimeError("migrations are forward-only")
