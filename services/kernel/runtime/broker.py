"""How every client of ours reaches the broker: the same addresses, encryption and proof of who we are."""

from ssl import SSLContext
from typing import Any

from aiokafka.helpers import create_ssl_context

from services.kernel.settings import SecurityProtocol, Settings

ENCRYPTED = frozenset({SecurityProtocol.SSL, SecurityProtocol.SASL_SSL})
PROVING = frozenset({SecurityProtocol.SASL_PLAINTEXT, SecurityProtocol.SASL_SSL})


def tls(settings: Settings) -> SSLContext | None:
    """Return what verifies the brokers' names and certificates; None without TLS. Raises OSError for a bad file."""
    if settings.kafka_security_protocol not in ENCRYPTED:
        return None
    files = (settings.kafka_ca_file, settings.kafka_cert_file, settings.kafka_key_file)
    ca, certificate, key = (None if file is None else str(file) for file in files)
    context: SSLContext = create_ssl_context(cafile=ca, certfile=certificate, keyfile=key)
    return context


def client_options(settings: Settings) -> dict[str, Any]:
    """Return what each aiokafka client is made with. Raises OSError for a certificate that cannot be read."""
    found: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap,
        "security_protocol": settings.kafka_security_protocol.value,
        "ssl_context": tls(settings),
    }
    if settings.kafka_security_protocol in PROVING:
        found |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism.value,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return found
