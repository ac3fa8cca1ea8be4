"""Distinct (topic, key, sequence) sent = consumed + dead + waiting, for each topic and each service that reads it.

What a reader has not reached yet is counted as ``unread`` and is no difference: the rest must come out.
"""

from dataclasses import dataclass
from typing import Final

from services.kernel.reconciling.copies import Copy
from services.kernel.replay.history import Difference

ONLY_IN_OUTBOX: Final = """
SELECT o.key, o.sequence FROM outbox o, outbox_progress p
WHERE o.topic = $1 AND p.sent @> o.id
  AND NOT EXISTS (SELECT FROM sent s WHERE s.topic = $1 AND s.key = o.key AND s.sequence = o.sequence)
"""
ONLY_IN_LOG: Final = """
SELECT s.key, s.sequence FROM sent s
WHERE s.topic = $1 AND NOT s.late
  AND NOT EXISTS (SELECT FROM outbox o WHERE o.topic = $1 AND o.key = s.key AND o.sequence = s.sequence)
"""
OTHER_IN_OUTBOX: Final = """
SELECT o.key, o.sequence FROM outbox o
WHERE o.topic = $1
  AND EXISTS (SELECT FROM sent s WHERE s.topic = $1 AND s.key = o.key AND s.sequence = o.sequence)
  AND NOT EXISTS (SELECT FROM logged l WHERE l.topic = $1 AND l.key = o.key AND l.sequence = o.sequence
                  AND l.event_id = o.event_id AND l.digest = sha256(o.value))
"""
PLACED: Final = """
CREATE TEMP TABLE placed AS
SELECT s.topic, s.key, s.sequence,
       CASE WHEN s.sequence <= k.sequence THEN CASE WHEN d.given_up THEN 'dead' ELSE 'consumed' END
            WHEN NOT s.reached THEN 'unread'
            WHEN w.key IS NOT NULL THEN 'waiting'
            WHEN d.key IS NOT NULL THEN 'dead'
            ELSE 'lost' END AS place
FROM sent s
LEFT JOIN key_position k ON k.topic = s.topic AND k.key = s.key
LEFT JOIN waiting_event w ON w.topic = s.topic AND w.key = s.key AND w.sequence = s.sequence
LEFT JOIN (SELECT topic, key, sequence, bool_or(resolution IS NOT NULL) AS given_up FROM dead_letter
           WHERE kind <> 'conflict' AND resolution IS DISTINCT FROM 'redriven'
           GROUP BY topic, key, sequence) d
  ON d.topic = s.topic AND d.key = s.key AND d.sequence = s.sequence
"""
COUNTS: Final = "SELECT place, count(*) AS n FROM placed WHERE topic = $1 GROUP BY place"
NOT_CONSUMED: Final = "SELECT key, sequence FROM placed WHERE topic = $1 AND place = 'lost'"
NEVER_SENT: Final = """
SELECT k.key, n AS sequence FROM key_position k
LEFT JOIN (SELECT s.key, count(*) AS found FROM sent s JOIN key_position q ON q.topic = s.topic AND q.key = s.key
           WHERE s.topic = $1 AND s.sequence <= q.sequence GROUP BY s.key) h ON h.key = k.key
CROSS JOIN LATERAL generate_series(1, k.sequence) AS n
WHERE k.topic = $1 AND coalesce(h.found, 0) < k.sequence
  AND NOT EXISTS (SELECT FROM sent s WHERE s.topic = $1 AND s.key = k.key AND s.sequence = n)
  AND NOT EXISTS (SELECT FROM dead_letter d
                  WHERE d.topic = $1 AND d.key = k.key AND d.sequence = n AND d.resolution = 'discarded')
  AND NOT EXISTS (SELECT FROM operator_action a WHERE a.action = 'give_up' AND a.target = concat_ws(' ', $1, k.key, n))
"""
OTHER_CONSUMED: Final = """
SELECT k.key, k.sequence FROM key_position k
WHERE k.topic = $1 AND k.event_id IS NOT NULL
  AND EXISTS (SELECT FROM sent s WHERE s.topic = $1 AND s.key = k.key AND s.sequence = k.sequence)
  AND NOT EXISTS (SELECT FROM logged l WHERE l.topic = $1 AND l.key = k.key AND l.sequence = k.sequence
                  AND l.event_id = k.event_id)
"""
WAITS_NEVER_SENT: Final = """
SELECT w.key, w.sequence FROM waiting_event w
WHERE w.topic = $1 AND w.value IS NOT NULL
  AND NOT EXISTS (SELECT FROM sent s WHERE s.topic = $1 AND s.key = w.key AND s.sequence = w.sequence)
"""
OF_SENDER: Final = {
    "event_only_in_outbox": ONLY_IN_OUTBOX,
    "event_only_in_log": ONLY_IN_LOG,
    "other_event_in_outbox": OTHER_IN_OUTBOX,
}
OF_READER: Final = {
    "not_consumed": NOT_CONSUMED,
    "consumed_never_sent": NEVER_SENT,
    "other_event_consumed": OTHER_CONSUMED,
    "waits_never_sent": WAITS_NEVER_SENT,
}
FIRST: Final = (
    'SELECT key, sequence, count(*) OVER () AS n FROM ({}) AS found ORDER BY key COLLATE "C", sequence LIMIT 1'
)


@dataclass(frozen=True, slots=True)
class Account:
    """One topic as one reader has it. ``sent`` = ``consumed`` + ``dead`` + ``waiting`` + ``unread``, or it differs."""

    topic: str
    reader: str
    sent: int
    consumed: int
    dead: int
    waiting: int
    unread: int


async def of_sender(copy: Copy) -> list[Difference]:
    """Hold a service's outbox against the log: each kind of difference with its first key and sequence."""
    return await _first_of_each(copy, copy.service.output, OF_SENDER)


async def of_reader(copy: Copy) -> tuple[list[Account], list[Difference]]:
    """Account for every event of the topics that a service reads."""
    await copy.connection.execute(PLACED)
    accounts, differences = [], []
    for topic in copy.service.inputs:
        counts = {row["place"]: row["n"] for row in await copy.connection.fetch(COUNTS, topic)}
        places = {name: counts.get(name, 0) for name in ("consumed", "dead", "waiting", "unread")}
        accounts.append(Account(topic, copy.service.name, sum(counts.values()), **places))
        differences += await _first_of_each(copy, topic, OF_READER)
    return accounts, differences


async def _first_of_each(copy: Copy, topic: str, checks: dict[str, str]) -> list[Difference]:
    found = []
    for what, query in checks.items():
        row = await copy.connection.fetchrow(FIRST.format(query), topic)
        if row is not None:
            detail = f"{topic}, the first of {row['n']}"
            found.append(Difference(copy.service.name, row["key"], row["sequence"], what, detail))
    return found
