"""Near matches are looked for by postcode and names too, where a slip was made in the birth date.

Revision ID: intake_0005
"""

from alembic import op

revision = "intake_0005"
down_revision = "intake_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX referral_details_home ON referral_details (postcode, family_key, given_key)")


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
