"""A root key in AWS KMS: it never leaves the service; we send 32 bytes to be wrapped, and get them back.

botocore alone: boto3 adds nothing that is used here, and aiobotocore pins its version narrowly. It blocks, so each
call runs in a thread; there is one a key-encryption key and process. Credentials come from botocore's own chain
(environment, web identity of the pod, instance role). Needs the optional packages of ``requirements/kms.lock``.
"""

import asyncio
from typing import Any

from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.root_file import RootKeyRefused

CONNECT_SECONDS = 3
READ_SECONDS = 5
ATTEMPTS = 3
CONTEXT = "pathway"
WRONG = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidArnException",
        "InvalidCiphertextException",
        "InvalidKeyUsageException",
        "InvalidSignatureException",
        "KMSInvalidStateException",
        "NotFoundException",
        "UnrecognizedClientException",
    }
)
"""What KMS answers when asking again would not help: another key, one that is disabled or to be deleted, no right."""


class KmsUnavailable(ConnectionError):
    """KMS did not answer, or asked for patience. Try again."""

    code = "root_key_unavailable"


class AwsKmsRootKey:
    """A symmetric key of AWS KMS, by id, ARN or alias. ``endpoint`` replaces the region's own."""

    def __init__(self, key_id: str, *, region: str | None = None, endpoint: str | None = None) -> None:
        self._key_id = key_id
        self._region = region
        self._endpoint = endpoint
        self._client: Any = None

    @property
    def name(self) -> str:
        """Which key; an ARN holds no secret."""
        return f"aws-kms:{self._key_id}"

    async def wrap(self, plain: bytes, context: str) -> bytes:
        """Encrypt. Raises KmsUnavailable (transient) or WrappingKeyWrong."""
        answer = await asyncio.to_thread(self._call, "encrypt", context, Plaintext=plain)
        return bytes(answer["CiphertextBlob"])

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Decrypt, by this key only: without its name KMS would take whichever key the ciphertext names."""
        answer = await asyncio.to_thread(self._call, "decrypt", context, CiphertextBlob=wrapped)
        return bytes(answer["Plaintext"])

    def _call(self, act: str, context: str, **content: bytes) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  an optional package

        if self._client is None:
            self._client = self._connect()
        try:
            return getattr(self._client, act)(KeyId=self._key_id, EncryptionContext={CONTEXT: context}, **content)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in WRONG:
                raise WrappingKeyWrong(f"{self.name} cannot {act} {context}: {code}") from None
            raise KmsUnavailable(f"KMS answers {code or 'nothing'}") from None
        except BotoCoreError as error:
            raise KmsUnavailable(type(error).__name__) from None

    def _connect(self) -> Any:
        from botocore.config import Config  # noqa: PLC0415
        from botocore.session import get_session  # noqa: PLC0415

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        )
        return get_session().create_client("kms", region_name=self._region, endpoint_url=self._endpoint, config=config)


def require_botocore() -> None:
    """Raise RootKeyRefused where the optional packages are not installed, rather than at the first key."""
    try:
        import botocore  # noqa: F401, PLC0415
    except ImportError:
        raise RootKeyRefused("root key aws-kms needs botocore: install requirements/kms.lock") from None
