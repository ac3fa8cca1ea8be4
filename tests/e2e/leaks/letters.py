"""Records that somebody else put into our topics, full of a person's data: each becomes a dead letter."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from services.contracts import types
from services.kernel.clock import rfc3339, system_clock
from services.kernel.envelope import to_headers
from services.kernel.ids import uuid7
from tests.e2e.leaks.markers import Markers, Person
from tests.e2e.subscriber import Seen
from tests.parts.kafka_admin import Raw

FOREIGN: Final = Person(60)
"""Whose data it is; nowhere else is anything of theirs."""
WORDS: Final = FOREIGN.markers() | Markers({name: FOREIGN.word(name) for name in ("type", "correlation")})
NEW_TYPE: Final = f"uk.workhealth.{FOREIGN.word('type')}.v1"
"""A type that stops a consumer when it comes from our own producer."""


def letters(prefix: str, like: Seen) -> Iterator[Raw]:
    """Records of ``referral.created``; ``like`` is a good one, of which some are made."""
    name, body = FOREIGN.word("family"), json.dumps(FOREIGN.referral()).encode()
    stray = {"name": name.encode(), "traceparent": FOREIGN.nhs_number.encode()}
    key = uuid7(system_clock())

    def letter(value: bytes, key: str, **changed: str) -> Raw:
        found = {**_attributes(key), **changed}
        return Raw(f"{prefix}{types.TOPIC_REFERRAL}", value, key.encode(), 0, {**stray, **dict(to_headers(found))})

    yield Raw(f"{prefix}{types.TOPIC_REFERRAL}", body, f"{name} {FOREIGN.born}".encode(), 0, stray)
    yield letter(body, key)
    yield letter(body, key, id=name, correlationid=name, policy=name)
    yield letter(body, key, sequence="2", source=f"/{name}")
    yield letter(body, key, type=NEW_TYPE, source=f"/{name}")
    yield letter(body.replace(b"gp", b"\xff"), key)
    yield letter(body, FOREIGN.nhs_number)
    yield letter(b"[" * 40 + body, key)
    yield letter(_with_token(like, key), key)
    yield letter(_with_plain_answers(like, key), key)


def newer(prefix: str) -> Raw:
    """What a newer release of outcomes would send, if it named its types after people."""
    key = uuid7(system_clock())
    headers = to_headers({**_attributes(key), "type": NEW_TYPE, "source": "/pathway/outcomes"})
    body = json.dumps(FOREIGN.referral()).encode()
    return Raw(f"{prefix}{types.TOPIC_OUTCOME}", body, key.encode(), 0, dict(headers))


def _attributes(key: str) -> dict[str, str]:
    now = system_clock()
    return {
        "id": uuid7(now),
        "source": "/pathway/intake",
        "type": types.REFERRAL_CREATED,
        "subject": key,
        "time": rfc3339(now),
        "recordedtime": rfc3339(now),
        "sequence": "1",
        "correlationid": FOREIGN.word("correlation"),
        "causationid": uuid7(now),
    }


def _changed(like: Seen, key: str, sealed: Any) -> bytes:
    return json.dumps({**json.loads(like.value), "referral_id": key, "sealed": sealed}).encode()


def _with_token(like: Seen, key: str) -> bytes:
    """An event whose token says all that a token can say."""
    said = {"alg": "dir", "enc": "A256GCM", "kid": FOREIGN.nhs_number, "sub": FOREIGN.word("family")}
    said["fld"] = "assessment"
    encoded = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    token = json.loads(like.value)["sealed"]["assessment"].split(".", 1)[1]
    return _changed(like, key, {"assessment": f"{encoded}.{token}"})


def _with_plain_answers(like: Seen, key: str) -> bytes:
    return _changed(like, key, {"assessment": {"red_flags": {FOREIGN.word("family"): True}}})
