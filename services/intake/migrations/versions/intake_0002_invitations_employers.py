"""People whom providers invite, and employers.

Revision ID: intake_0002
"""

from alembic import op

revision = "intake_0002"
down_revision = "intake_0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Where an invitation stands; that one has expired is seen from respond_by.
    """
    CREATE TABLE invitation (
        invitation_id text PRIMARY KEY,
        person_id text NOT NULL,
        programme text NOT NULL,
        programme_version text NOT NULL,
        locality text,
        provider text NOT NULL,
        state text NOT NULL,
        identified_on date NOT NULL,
        invited_on date,
        respond_by date,
        referral_id text,
        changed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX invitation_person ON invitation (person_id)",
    "CREATE INDEX invitation_of ON invitation (programme, provider, identified_on, invitation_id)",
    # Who was identified, until there is a referral or a no.
    """
    CREATE TABLE invitation_details (
        invitation_id text PRIMARY KEY,
        nhs_number text,
        family_name text NOT NULL,
        given_name text NOT NULL,
        birth_date date NOT NULL,
        sex text,
        ethnic_category text,
        postcode text,
        registered_gp_ods text,
        contact json,
        language text,
        accessible_needs json NOT NULL
    )
    """,
    """
    CREATE TABLE employer (
        employer_id text PRIMARY KEY,
        programme text NOT NULL,
        state text NOT NULL,
        registered_on date NOT NULL,
        left_on date,
        legal_form text NOT NULL,
        size text,
        sector text,
        occupational_health text,
        changed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX employer_of ON employer (programme, registered_on, employer_id)",
    "CREATE TABLE employer_name (employer_id text PRIMARY KEY, name text)",
    # What an employer committed itself to and what was done there; rows are only ever added.
    """
    CREATE TABLE employer_commitment (
        employer_id text NOT NULL,
        sequence bigint NOT NULL,
        commitment text NOT NULL,
        made boolean NOT NULL,
        on_day date NOT NULL,
        PRIMARY KEY (employer_id, sequence)
    )
    """,
    'REVOKE UPDATE, DELETE, TRUNCATE ON employer_commitment FROM "intake_run"',
    """
    CREATE TABLE employer_activity (
        employer_id text NOT NULL,
        number bigint NOT NULL,
        activity text NOT NULL,
        on_day date NOT NULL,
        employees_reached bigint NOT NULL,
        PRIMARY KEY (employer_id, number)
    )
    """,
    'REVOKE UPDATE, DELETE, TRUNCATE ON employer_activity FROM "intake_run"',
    """
    CREATE TABLE employer_activity_struck (
        employer_id text NOT NULL,
        number bigint NOT NULL,
        reason text NOT NULL,
        on_day date NOT NULL,
        PRIMARY KEY (employer_id, number)
    )
    """,
    'REVOKE UPDATE, DELETE, TRUNCATE ON employer_activity_struck FROM "intake_run"',
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
