"""``pathway explain``: why a referral was decided as it was, from the database and with the person's key."""

import re
from typing import Annotated, Any, Final

import typer

from services.kernel.operations.audit import OperationRefused, Pool, record_action
from services.kernel.operations.printing import Actor, AsJson, Lookup, with_pool
from services.kernel.runtime.fold import RESTRICTED
from services.kernel.sealing.content import KeyMissing, Sealed, is_restricted, unlock
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.triage.domain.state import TriageState
from services.triage.explanation.lines import sections
from services.triage.explanation.readers import MAY_READ, View
from services.triage.explanation.tell import Explanation, tell

NAME: Final = "triage"
ACTION: Final = "triage.explain"
_STATE = "SELECT state::text FROM aggregate WHERE key = $1"
_REFERRAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Referral = Annotated[str, typer.Argument(metavar="REFERRAL", help="A referral's id (UUID).")]
Wanted = Annotated[View, typer.Option("--view", help="Whom it is written for.")]


def add_explain(app: typer.Typer, lookup: Lookup) -> None:
    """Add ``pathway explain``."""

    @app.command()
    def explain(referral: Referral, actor: Actor, view: Wanted = View.COACH, as_json: AsJson = False) -> None:
        """Say why a referral was decided as it was: every rule, what it looked at, what won, what would change it.

        Answers about health are shown, so a row says who asked (`operator_action`). Exit codes: 0; 1 refused or out of
        reach; 2 a wrong word.
        """
        if not _REFERRAL.fullmatch(referral):
            raise typer.BadParameter("a referral's id is a UUID in small letters", param_hint="REFERRAL")

        async def work(pool: Pool, service: Service, settings: Settings) -> Explanation:
            return await _told(pool, service, settings, referral, view, actor)

        told = with_pool(lookup, NAME, work)
        typer.echo(told.model_dump_json(indent=2) if as_json else _page(told))


async def _told(pool: Pool, service: Service, settings: Settings, referral: str, view: View, actor: str) -> Explanation:
    """Return the explanation; a row says that somebody asked for it, before anybody can read it."""
    found = await pool.fetchval(_STATE, referral)
    if found is None:
        raise OperationRefused("referral_not_found", "triage knows no such referral; check the id")
    sealed: list[Sealed[Any]] = []
    state = TriageState.model_validate_json(found, context=sealed)
    await _unlock(settings, state.decision.person_id, sealed)
    try:
        told = tell(MAY_READ["auditor"][view], state, service.policy())
    except KeyMissing:
        raise OperationRefused(
            "key_missing", "the vault has no key of this person; see docs/operations/vault.md"
        ) from None
    async with pool.acquire() as connection:
        await record_action(connection, actor, ACTION, referral, "", {"view": view.value})
    return told


async def _unlock(settings: Settings, person: str, sealed: list[Sealed[Any]]) -> None:
    keys = await VaultKeys.open(settings)
    try:
        key = (await keys.get([person]))[person]
    finally:
        keys.close()
    if is_restricted(key):
        raise OperationRefused(RESTRICTED.code, RESTRICTED.message)
    unlock(sealed, key)


def _page(told: Explanation) -> str:
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections(told))
