"""Safety tasks of what intake refuses: it reaches no topic, so nobody else could ever look at it.

Whatever the answer is (409, 422, 403, a bug), a positive item from a known sender makes a task before the sender is
told. The same body sent again while its task waits makes no second one. These tasks are intake's own rows: they follow
from no event and are not rebuilt from the log; what the process log says of each is how they are found after a restore.
"""

import hashlib
import hmac
import json
from typing import Any, Final

import structlog
from sqlalchemy import JSON, Column, DateTime, Text
from sqlmodel import Field, SQLModel

from services.contracts.base import Moment
from services.contracts.safety_task import OWED_BY, RESPONSE_TO
from services.intake.domain import safety
from services.intake.domain.refused import Heard, heard, referral_meant
from services.intake.people.recognising import new_person_id
from services.intake.refused.known import known_of
from services.kernel.http import Problem
from services.kernel.http.exchange import Exchange
from services.kernel.http.parts import Parts
from services.kernel.ids import uuid7
from services.kernel.runtime.commands import Transaction
from services.kernel.sealing.content import ContentErased, KeyMissing, Sealer
from services.kernel.sealing.errors import VaultUnavailable, WrappingKeyWrong

HEARD: Final = "heard"
"""What is kept of a refused body is sealed as."""

_log = structlog.get_logger()


class RefusedTaskRow(SQLModel, table=True):
    """A positive item in something that was refused. ``heard`` is sealed; it goes with the acknowledgement."""

    __tablename__ = "safety_task"

    task_id: str = Field(sa_column=Column(Text, primary_key=True))
    programme: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    provider: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    referral_id: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    response: str = Field(sa_column=Column(Text, nullable=False))
    role: str = Field(sa_column=Column(Text, nullable=False))
    raised_at: Moment = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    done_at: Moment | None = Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=True))
    done_by: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    actions: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    person_id: str = Field(sa_column=Column(Text, nullable=False))
    organisation_id: str = Field(sa_column=Column(Text, nullable=False))
    organisation_kind: str = Field(sa_column=Column(Text, nullable=False))
    sent_by: str = Field(sa_column=Column(Text, nullable=False))
    request_id: str = Field(sa_column=Column(Text, nullable=False))
    refused_as: str = Field(sa_column=Column(Text, nullable=False))
    digest: str = Field(sa_column=Column(Text, nullable=False))
    heard: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


_WAITS = "SELECT 1 FROM safety_task WHERE digest = $1 AND done_at IS NULL"
_PERSON = """
SELECT r.person_id FROM referral r JOIN aggregate a ON a.key = r.referral_id WHERE r.referral_id = $1 FOR SHARE OF a
"""
_RAISE = """
INSERT INTO safety_task (task_id, programme, provider, referral_id, response, role, raised_at, person_id,
    organisation_id, organisation_kind, sent_by, request_id, refused_as, digest, heard)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (digest) WHERE done_at IS NULL DO NOTHING
"""


async def heed(parts: Parts, exchange: Exchange, problem: Problem, path: str, body: bytes) -> None:
    """Keep a task for what is positive in a body that is refused. Raises what keeps the database from keeping it."""
    told, who = safety.listen(body), exchange.principal
    found, meant = told.safety(), referral_meant(path, problem.extra.get("referral_id"))
    if who is None or (found is None and (meant is None or not told.leans)):
        return
    said = hmac.digest(parts.idempotency_key, f"{who.organisation_id}\0".encode() + body, hashlib.sha256).hex()
    async with parts.commands.begin() as tx:
        if await tx.conn.fetchval(_WAITS, said):
            return
        known = None if meant is None else await tx.conn.fetchval(_PERSON, meant)
        if meant is not None and known is not None and told.leans:
            found = told.safety(await known_of(tx, meant, known))
        if found is None:
            return
        task_id, response = uuid7(tx.now), RESPONSE_TO[found.level]
        person_id, token = await _sealed(tx, task_id, known, heard(body, found))
        made = await tx.conn.execute(
            _RAISE,
            *(task_id, who.programme, who.organisation_id if who.organisation_kind == "provider" else None),
            *(meant if known is not None else None, response.value, OWED_BY[response], tx.now, person_id),
            *(who.organisation_id, who.organisation_kind, who.subject, exchange.request_id, problem.code, said, token),
        )
    if made == "INSERT 0 1":
        of = {"detail": task_id, "request_id": exchange.request_id}
        _log.warning("safety_task_raised", reason=response.value, code=problem.code, **of)


async def _sealed(tx: Transaction, task_id: str, known: str | None, content: Heard) -> tuple[str, str | None]:
    """Return whose task it is, and what was heard under their key; None where there is no key: the task comes first."""
    person_id = known or new_person_id()
    if tx.keys is None:
        return person_id, None
    try:
        if known is None:
            await tx.create_keys([person_id])
        await tx.hold([person_id])
        sealer = Sealer(tx.held.get(person_id), task_id, person_id)
        return person_id, sealer.seal(content.model_dump_json().encode(), HEARD)
    except (ContentErased, KeyMissing, VaultUnavailable, WrappingKeyWrong) as error:
        _log.warning("safety_task_without_content", error=type(error).__name__)
        return person_id, None


_TASK = "SELECT * FROM safety_task WHERE task_id = $1"
_DONE = """
UPDATE safety_task SET done_at = $2, done_by = $3, actions = $4::json, heard = NULL
WHERE task_id = $1 AND done_at IS NULL
"""


async def task_of(tx: Transaction, task_id: str) -> Any:
    """Return a task's row, or None."""
    return await tx.conn.fetchrow(f"{_TASK} FOR UPDATE", task_id)


async def release(tx: Transaction, task_id: str, by: str, actions: tuple[str, ...]) -> bool:
    """Record who took a task up and what they did; False: somebody was faster. What was heard is gone with it."""
    done = await tx.conn.execute(_DONE, task_id, tx.now, by, json.dumps(list(actions)))
    return bool(done == "UPDATE 1")
