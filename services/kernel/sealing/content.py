"""A field whose content travels and rests sealed: what a model holds in its place.

``Annotated[Sealed[T], SealedAs("name")]`` is a compact JWE in JSON, in topics and in tables alike. Where the fact
arises, ``decide`` makes one of plain content (:meth:`Sealed.of`); the kernel seals it when it encodes the event, and
opens what came sealed when somebody asks for ``content``. What is passed on is passed on as it is, byte for byte.

Content under a destroyed key is gone: asking for it raises :class:`ContentErased`, an outcome of the domain. ``evolve``
and ``project`` must not ask at all, so that states and rows follow from the log whether or not keys are left.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final, Generic, TypeVar, cast, get_args

from pydantic import GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import core_schema

from services.kernel.fields import JOSE
from services.kernel.sealing.errors import Fault, SealInvalid
from services.kernel.sealing.subject_key import ERASED, KeyFound, SubjectKey
from services.kernel.sealing.tokens import (
    MAX_TOKEN_CHARS,
    check_header,
    derived_nonce,
    digest,
    open_plain,
    seal_plain,
    token_header,
)

T = TypeVar("T")

COMPACT: Final = r"^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$"
DIGEST_PATTERN: Final = r"^[0-9a-f]{64}$"


class ContentErased(Exception):
    """The subject's key is destroyed: what it sealed cannot be read, and nothing new can be sealed under it."""


class NotSealed(ValueError):
    """Plain content stands where only a token may: it must not leave the process."""


class KeyMissing(Exception):
    """The vault does not know the subject: it lost a key, or was put back from a backup. Nothing is to blame in the
    event, so whoever meets this stops."""

    code = "key_missing"


class Sealer:
    """Seals what one event brings up. Nonces are derived, so that the same event gives the same bytes again.

    ``subject`` is whom all of it must be about; None: whoever the key belongs to.
    """

    __slots__ = ("_event_id", "_key", "_subject", "refusal")

    def __init__(self, key: KeyFound | None, event_id: str, subject: str | None = None) -> None:
        self._key = key
        self._event_id = event_id
        self._subject = key.subject if subject is None and isinstance(key, SubjectKey) else subject
        self.refusal: ContentErased | KeyMissing | SealInvalid | None = None
        """What was refused here: a serialiser that asks hides what is raised behind an error of its own."""

    def key(self) -> SubjectKey:
        """Return the subject's key. Raises ContentErased or KeyMissing."""
        try:
            return usable(self._key)
        except (ContentErased, KeyMissing) as refusal:
            self.refusal = refusal
            raise

    def seal(self, plain: bytes, field: str) -> str:
        """Return the token of a field's plain bytes."""
        key = self.key()
        return seal_plain(plain, key, field, derived_nonce(key, self._event_id, field, plain))

    def pass_on(self, token: str, field: str) -> str:
        """Return a token that came, if it says that it is this subject's and this field's. Raises SealInvalid."""
        try:
            check_header(token, field, self._subject, self._key if isinstance(self._key, SubjectKey) else None)
        except SealInvalid as refusal:
            self.refusal = refusal
            raise
        return token

    def text(self, text: str, field: str) -> str:
        """Return the token of a text."""
        return self.seal(json.dumps(text, ensure_ascii=False).encode(), field)


def usable(key: KeyFound | None) -> SubjectKey:
    """Return a key that can be used. Raises ContentErased or KeyMissing."""
    if isinstance(key, SubjectKey):
        return key
    if key is ERASED:
        raise ContentErased
    raise KeyMissing


class Sealed(Generic[T]):
    """Content of one subject: plain and not sealed yet, or a token whose key may be at hand."""

    __slots__ = ("_content", "_key", "field", "token")

    def __init__(self, token: str | None, field: "SealedAs | None", content: Any = None) -> None:
        self.token = token
        self.field = field
        self._content = content
        self._key: KeyFound | None = None

    @classmethod
    def of(cls, content: T) -> "Sealed[T]":
        """Return content that the kernel will seal before it leaves the process."""
        return cls(None, None, content)

    @property
    def content(self) -> T:
        """The content. Raises ContentErased, KeyMissing (no key at hand), SealInvalid (not a token of its subject, or
        of other content)."""
        if self._content is None:
            key = usable(self._key)
            assert self.token is not None and self.field is not None  # noqa: PT018, S101  without content it came as one
            plain = open_plain(self.token, key, self.field.name, {key.subject})
            try:
                self._content = self.field.adapter.validator.validate_json(plain)
            except ValidationError:  # its message quotes the content
                raise SealInvalid(Fault.PLAIN, f"the content is none of {self.field.name}") from None
        return cast("T", self._content)

    def unlock(self, key: KeyFound | None) -> None:
        """Put the subject's key beside the token. Nothing is opened before the content is asked for.

        What another key has opened is forgotten: it may be destroyed since.
        """
        if key is not self._key:
            self._key = key
            if self.token is not None:
                self._content = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sealed):
            return NotImplemented
        if self.token is not None and other.token is not None:
            return self.token == other.token
        return bool(self.content == other.content)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Sealed({self.field.name if self.field else 'plain'})"


