"""Keys, what wraps them, and who is erased, restricted or another. The database itself never gives a key back.

Three roles: the run role does everything but forget an erasure; ``vault_read`` reads keys (the services' workers);
``vault_mint`` may also make a key for somebody who has none (intake). The last two are the cluster's, made if missing.

Revision ID: vault_0001
"""

from alembic import op

from services.kernel.migrations.roles import CREATE_ROLE

revision = "vault_0001"
down_revision = None
branch_labels = ("vault",)
depends_on = "kernel_0001"

STATEMENTS = (
    """
    CREATE TABLE key_encryption_key (
        id text COLLATE "C" PRIMARY KEY,
        wrapped bytea,
        root text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        retired_at timestamptz,
        CHECK ((wrapped IS NULL) = (retired_at IS NOT NULL))
    )
    """,
    # A row without a key is a tombstone: whose key was destroyed, or was not there when the erasure came.
    """
    CREATE TABLE subject_key (
        subject text COLLATE "C" PRIMARY KEY,
        kid text COLLATE "C",
        wrapped bytea,
        kek_id text COLLATE "C" REFERENCES key_encryption_key,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        destroyed_at timestamptz,
        CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL)),
        CHECK (wrapped IS NULL OR kid IS NOT NULL AND kek_id IS NOT NULL),
        CHECK (wrapped IS NOT NULL OR kek_id IS NULL)
    ) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)
    """,
    "CREATE UNIQUE INDEX subject_key_kid ON subject_key (kid)",
    "CREATE INDEX subject_key_kek ON subject_key (kek_id, subject) WHERE wrapped IS NOT NULL",
    """
    CREATE TABLE erasure (
        subject text COLLATE "C" PRIMARY KEY,
        event_id text COLLATE "C" NOT NULL,
        erased_at timestamptz NOT NULL,
        reason text NOT NULL
    )
    """,
    """
    CREATE TABLE subject_alias (
        subject text COLLATE "C" PRIMARY KEY,
        survivor text COLLATE "C" NOT NULL CHECK (survivor <> subject),
        merged_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX subject_alias_survivor ON subject_alias (survivor)",
    """
    CREATE TABLE restriction (
        subject text COLLATE "C" PRIMARY KEY,
        reason text,
        restricted_at timestamptz,
        lifted_at timestamptz,
        CHECK ((restricted_at IS NULL) = (lifted_at IS NOT NULL))
    )
    """,
    # One row for each time that this database was held against its own log and found to be as new.
    """
    CREATE TABLE key_serving (
        incarnation text PRIMARY KEY,
        checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    # Another value after every start of the server, in every other database, and after the keys' table was written
    # anew: whatever way a backup is put back.
    """
    CREATE FUNCTION key_incarnation() RETURNS text LANGUAGE sql STABLE AS $$
        SELECT concat_ws(':', extract(epoch FROM pg_postmaster_start_time()),
            (SELECT oid FROM pg_database WHERE datname = current_database()),
            'public.subject_key'::regclass::oid, pg_relation_filenode('public.subject_key'))
    $$
    """,
    """
    CREATE FUNCTION keys_served() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
        SELECT EXISTS (SELECT FROM key_serving WHERE incarnation = key_incarnation())
           AND NOT EXISTS (SELECT FROM consumer_stop WHERE resumed_at IS NULL)
    $$
    """,
    # The lock makes retiring wait for who is about to use the key, and the other way round.
    """
    CREATE FUNCTION subject_key_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            RAISE EXCEPTION 'a key is destroyed, its row stays' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF TG_OP = 'UPDATE' AND OLD.destroyed_at IS NOT NULL
           AND (NEW.wrapped IS NOT NULL OR NEW.subject <> OLD.subject) THEN
            RAISE EXCEPTION 'a destroyed key does not come back' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.wrapped IS NOT NULL THEN
            IF EXISTS (SELECT FROM erasure WHERE subject = NEW.subject) THEN
                RETURN NULL;  -- nothing is written for who is erased; the others of the statement get their keys
            END IF;
            PERFORM FROM key_encryption_key WHERE id = NEW.kek_id AND retired_at IS NULL FOR KEY SHARE;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'key-encryption key % is retired', NEW.kek_id USING ERRCODE = 'PWK01';
            END IF;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER subject_key_guard BEFORE INSERT OR UPDATE OR DELETE ON subject_key
    FOR EACH ROW EXECUTE FUNCTION subject_key_guard()
    """,
    """
    CREATE FUNCTION vault_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% on % is refused: it only grows', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER erasure_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON erasure
    FOR EACH STATEMENT EXECUTE FUNCTION vault_only_grows()
    """,
    """
    CREATE TRIGGER subject_key_stays BEFORE TRUNCATE ON subject_key
    FOR EACH STATEMENT EXECUTE FUNCTION vault_only_grows()
    """,
    *(
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"
        for table, trigger in (
            ("subject_key", "subject_key_guard"),
            ("subject_key", "subject_key_stays"),
            ("erasure", "erasure_only_grows"),
        )
    ),
)
READ = ("subject_key", "key_encryption_key", "subject_alias", "erasure", "restriction")


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    run = op.get_bind().exec_driver_sql("SELECT current_setting('pathway.run_role')").scalar_one()
    for table in ("subject_key", "key_encryption_key", "subject_alias", "restriction", "key_serving"):
        op.execute(f'REVOKE DELETE, TRUNCATE ON {table} FROM "{run}"')
    op.execute(f'REVOKE UPDATE, DELETE, TRUNCATE ON erasure FROM "{run}"')
    for role in ("vault_read", "vault_mint"):
        op.execute(CREATE_ROLE.format(role=role))
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        op.execute(f"GRANT SELECT ON {', '.join(READ)} TO {role}")
        op.execute(f"GRANT EXECUTE ON FUNCTION keys_served() TO {role}")
    op.execute("GRANT INSERT (subject, kid, wrapped, kek_id) ON subject_key TO vault_mint")


def downgrade() -> None:
    """Migrations are forward-only: a restored backup is the way back."""
    raise RuntimeError("migrations are forward-only")
