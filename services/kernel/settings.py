"""Settings from the environment: every name begins with ``PATHWAY_``.

A secret comes from a variable or, better, from a file of the same name in the folder that
``PATHWAY_SECRETS_DIR`` names (how Kubernetes and Compose mount secrets).
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the process runs. Only development may use the dev issuer and development keys."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class SecurityProtocol(StrEnum):
    """How a broker is spoken to, in Kafka's own words."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"


class SaslMechanism(StrEnum):
    """How a user proves who it is to a broker."""

    SCRAM_SHA_512 = "SCRAM-SHA-512"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    PLAIN = "PLAIN"


class RunnerKind(StrEnum):
    """Which loop owns the consumer process."""

    FAUST = "faust"
    AIOKAFKA = "aiokafka"


DEVELOPMENT_KEY = "development-only-key-development-only-key"


class Settings(BaseSettings):
    """All settings of all roles; a role reads what it needs.

    ``database_url`` and ``migrate_url`` hold ``{service}`` where the service's name goes:
    ``postgresql://{service}_run@db/pathway_{service}``. ``topic_prefix`` is put before every topic's
    name on the broker, so that several systems can share one cluster.
    """

    model_config = SettingsConfigDict(env_prefix="PATHWAY_", extra="ignore", frozen=True)

    environment: Environment = Environment.PRODUCTION
    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    kafka_ca_file: Path | None = None
    """Who signed the brokers' certificates; without it the system's own list."""
    kafka_cert_file: Path | None = None
    kafka_key_file: Path | None = None
    """A client certificate and its key, for brokers that ask for one."""
    kafka_sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    topic_prefix: str = ""
    database_url: SecretStr = SecretStr("postgresql://{service}_run@127.0.0.1:5432/pathway_{service}")
    read_url: SecretStr = SecretStr("")
    """What the APIs read by, as a role that may change nothing; empty: ``database_url``."""
    migrate_url: SecretStr = SecretStr("postgresql://postgres@127.0.0.1:5432/pathway_{service}")
    vault_url: SecretStr = SecretStr("postgresql://vault_read@127.0.0.1:5432/pathway_vault")
    """Where keys are read, and, as a role that may, made. The vault's own processes use ``database_url``."""
    root_key: str = ""
    """What wraps the key-encryption keys: ``file:<path>`` or ``aws-kms:<key id, ARN or alias>``. No secret itself."""
    kms_region: str | None = None
    kms_endpoint: str | None = None
    key_backup_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """How long backups of keys are kept: one of them, and the root key, open what was erased after it was made."""
    issuer_url: str = "http://127.0.0.1:8099"
    jwks_url: str = "http://127.0.0.1:8099/jwks"
    audience: str = "pathway"
    idempotency_hmac_key: SecretStr = SecretStr(DEVELOPMENT_KEY)
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    drain_seconds: Annotated[float, Field(ge=0, le=8)] = 0.0
    """How long an API that was asked to end still serves, not ready any more, until nobody sends it anything."""
    runner: RunnerKind = RunnerKind.FAUST
    group_instance_id: str | None = None
    session_timeout_seconds: Annotated[float, Field(gt=0)] = 15.0
    stuck_seconds: Annotated[float, Field(gt=0)] = 120.0
    """How long a position may stand still, with records beyond it and no known cause, before a worker is not alive."""
    fetch_max_wait_ms: Annotated[int, Field(ge=1, le=5000)] = 500
    """How long the broker may hold an empty fetch. Apache Kafka answers as soon as a record arrives; the
    in-memory broker does not, so there it is the latency of every hop."""
    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    relay_send_timeout_seconds: Annotated[float, Field(gt=0)] = 10.0
    relay_poll_seconds: Annotated[float, Field(gt=0)] = 1.0
    relay_pace_seconds: Annotated[float, Field(ge=0, le=5)] = 0.0
    """The least time between two publications. Larger batches downstream cost less; an event after a quiet
    moment waits for nothing."""
    programmes_dir: Path | None = None
    places_dir: Path | None = None
    """Tables of places that the deployer supplies; without them those of the repository, which are synthetic."""
    safety_immediate_minutes: Annotated[int, Field(ge=1, le=60)] = 15
    safety_prompt_minutes: Annotated[int, Field(ge=1, le=1440)] = 240
    """After how long an alert is raised for what a person must look at at once, or promptly, by the clock [design]."""
    contact_url: str = "http://127.0.0.1:8080"
    """The API that tells a person's name and contact details to whoever may have them; asked for each page to print."""
    shadow_rules: Path | None = None
    """A candidate of rules that decides beside the live ones; what `pathway shadow` reads."""
    shadow_url: SecretStr = SecretStr("postgresql://{service}_shadow@127.0.0.1:5432/pathway_{service}")
    """Where it writes what differs: the service's database, as a role that may write that and nothing else."""
    log_level: str = "INFO"

    def service_url(self, service: str) -> str:
        """Return the run role's DSN for one service's database."""
        return self.database_url.get_secret_value().replace("{service}", service)

    def reader_url(self, service: str) -> str:
        """Return the DSN by which one service's API reads."""
        found = self.read_url.get_secret_value() or self.database_url.get_secret_value()
        return found.replace("{service}", service)

    def owner_url(self, service: str) -> str:
        """Return the owner's DSN for one service's database: migrations only."""
        return self.migrate_url.get_secret_value().replace("{service}", service)

    def beside_url(self, service: str) -> str:
        """Return the DSN of what decides beside a service."""
        return self.shadow_url.get_secret_value().replace("{service}", service)

    def refuse_development_keys(self) -> None:
        """Raise ValueError when a key is still the development one outside development."""
        if self.environment is Environment.DEVELOPMENT:
            return
        named = {"PATHWAY_IDEMPOTENCY_HMAC_KEY": self.idempotency_hmac_key}
        missing = [name for name, value in named.items() if value.get_secret_value() == DEVELOPMENT_KEY]
        if missing:
            raise ValueError(
                f"set {', '.join(missing)}: development keys are refused unless PATHWAY_ENVIRONMENT=development"
            )

    def refuse_synthetic_places(self) -> None:
        """Raise ValueError when no tables of places are named outside development: the repository's are made up."""
        if self.environment is not Environment.DEVELOPMENT and self.places_dir is None:
            raise ValueError(
                "set PATHWAY_PLACES_DIR to the folder with your postcodes.csv, practices.csv and jobcentres.csv: the "
                "tables of the package are synthetic and refused unless PATHWAY_ENVIRONMENT=development"
            )


def load_settings() -> Settings:
    """Read the settings of this process from its environment and secret files."""
    folder = os.environ.get("PATHWAY_SECRETS_DIR")
    return Settings(_secrets_dir=folder) if folder else Settings()
