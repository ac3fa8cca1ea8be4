"""What a referral said when it was sent, as an HMAC under the person's key: the same one sent again is recognised.

Revision ID: intake_0006
"""

from alembic import op

revision = "intake_0006"
down_revision = "intake_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE referral ADD COLUMN content_digest text")


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
