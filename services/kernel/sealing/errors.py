"""What can go wrong with sealed content, each with one path.

An erased subject is no error: it is a value, :data:`services.kernel.sealing.keys.ERASED`.
"""

from enum import StrEnum


class Fault(StrEnum):
    """Why a token is not accepted."""

    TOO_LARGE = "token_too_large"
    NOT_COMPACT = "token_not_compact"
    NOT_BASE64URL = "token_not_base64url"
    HEADER = "token_header"
    ALGORITHM = "token_algorithm"
    KEY_ID = "token_key_id"
    SUBJECT = "token_subject"
    FIELD = "token_field"
    NONCE = "token_nonce"
    FORGED = "token_forged"
    PLAIN = "token_plain"


class SealInvalid(ValueError):
    """A token that is none of ours, or stands where it does not belong. The message holds no content of it."""

    def __init__(self, code: Fault, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class WrappingKeyWrong(Exception):
    """What wraps a key does not open it: the process has the wrong root key, or a row was changed.

    No record is to blame, so nothing may be set aside: whoever meets it stops until an operator has looked.
    """

    code = "wrapping_key_wrong"


class VaultUnavailable(ConnectionError):
    """The vault may not serve keys just now, for example before a restored one has been checked. Try again."""

    code = "vault_unavailable"
