"""What a process must have before it starts outside development, all that is missing at once.

Development may be open: no encryption, no passwords, tokens for anybody, made-up places. Staging and production are
refused with a fault for each thing, which has a stable code and says what to do.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from services.kernel.settings import DEVELOPMENT_KEY, Environment, SecurityProtocol, Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Role(StrEnum):
    """What a process does, as far as its settings are concerned."""

    WORKER = "worker"
    RELAY = "relay"
    API = "api"
    MIGRATE = "migrate"
    TOPICS = "topics"
    COMMAND = "command"


SPEAKS_KAFKA = frozenset({Role.WORKER, Role.RELAY, Role.API, Role.TOPICS, Role.COMMAND})
RUNS = frozenset({Role.WORKER, Role.RELAY, Role.API, Role.COMMAND})
OPENS_KEYS = frozenset({Role.WORKER, Role.API, Role.COMMAND})
DECIDES = frozenset({Role.WORKER, Role.API})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that keeps a process from starting: a stable code, which setting, what is wrong, what to do."""

    code: str
    setting: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.code}: {self.setting} {self.message}; {self.remedy}"


class ConfigurationRefused(ValueError):
    """The settings do not allow a start; ``faults`` holds everything that is missing."""

    def __init__(self, environment: str, faults: tuple[Fault, ...]) -> None:
        lines = "\n".join(f"  {fault}" for fault in faults)
        super().__init__(f"refused to start with PATHWAY_ENVIRONMENT={environment}:\n{lines}")
        self.faults = faults


def refuse_open(settings: Settings, role: Role, services: Collection[str], placed: str = "") -> None:
    """Raise :class:`ConfigurationRefused` with all that a role of these services lacks. Development lacks nothing.

    ``placed`` names the service that needs tables of places.
    """
    faults = tuple(missing(settings, role, services, placed))
    if faults:
        raise ConfigurationRefused(settings.environment.value, faults)


def missing(settings: Settings, role: Role, services: Collection[str], placed: str = "") -> Iterator[Fault]:
    """Yield everything that a role of these services lacks; nothing in development."""
    if settings.environment is Environment.DEVELOPMENT:
        return
    if role in SPEAKS_KAFKA:
        yield from _broker(settings)
    yield from _databases(settings, role, services)
    if role is Role.API:
        yield from _issuer(settings)
    if role in RUNS and settings.idempotency_hmac_key.get_secret_value() == DEVELOPMENT_KEY:
        yield Fault(
            "development_key",
            "PATHWAY_IDEMPOTENCY_HMAC_KEY",
            "is the development key",
            "set PATHWAY_IDEMPOTENCY_HMAC_KEY: development keys are refused unless PATHWAY_ENVIRONMENT=development",
        )
    if role in DECIDES:
        yield from _files(settings, places=placed in services)


def _broker(settings: Settings) -> Iterator[Fault]:
    protocol = settings.kafka_security_protocol
    name = "PATHWAY_KAFKA_SECURITY_PROTOCOL"
    if protocol not in {SecurityProtocol.SSL, SecurityProtocol.SASL_SSL}:
        yield Fault(
            "kafka_not_encrypted", name, f"is {protocol}", "set it to SASL_SSL, or SSL with a client certificate"
        )
    sasl = protocol in {SecurityProtocol.SASL_SSL, SecurityProtocol.SASL_PLAINTEXT}
    if sasl and not (settings.kafka_username and settings.kafka_password.get_secret_value()):
        yield Fault(
            "kafka_user_missing", "PATHWAY_KAFKA_USERNAME", "or its password is empty", "set both, the password as file"
        )
    if not sasl and not (settings.kafka_cert_file and settings.kafka_key_file):
        yield Fault(
            "kafka_not_authenticated",
            name,
            f"is {protocol} and there is no client certificate",
            "set SASL_SSL with PATHWAY_KAFKA_USERNAME, or PATHWAY_KAFKA_CERT_FILE and PATHWAY_KAFKA_KEY_FILE",
        )
    for setting in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file"):
        file: Path | None = getattr(settings, setting)
        if file is not None and not os.access(file, os.R_OK):
            yield Fault("file_missing", f"PATHWAY_{setting.upper()}", f"names {file}", "mount a file that can be read")


def _databases(settings: Settings, role: Role, services: Collection[str]) -> Iterator[Fault]:
    urls: dict[str, str] = {}
    if role in RUNS:
        urls["PATHWAY_DATABASE_URL"] = settings.database_url.get_secret_value()
    if role is Role.API:
        if not settings.read_url.get_secret_value():
            yield Fault(
                "read_role_missing", "PATHWAY_READ_URL", "is empty", "set it to the address with {service}_read as user"
            )
        else:
            urls["PATHWAY_READ_URL"] = settings.read_url.get_secret_value()
    if role in OPENS_KEYS and set(services) != {"vault"}:
        urls["PATHWAY_VAULT_URL"] = settings.vault_url.get_secret_value()
    if role is Role.MIGRATE:
        urls["PATHWAY_MIGRATE_URL"] = settings.migrate_url.get_secret_value()
    for name, url in urls.items():
        yield from _database(name, url)
    yield from _same_role({**urls, "PATHWAY_DATABASE_URL": settings.database_url.get_secret_value()})


def _database(name: str, url: str) -> Iterator[Fault]:
    query = parse_qs(urlsplit(url).query)
    if query.get("sslmode", [""])[-1] != "verify-full":
        yield Fault(
            "database_not_verified", name, "does not verify the server", "add sslmode=verify-full and sslrootcert=FILE"
        )
    for file in query.get("sslrootcert", []):
        if not os.access(file, os.R_OK):
            yield Fault("file_missing", name, f"names {file}", "mount a file that can be read")


def _same_role(urls: dict[str, str]) -> Iterator[Fault]:
    users: dict[str, str] = {}
    for name, url in sorted(urls.items()):
        user = urlsplit(url).username or ""
        if user in users:
            yield Fault(
                "database_roles_shared",
                name,
                f"connects as {user or 'nobody in particular'}, as {users[user]} does",
                "one role migrates ({service}_owner), one runs ({service}_run), one reads ({service}_read, vault_read)",
            )
        users.setdefault(user, name)


def _issuer(settings: Settings) -> Iterator[Fault]:
    for name, url in (("PATHWAY_ISSUER_URL", settings.issuer_url), ("PATHWAY_JWKS_URL", settings.jwks_url)):
        parts = urlsplit(url)
        if parts.scheme != "https" or (parts.hostname or "") in LOOPBACK:
            yield Fault("issuer_not_real", name, f"is {url}", "set it to your OIDC issuer's https address")


def _files(settings: Settings, *, places: bool) -> Iterator[Fault]:
    if places and settings.places_dir is None:
        yield Fault(
            "places_missing",
            "PATHWAY_PLACES_DIR",
            "is not set, and the tables of the package are synthetic",
            "set PATHWAY_PLACES_DIR to the folder with your postcodes.csv, practices.csv and jobcentres.csv",
        )
    elif places and settings.places_dir is not None and not settings.places_dir.is_dir():
        yield Fault("places_missing", "PATHWAY_PLACES_DIR", f"names {settings.places_dir}", "mount the tables there")
    folder = settings.programmes_dir
    if folder is not None and not any(folder.glob("[!.]*/*.yaml")):
        yield Fault(
            "programmes_missing", "PATHWAY_PROGRAMMES_DIR", f"names {folder}", "mount <programme>/<version>.yaml there"
        )
