"""Word is due anew of a referral that was opened again: a row each time that word was due, not one a referral.

Revision ID: intake_0007
"""

from alembic import op

revision = "intake_0007"
down_revision = "intake_0006"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Of what was not received yet nothing is due: its row comes with its receipt, the first event of each referral.
    "DELETE FROM word_back WHERE received_on IS NULL",
    "ALTER TABLE word_back RENAME COLUMN received_on TO waits_since",
    "ALTER TABLE word_back ADD COLUMN opened bigint NOT NULL DEFAULT 1, ALTER COLUMN waits_since SET NOT NULL",
    "ALTER TABLE word_back ALTER COLUMN opened DROP DEFAULT, DROP CONSTRAINT word_back_pkey",
    "ALTER TABLE word_back ADD PRIMARY KEY (referral_id, opened)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
