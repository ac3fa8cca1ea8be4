"""Who holds which plan, as coaching said last, and who read how to reach a person.

Revision ID: intake_0009
"""

from alembic import op

revision = "intake_0009"
down_revision = "intake_0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE plan_holder (
        referral_id text COLLATE "C" PRIMARY KEY,
        sequence bigint NOT NULL,
        programme text NOT NULL,
        provider text,
        coach text,
        state text NOT NULL,
        outcomes_until date
    )
    """,
    """
    CREATE TABLE contact_read (
        request_id text COLLATE "C" PRIMARY KEY,
        person_id text NOT NULL,
        referral_id text,
        asked_by text NOT NULL,
        organisation_id text NOT NULL,
        purpose text NOT NULL,
        outcome text NOT NULL,
        asked_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX contact_read_person ON contact_read (person_id, asked_at)",
    'REVOKE UPDATE, DELETE, TRUNCATE ON contact_read FROM "intake_run"',
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
