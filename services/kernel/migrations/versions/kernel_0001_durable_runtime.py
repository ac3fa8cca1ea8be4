"""The tables of the durable runtime.

Revision ID: kernel_0001
"""

from alembic import op

revision = "kernel_0001"
down_revision = None
branch_labels = ("kernel",)
depends_on = None

STATEMENTS = (
    # Where each partition of each input stands. Written by compare-and-set in the batch's transaction.
    """
    CREATE TABLE stream_position (
        topic text COLLATE "C" NOT NULL,
        partition int NOT NULL,
        next_offset bigint NOT NULL DEFAULT 0 CHECK (next_offset >= 0),
        topic_id text,
        last_sha256 bytea,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 50)
    """,
    # The last sequence applied per key and topic. stopped: the key had two events with one sequence.
    """
    CREATE TABLE key_position (
        topic text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        sequence bigint NOT NULL DEFAULT 0,
        event_id text COLLATE "C",
        waiting int NOT NULL DEFAULT 0 CHECK (waiting >= 0),
        stopped boolean NOT NULL DEFAULT false,
        PRIMARY KEY (key, topic)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX key_position_waiting ON key_position (key) WHERE waiting > 0 OR stopped",
    # Events whose turn has not come. A row without value is a sequence that an operator gave up.
    """
    CREATE TABLE waiting_event (
        topic text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        sequence bigint NOT NULL,
        event_id text COLLATE "C",
        partition int NOT NULL,
        record_offset bigint NOT NULL,
        value bytea,
        headers json,
        waiting_since timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (key, topic, sequence)
    )
    """,
    # One row per aggregate; sequence is the last one given to an output. An empty state is a stub
    # that was inserted so that there is a row to lock. Here and in the outbox a row of up to a page lies in it as it
    # is: to compress and move out what is above 2 kB would cost more than all the rest of writing it.
    """
    CREATE TABLE aggregate (
        key text COLLATE "C" PRIMARY KEY,
        sequence bigint NOT NULL DEFAULT 0,
        state json
    ) WITH (fillfactor = 60, toast_tuple_target = 8160)
    """,
    # CACHE 1, so that id order is commit order for a key: its writers hold the aggregate's lock.
    "CREATE SEQUENCE outbox_id AS bigint CACHE 1",
    """
    CREATE TABLE outbox (
        id bigint NOT NULL DEFAULT nextval('outbox_id'),
        day date NOT NULL DEFAULT (transaction_timestamp() AT TIME ZONE 'UTC')::date,
        topic text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        sequence bigint NOT NULL,
        event_id text COLLATE "C" NOT NULL,
        recorded_ms bigint NOT NULL,
        headers json NOT NULL,
        value bytea NOT NULL CHECK (octet_length(value) <= 65536),
        created_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
        PRIMARY KEY (id, day)
    ) PARTITION BY RANGE (day)
    """,
    "ALTER SEQUENCE outbox_id OWNED BY outbox.id",
    "CREATE TABLE outbox_default PARTITION OF outbox DEFAULT WITH (toast_tuple_target = 8160)",
    "CREATE INDEX outbox_key ON outbox (key, topic, sequence)",
    # Which ids are sent, as a set of ranges: a mark in the rows themselves would write each of them twice.
    # From floor_day on all days are read; those before hold nothing unsent.
    """
    CREATE TABLE outbox_progress (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        sent int8multirange NOT NULL DEFAULT '{}',
        floor_day date NOT NULL DEFAULT '-infinity'
    ) WITH (fillfactor = 10)
    """,
    "INSERT INTO outbox_progress DEFAULT VALUES",
    # For people and tests; the relay itself reads with a limit in each gap.
    """
    CREATE VIEW outbox_unsent AS
    SELECT o.* FROM outbox_progress p
    CROSS JOIN unnest(int8multirange(int8range(1, NULL)) - p.sent) AS gap
    JOIN outbox o ON o.id >= lower(gap) AND o.id < coalesce(upper(gap), 9223372036854775807) AND o.day >= p.floor_day
    """,
    # Makes the days' partitions ahead of time. A day whose rows already went to the default partition
    # stays there. A partition is reached through its table only: default privileges would allow more on it.
    """
    CREATE FUNCTION outbox_make_days(ahead int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    DECLARE
        today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
        d date;
        made int := 0;
        granted regrole;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('outbox_make_days'));
        FOR d IN SELECT generate_series(today - 1, today + ahead, interval '1 day')::date LOOP
            CONTINUE WHEN to_regclass('outbox_' || to_char(d, 'YYYYMMDD')) IS NOT NULL;
            CONTINUE WHEN EXISTS (SELECT 1 FROM outbox_default WHERE day = d);
            EXECUTE format('CREATE TABLE %I PARTITION OF outbox FOR VALUES FROM (%L) TO (%L) '
                           'WITH (toast_tuple_target = 8160)', 'outbox_' || to_char(d, 'YYYYMMDD'), d, d + 1);
            FOR granted IN SELECT DISTINCT grantee FROM pg_class, aclexplode(relacl)
                           WHERE oid = ('outbox_' || to_char(d, 'YYYYMMDD'))::regclass AND grantee <> relowner LOOP
                EXECUTE format('REVOKE ALL ON %I FROM %s', 'outbox_' || to_char(d, 'YYYYMMDD'), granted);
            END LOOP;
            made := made + 1;
        END LOOP;
        RETURN made;
    END $$
    """,
    "SELECT outbox_make_days(8)",
    # What could not be applied: original bytes, where they came from, why. Nothing is ever deleted.
    """
    CREATE TABLE dead_letter (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        topic text COLLATE "C" NOT NULL,
        partition int NOT NULL,
        record_offset bigint NOT NULL,
        record_key bytea,
        value bytea,
        headers json,
        key text COLLATE "C",
        sequence bigint,
        event_id text COLLATE "C",
        kind text NOT NULL CHECK (kind IN ('poison', 'bug', 'conflict')),
        code text NOT NULL,
        detail text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        resolution text CHECK (resolution IN ('redriven', 'discarded')),
        resolved_at timestamptz
    )
    """,
    # One letter a record. The bytes belong to it: a topic that was made again gives its offsets out again.
    """
    CREATE UNIQUE INDEX dead_letter_record ON dead_letter
        (topic, partition, record_offset, sha256(coalesce(record_key, '')), sha256(coalesce(value, '')))
    """,
    "CREATE INDEX dead_letter_open ON dead_letter (id) WHERE resolution IS NULL",
    # The latched stops: while a row is open the consumer is alive, not ready, and reads nothing. One for each
    # reason, so that none hides another.
    """
    CREATE TABLE consumer_stop (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reason text NOT NULL,
        detail text NOT NULL,
        topic text,
        partition int,
        stopped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        resumed_at timestamptz
    )
    """,
    "CREATE UNIQUE INDEX consumer_stop_open ON consumer_stop (reason) WHERE resumed_at IS NULL",
    # key first: what a client sends all has one client and one route, so an index that begins with those finds nothing
    """
    CREATE TABLE idempotency (
        client text NOT NULL,
        route text NOT NULL,
        key text NOT NULL,
        request_hmac bytea NOT NULL,
        status int,
        answer json,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (key, client, route)
    )
    """,
    "CREATE INDEX idempotency_created ON idempotency (created_at)",
    # After a restore: inputs that the service's own log shows as answered. Per key and topic the last one, which
    # stands for those before it; one that was found nowhere has no place and stands for itself.
    """
    CREATE TABLE restored_input (
        key text COLLATE "C" NOT NULL,
        event_id text COLLATE "C" NOT NULL,
        topic text COLLATE "C",
        sequence bigint,
        PRIMARY KEY (key, event_id),
        CHECK ((topic IS NULL) = (sequence IS NULL))
    )
    """,
    # Everything an operator changed by hand. Append-only.
    """
    CREATE TABLE operator_action (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor text NOT NULL,
        action text NOT NULL,
        target text NOT NULL,
        reason text NOT NULL,
        detail json NOT NULL DEFAULT '{}'
    )
    """,
)


def upgrade() -> None:
    """Create the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
    role = op.get_bind().exec_driver_sql("SELECT current_setting('pathway.run_role')").scalar_one()
    op.execute(f'REVOKE UPDATE, DELETE, TRUNCATE ON operator_action FROM "{role}"')
    op.execute(f'REVOKE DELETE, TRUNCATE ON dead_letter FROM "{role}"')
    op.execute(f'REVOKE UPDATE, DELETE, TRUNCATE ON outbox FROM "{role}"')
    op.execute(f'REVOKE ALL ON outbox_default FROM "{role}"')
    op.execute(f'REVOKE INSERT, DELETE, TRUNCATE ON outbox_progress FROM "{role}"')


def downgrade() -> None:
    """Migrations are forward-only: a restored backup is the way back."""
    raise RuntimeError("migrations are forward-only")