def sealed_text(token: str, field: str) -> Sealed[str]:
    """Return a text from a column that :meth:`Sealer.text` filled."""
    return Sealed(token, SealedAs(field, str))


class SealedAs:
    """Marks a field of type ``Sealed[T]``; ``name`` stands in the token, so that it fits no other field."""

    def __init__(self, name: str, content_type: Any = None) -> None:
        self.name = name
        self._content_type = content_type

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Reads and writes the content."""
        return TypeAdapter(self._content_type)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        (self._content_type,) = get_args(source)
        text = core_schema.str_schema(pattern=COMPACT, max_length=MAX_TOKEN_CHARS)
        return core_schema.json_or_python_schema(
            json_schema=core_schema.with_info_after_validator_function(self._came, text),
            python_schema=core_schema.no_info_plain_validator_function(self._given),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self._written, info_arg=True, return_schema=core_schema.str_schema()
            ),
        )

    def __get_pydantic_json_schema__(self, _: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "string",
            "contentMediaType": JOSE,
            "maxLength": MAX_TOKEN_CHARS,
            "pattern": COMPACT,
            # what stands inside: validators of JSON Schema pass over it, whoever has the key does not
            "contentSchema": handler(self.adapter.core_schema),
        }

    def _came(self, token: str, info: core_schema.ValidationInfo) -> "Sealed[Any]":
        sealed: Sealed[Any] = Sealed(token, self)
        if info.context is not None:
            info.context.append(sealed)
        return sealed

    def _given(self, value: Any) -> "Sealed[Any]":
        if isinstance(value, str):
            token_header(value)
            return Sealed(value, self)
        if not isinstance(value, Sealed):
            raise ValueError("content is given as Sealed.of(...)")  # noqa: TRY004  pydantic reports ValueErrors
        if value.field is None:
            self._check(value)
            value.field = self
        elif value.field.name != self.name:
            raise ValueError(f"sealed as {value.field.name}, not as {self.name}")
        return value

    def _check(self, value: "Sealed[Any]") -> None:
        """Look at what no field has claimed yet: another model would be written without what this one lacks."""
        if value.token is not None:
            token_header(value.token)
        elif isinstance(self._content_type, type) and not isinstance(value._content, self._content_type):
            raise ValueError(f"content of {self.name} is {self._content_type.__name__}")

    def _written(self, value: "Sealed[Any]", info: core_schema.SerializationInfo) -> str:
        # a model that was made without validation can hold anything here
        if not isinstance(value, Sealed) or value.field is None or value.field.name != self.name:
            raise NotSealed(f"{self.name} is not sealed")
        sealer = info.context
        if not isinstance(sealer, Sealer):
            if value.token is None:
                raise NotSealed(f"{self.name} is not sealed")
            return value.token
        if value.token is None:
            plain = self.adapter.serializer.to_json(value._content, warnings="error")
            value.token = sealer.seal(plain, self.name)
            return value.token
        return sealer.pass_on(value.token, self.name)


class Digest:
    """An HMAC under the subject's key: of content, not yet made, or as it came."""

    __slots__ = ("_parts", "value")

    def __init__(self, value: str | None, parts: tuple[bytes, ...] = ()) -> None:
        self.value = value
        self._parts = parts

    @classmethod
    def of(cls, *parts: bytes) -> "Digest":
        """Return a digest that the kernel will make of ``parts`` before it leaves the process."""
        return cls(None, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.value, self._parts) == (other.value, other._parts)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Digest({self.value})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        text = core_schema.str_schema(pattern=DIGEST_PATTERN)
        came = core_schema.no_info_after_validator_function(cls, text)
        return core_schema.json_or_python_schema(
            json_schema=came,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), came]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                cls._written, info_arg=True, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": DIGEST_PATTERN}

    @staticmethod
    def _written(value: "Digest", info: core_schema.SerializationInfo) -> str:
        if not isinstance(value, Digest):
            raise NotSealed("a digest is not made")
        if value.value is None:
            sealer = info.context
            if not isinstance(sealer, Sealer):
                raise NotSealed("a digest is not made")
            value.value = digest(sealer.key(), *value._parts)
            value._parts = ()
        return value.value


def is_restricted(key: KeyFound | None) -> bool:
    """Tell whether what is held of a subject may not be used."""
    return isinstance(key, SubjectKey) and key.restricted


def unlock(found: Iterable[Sealed[Any]], key: KeyFound | None) -> None:
    """Put one subject's key beside each token of theirs."""
    for sealed in found:
        sealed.unlock(key)
