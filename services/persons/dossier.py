"""Everything that is held of one person: every service's rows, the events of the topics, sealed content opened."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.coaching.export import export as coaching
from services.intake.export import export as intake
from services.intake.export import keys_of, referrals_of
from services.kernel.clock import Clock, rfc3339, system_clock
from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.operations.held import Held, open_reader
from services.kernel.runtime.tables import Connection
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.sealing.subject_key import ERASED, KeyFound, SubjectKey
from services.kernel.sealing.tokens import open_token, token_header
from services.kernel.settings import Settings
from services.outcomes.export import export as outcomes
from services.persons.elsewhere import services_know
from services.triage.export import export as triage
from services.vault.export import export as vault
from services.vault.standing import Standing, whole

FORMAT = "pathway-person-1"
TOKEN_PARTS = 4
"""So many dots a token has."""

Export = Callable[[Connection, Sequence[str], Sequence[str]], Awaitable[Held]]
EXPORTS: Mapping[str, Export] = {
    "intake": intake,
    "triage": triage,
    "coaching": coaching,
    "outcomes": outcomes,
    "vault": vault,
}


@dataclass(slots=True)
class Dossier:
    """What is held of one person at one moment. ``held``: by service and table; sealed content is open."""

    made_at: datetime
    standing: Standing
    referrals: list[str]
    held: dict[str, Held] = field(default_factory=dict)
    opened: int = 0
    unreadable: int = 0

    @property
    def person_ids(self) -> tuple[str, ...]:
        """All pseudonyms, the one that stands for them first."""
        return self.standing.pseudonyms

    @property
    def key_missing(self) -> list[str]:
        """Pseudonyms for which the vault has no key: what it sealed is here and cannot be read."""
        found = {row["subject"] for row in self.held["vault"]["subject_key"]}
        return [one for one in self.person_ids if one not in found]

    @property
    def rows(self) -> int:
        """How many rows are in it."""
        return sum(len(rows) for held in self.held.values() for rows in held.values())

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        found: dict[str, Any] = plain(
            {
                "format": FORMAT,
                "made_at": rfc3339(self.made_at),
                "person_ids": list(self.person_ids),
                "restricted": self.standing.restricted,
                "legal_hold": self.standing.held,
                "key_missing": self.key_missing,
                "referral_ids": self.referrals,
                "services": self.held,
            }
        )
        return found


async def gather(
    pool: Pool, settings: Settings, person: str, *, open_sealed: bool, clock: Clock = system_clock
) -> Dossier:
    """Read everything; nothing is changed. ``pool`` is the vault's.

    Raises OperationRefused: ``unknown_person``, ``person_erased``, ``vault_unchecked``; WrappingKeyWrong,
    VaultUnavailable or what a database raises that does not answer: there is no half of an answer.
    """
    standing = await whole(pool, person, services_know(settings))
    ids = standing.pseudonyms
    async with open_reader(settings.service_url("intake")) as connection:
        referrals, everything = await referrals_of(connection, ids), await keys_of(connection, ids)
    found = Dossier(clock(), standing, referrals)
    for name, export in EXPORTS.items():
        async with open_reader(settings.service_url(name)) as connection:
            found.held[name] = await export(connection, ids, everything)
    if open_sealed:
        keys = await _keys(settings, ids)
        found.held = {name: _opened(held, keys, found) for name, held in found.held.items()}
    return found


async def _keys(settings: Settings, ids: Sequence[str]) -> dict[str, KeyFound]:
    keys = await VaultKeys.open(settings)
    try:
        found = await keys.get(ids)
    finally:
        keys.close()
    if ERASED in found.values():
        raise OperationRefused("person_erased", f"{ids[0]} was erased just now")
    return found


def _opened(value: Any, keys: Mapping[str, KeyFound], found: Dossier) -> Any:
    """Return a value with every token in it opened, wherever it stands."""
    match value:
        case dict():
            return {name: _opened(inner, keys, found) for name, inner in value.items()}
        case list():
            return [_opened(inner, keys, found) for inner in value]
        case str() if value.count(".") == TOKEN_PARTS:
            return _open(value, keys, found)
        case _:
            return value


def _open(text: str, keys: Mapping[str, KeyFound], found: Dossier) -> Any:
    try:
        header = token_header(text)
    except SealInvalid:
        return text  # a text with dots
    key = keys.get(header.sub)
    try:
        if isinstance(key, SubjectKey):
            content = open_token(text, key, header.fld, {header.sub})
            found.opened += 1
            return {"sealed_as": header.fld, "content": content}
        why = "another_person" if key is None else "key_missing"
    except SealInvalid as invalid:
        why = invalid.code.value
    found.unreadable += 1
    return {"sealed_as": header.fld, "unreadable": why}


def plain(value: Any) -> Any:
    """Return a database's value as JSON has it."""
    match value:
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case datetime() | date():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
