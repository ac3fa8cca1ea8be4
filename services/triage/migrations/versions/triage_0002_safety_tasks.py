"""Safety tasks: what awaits a named person, how soon, and what was done.

Revision ID: triage_0002
"""

from alembic import op

revision = "triage_0002"
down_revision = "triage_0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE safety_task (
        task_id text COLLATE "C" PRIMARY KEY,
        programme text NOT NULL,
        provider text,
        referral_id text COLLATE "C" NOT NULL,
        response text NOT NULL,
        role text NOT NULL,
        raised_at timestamptz NOT NULL,
        done_at timestamptz,
        done_by text,
        actions json,
        CONSTRAINT response_is_a_code CHECK (response IN ('immediate', 'prompt', 'soon')),
        CONSTRAINT released_by_a_person_who_says_what_was_done CHECK (
            (done_at IS NULL AND done_by IS NULL AND actions IS NULL)
            OR (done_at IS NOT NULL AND done_by IS NOT NULL AND coalesce(json_array_length(actions), 0) > 0)
        )
    )
    """,
    "CREATE INDEX safety_task_waiting ON safety_task (raised_at, task_id) WHERE done_at IS NULL",
    "CREATE INDEX safety_task_raised ON safety_task (raised_at, task_id)",
    "CREATE INDEX safety_task_referral ON safety_task (referral_id)",
    'REVOKE DELETE, TRUNCATE ON safety_task FROM "triage_run"',
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
