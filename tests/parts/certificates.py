"""A certificate authority for one test: what servers and clients on the loopback show, as PEM files."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PKCS8 = serialization.PrivateFormat.PKCS8
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, and a file with both."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates; ``file`` is its own."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate.public_bytes(PEM))

    def issue(self, name: str, *addresses: str) -> Pair:
        """Return a certificate for addresses and names of hosts; without any, for this machine's loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        shown_for = [_general_name(each) for each in addresses or ("127.0.0.1",)]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName(shown_for), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pair = Pair(*(self._folder / f"{name}.{end}" for end in ("crt", "key", "pem")))
        shown = certificate.public_bytes(PEM)
        secret = key.private_bytes(PEM, PKCS8, serialization.NoEncryption())
        pair.certificate.write_bytes(shown)
        pair.key.write_bytes(secret)
        pair.key.chmod(0o600)
        pair.both.write_bytes(secret + shown + self._certificate.public_bytes(PEM))
        return pair

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
