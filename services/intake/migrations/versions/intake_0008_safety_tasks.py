"""Safety tasks of what was refused.

Revision ID: intake_0008
"""

from alembic import op

revision = "intake_0008"
down_revision = "intake_0007"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE safety_task (
        task_id text COLLATE "C" PRIMARY KEY,
        programme text,
        provider text,
        referral_id text,
        response text NOT NULL,
        role text NOT NULL,
        raised_at timestamptz NOT NULL,
        done_at timestamptz,
        done_by text,
        actions json,
        person_id text NOT NULL,
        organisation_id text NOT NULL,
        organisation_kind text NOT NULL,
        sent_by text NOT NULL,
        request_id text NOT NULL,
        refused_as text NOT NULL,
        digest text NOT NULL,
        heard text,
        CONSTRAINT response_is_a_code CHECK (response IN ('immediate', 'prompt', 'soon')),
        CONSTRAINT released_by_a_person_who_says_what_was_done CHECK (
            (done_at IS NULL AND done_by IS NULL AND actions IS NULL)
            OR (done_at IS NOT NULL AND done_by IS NOT NULL AND coalesce(json_array_length(actions), 0) > 0
                AND heard IS NULL)
        )
    )
    """,
    "CREATE UNIQUE INDEX safety_task_once ON safety_task (digest) WHERE done_at IS NULL",
    "CREATE INDEX safety_task_waiting ON safety_task (raised_at, task_id) WHERE done_at IS NULL",
    "CREATE INDEX safety_task_raised ON safety_task (raised_at, task_id)",
    "CREATE INDEX safety_task_person ON safety_task (person_id)",
    'REVOKE DELETE, TRUNCATE ON safety_task FROM "intake_run"',
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
