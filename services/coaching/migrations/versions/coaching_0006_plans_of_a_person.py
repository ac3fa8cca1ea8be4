"""The plans of one person, so that no two of them earn for the same days.

Revision ID: coaching_0006
"""

import sqlalchemy as sa
from alembic import op

revision = "coaching_0006"
down_revision = "coaching_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plan", sa.Column("person_id", sa.Text(collation="C")))
    op.add_column("plan", sa.Column("additional", sa.Boolean))
    op.execute(
        "UPDATE plan SET person_id = a.state ->> 'person_id', "
        "additional = a.state #>> '{plan,linked_referral}' IS NOT NULL "
        "FROM aggregate a WHERE a.key = plan.referral_id"
    )
    op.alter_column("plan", "person_id", nullable=False)
    op.alter_column("plan", "additional", nullable=False)
    op.create_index("plan_of_person", "plan", ["person_id"])


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
