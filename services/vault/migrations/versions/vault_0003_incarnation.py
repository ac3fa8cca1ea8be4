"""Which database this is: what is known of it is worth nothing after a backup took its place.

Revision ID: vault_0003
"""

from alembic import op

revision = "vault_0003"
down_revision = "vault_0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    # The same for as long as a database lives on, also when its server is started again. Another value in another
    # cluster (system identifier), after a recovery from an archive or a promoted standby (timeline), in a database
    # that was made again (its oid), for a table that was loaded or written anew (its oid and file).
    """
    CREATE FUNCTION database_incarnation(of_table regclass) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT concat_ws(':', (SELECT system_identifier FROM pg_control_system()),
            CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END,
            (SELECT oid FROM pg_database WHERE datname = current_database()),
            of_table::oid, pg_relation_filenode(of_table))
    $$
    """,
    # A file system's snapshot that is put back changes none of these, but it needs a start of the server.
    """
    CREATE OR REPLACE FUNCTION key_incarnation() RETURNS text LANGUAGE sql STABLE AS $$
        SELECT concat_ws(':', extract(epoch FROM pg_postmaster_start_time()),
            database_incarnation('public.subject_key'))
    $$
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """Migrations are forward-only: a restored backup is the way back."""
    raise RuntimeError("migrations are forward-only")
