"""Who is somebody although the vault has no key for them: a service holds something about them.

A vault from too old a backup has lost the keys of whoever came after it. Such a person can still be erased, restricted,
held and exported; what their lost key sealed stays unreadable.
"""

from services.kernel.operations.held import open_reader
from services.kernel.retention import OwnerKind, load_retention
from services.kernel.settings import Settings
from services.vault.standing import Knows

VAULT = "vault"


def services_know(settings: Settings) -> Knows:
    """Return what tells whether any service but the vault holds a row about a pseudonym, as the catalogue names them.

    It raises what a database raises that does not answer: whether somebody is known is never guessed.
    """

    async def knows(person: str) -> bool:
        for service, sql in _queries():
            async with open_reader(settings.service_url(service)) as connection:
                if await connection.fetchval(sql, person):
                    return True
        return False

    return knows


def _queries() -> list[tuple[str, str]]:
    retention = load_retention()
    found = []
    for service in retention.services():
        owned = [(name, one.whose) for name, one in retention.tables_of(service).items() if one.whose is not None]
        mine = [f"SELECT FROM {name} WHERE {of.column} = $1" for name, of in owned if of.kind is OwnerKind.SUBJECT]
        if mine and service != VAULT:
            found.append((service, f"SELECT EXISTS ({' UNION ALL '.join(mine)})"))
    return found
