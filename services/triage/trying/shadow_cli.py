"""``pathway rules shadow``: what came of candidates that decided beside the live rules."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from services.kernel.logs import configure_logs
from services.kernel.operations.printing import Actor, AsJson, console, run_or_exit, show_rows
from services.kernel.sealing.content import ContentErased, KeyMissing, Sealed, is_restricted
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.keyring import Keys, VaultKeys
from services.kernel.sealing.tokens import token_header
from services.kernel.settings import Settings, load_settings
from services.triage.domain.comparing import Difference
from services.triage.trying.known import Left
from services.triage.trying.noting import note_reading
from services.triage.trying.shadow_store import SEALED, ShadowStore, Total, open_store

AGREES, DIFFERS, IMPOSSIBLE = 0, 1, 2
"""Exit codes: the newest candidate never differed nor failed; it did; it cannot be told."""


def shadow(
    actor: Actor,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many differences, the newest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what candidates found beside the live rules, and the newest differences of the last one.

    A row says who had differences of people shown (`operator_action`). Exit code 0 when the last candidate never
    differed, 1 when it did or failed on somebody, 2 when it cannot be told.
    """
    configure_logs("WARNING")
    totals, rows = run_or_exit(_read(limit, actor), IMPOSSIBLE)
    if as_json:
        found = [{**total._asdict(), "since": total.since.isoformat()} for total in totals]
        typer.echo(json.dumps({"candidates": found, "differences": rows}, indent=2))
    else:
        show_rows("Candidates", [_shown(total) for total in totals], as_json=False)
        if totals:
            show_rows(f"Newest differences of {totals[0].version}", rows, as_json=False)
        else:
            console.print("No candidate has followed yet: pathway shadow")
    raise typer.Exit(DIFFERS if totals and (totals[0].disagreeing or totals[0].failed) else AGREES)


async def _read(limit: int, actor: str) -> tuple[list[Total], list[dict[str, Any]]]:
    settings = load_settings()
    async with open_store(settings) as store:
        totals = await store.totals()
        rows = await _opened(settings, store, totals, limit) if totals else []
        if rows:
            seen = sorted({row["referral_id"] for row in rows})
            await note_reading(settings, actor, "rules.shadow", totals[0].candidate, seen)
        return totals, rows


async def _opened(settings: Settings, store: ShadowStore, totals: list[Total], limit: int) -> list[dict[str, Any]]:
    keys = await VaultKeys.open(settings)
    try:
        return await differences(store, totals[0].candidate, limit, keys)
    finally:
        keys.close()


async def differences(store: ShadowStore, candidate: str, limit: int, keys: Keys) -> list[dict[str, Any]]:
    """Return the newest differences of a candidate, opened; of an erased or restricted person without what differs."""
    rows = await store.newest(candidate, limit)
    subjects = {row["difference"]: token_header(row["difference"]).sub for row in rows}
    found = await keys.get(set(subjects.values()))
    shown = []
    for row in rows:
        token = row["difference"]
        key = found.get(subjects[token])
        sealed: Sealed[Difference] = Sealed(token, SEALED)
        sealed.unlock(key)
        shown.append({**_where(row), **(_NOT_TO_BE_USED if is_restricted(key) else _what(sealed))})
    return shown


def _where(row: Mapping[str, Any]) -> dict[str, Any]:
    at = row["found_at"].isoformat()
    return {"referral_id": row["referral_id"], "revision": row["revision"], "programme": row["programme"], "at": at}


def _what(sealed: Sealed[Difference]) -> dict[str, Any]:
    try:
        found = sealed.content
    except ContentErased:
        return _left(Left.ERASED)
    except (KeyMissing, SealInvalid):
        return _left(Left.NO_KEY)
    return {
        "aspects": ", ".join(found.aspects),
        "before": ", ".join(item.support for item in found.before.package),
        "after": ", ".join(item.support for item in found.after.package),
        "rules": f"{', '.join(found.before.rules)} -> {', '.join(found.after.rules)}",
    }


def _left(why: Left) -> dict[str, Any]:
    return {"aspects": why.value, "before": None, "after": None, "rules": None}


_NOT_TO_BE_USED: Final = _left(Left.RESTRICTED)


def _shown(total: Total) -> dict[str, Any]:
    return {**total._asdict(), "candidate": total.candidate[:12]}
