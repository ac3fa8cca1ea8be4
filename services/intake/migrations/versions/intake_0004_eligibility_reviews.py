"""Decisions on eligibility that are awaited; the answers that eligibility rests on.

Revision ID: intake_0004
"""

from alembic import op

revision = "intake_0004"
down_revision = "intake_0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    # What was answered about eligibility; a correction is computed from it. Goes with the row when a person is erased.
    "ALTER TABLE referral_details ADD COLUMN eligibility_facts json NOT NULL DEFAULT '{}'",
    """
    CREATE TABLE eligibility_review (
        referral_id text NOT NULL,
        opened bigint NOT NULL,
        programme text NOT NULL,
        programme_version text NOT NULL,
        route text NOT NULL,
        locality text,
        area_code text,
        referred_on date NOT NULL,
        cause text NOT NULL,
        reasons json NOT NULL,
        not_by json NOT NULL,
        opened_at timestamptz NOT NULL,
        opened_on date NOT NULL,
        closed_at timestamptz,
        closed_on date,
        PRIMARY KEY (referral_id, opened)
    )
    """,
    "CREATE INDEX eligibility_review_open ON eligibility_review (programme, opened_at) WHERE closed_at IS NULL",
    "CREATE INDEX eligibility_review_closed ON eligibility_review (programme, closed_on) WHERE closed_at IS NOT NULL",
    'REVOKE DELETE, TRUNCATE ON eligibility_review FROM "intake_run"',
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
