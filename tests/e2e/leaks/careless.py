"""The ``pathway`` command with what a hurried developer might add to it tomorrow. It runs in tests alone.

``python -m tests.e2e.leaks.careless FAULT[+FAULT...] worker triage``. Everything is the real program; each fault is a
change to its code: ``talks`` logs all that comes by, in every way in which somebody might; ``fails`` raises errors
whose messages quote content; ``dies`` ends a consumer so; ``forgets`` whom it knows, so that the database refuses.
"""

import asyncio
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import structlog

from services import cli
from services.intake.domain.same_person import Recognised
from services.intake.people import acquaintance as _acquaintance
from services.kernel import logs
from services.kernel.http import body as http_body
from services.kernel.http import each as _each
from services.kernel.http import edge
from services.kernel.runtime import fold, inbox
from services.kernel.runtime.subjects import subjects_of
from services.kernel.sealing.content import Sealed, unlock

acquaintance: Any = _acquaintance
batches: Any = inbox
each: Any = _each
"""Modules as they are to whoever changes them: with everything that they imported."""
FAILS: Final = "Zqfails"
"""In a posted referral: the decision on it raises. In later answers: see :data:`FAILS_ON`."""
FAILS_ON: Final = "2023, 9, 1"
"""The day of answers on which triage raises, as Python writes it."""
DIES_ON: Final = "2023, 9, 2"
"""The day of answers on which a consumer ends."""
FORGETS: Final = "zqforgets"
"""In a family name: whoever has it is not recognised."""

HELD_BACK: Final = frozenset(
    {
        *("body", "data", "value", "values", "record", "message", "msg", "text", "input", "answer", "content"),
        *(
            "name",
            "names",
            "family_name",
            "nhs_number",
            "person",
            "person_id",
            "subject",
            "key",
            "note",
            "client",
            "user",
        ),
        *("headers", "header", "url", "path", "query", "address_line", "params", "parameters", "args", "payload"),
        *("request", "response", "exc_info", "exception", "stack", "error_detail", "error_message"),
        *("traceback", "locals", "user"),
    }
)
"""Names under which somebody might log content."""
LISTED: Final = frozenset(
    {
        *("event", "level", "timestamp", "logger", "service", "role", "topic", "partition", "offset", "cause", "code"),
        *("count", "seconds", "attempt", "reason", "detail", "error", "sqlstate", "method", "route", "status"),
        *("request_id", "correlation_id", "runner", "dropped"),
    }
)
"""Names that the allow-list may have; whatever else it has is tried as well."""
WIDEN: Final = "X-Widen"
"""A header: what the allow-list lets through more while this request is served."""


def tell(content: str) -> None:
    """Log content in every way that comes to mind."""
    names = {*HELD_BACK, *(logs.ALLOWED - LISTED)} - {"exc_info"}
    ours, others = structlog.get_logger(), logging.getLogger("somebody.else")
    error = ValueError(f"cannot take {content}")
    ours.info("careless", **dict.fromkeys(names, content))
    ours.warning("careless", exc_info=error, stack_info=True)
    others.warning("cannot take %s", content)
    others.warning(f"cannot take {content}")
    others.warning("careless", extra={"body": content, "name_of": content})
    others.error("careless", exc_info=error)
    others.error(error)
    warnings.warn(f"unexpected {content}", RuntimeWarning, stacklevel=1)
    with suppress(RuntimeError):
        asyncio.get_running_loop().call_exception_handler({"message": "Task exception was never retrieved",
                                                           "exception": error, "task": content})  # fmt: skip
    dying = threading.Thread(target=_raise, args=(error,))
    dying.start()
    dying.join()


def _raise(error: Exception) -> None:
    raise error


def talks() -> None:
    """Log every body that an API reads, everything that is decided, every record that comes."""
    before_body, before_apply, before_decode = http_body.read_document, fold.apply, batches.decode

    def read_document(body: bytes) -> Any:
        tell(body.decode("utf-8", "replace"))
        return before_body(body)

    def apply(*words: Any, **named: Any) -> Any:
        tell(" ".join(content_of(words)))
        return before_apply(*words, **named)

    def decode(service: Any, record: Any) -> Any:
        tell(repr(record))
        return before_decode(service, record)

    http_body.read_document, fold.apply, batches.decode = read_document, apply, decode
    each.read_document = read_document


def fails() -> None:
    """Raise where the marked people and answers are decided on, with all of it in the message."""
    before = fold.apply

    def apply(*words: Any, **named: Any) -> Any:
        asked, opened = content_of(words)
        if FAILS in asked or FAILS_ON in opened:
            raise RuntimeError(f"cannot decide on {asked} {opened}")
        return before(*words, **named)

    fold.apply = apply


def dies() -> None:
    """Raise out of the batch, with opened content in the message."""
    before = inbox.Inbox._settle

    async def settle(self: Any, items: Any, forced: Any) -> Any:
        keys = await self.keys.get(subjects_of(self.service, items))
        for item in items:
            for sealed in getattr(item, "sealed", ()):
                unlock([sealed], keys.get(item.cause.data.person_id))
                if DIES_ON in (content := repr(sealed.content)):
                    raise RuntimeError(f"cannot take {content}")
        return await before(self, items, forced)

    inbox.Inbox._settle = settle  # type: ignore[method-assign]


def forgets() -> None:
    """Take the marked people for strangers, so that their NHS number is inserted a second time."""
    before = acquaintance.recognise

    def recognise(me: Any, known: Any, programmes: Any) -> Recognised:
        return Recognised(None, (), number_taken=False) if FORGETS in me.family_key else before(me, known, programmes)

    acquaintance.recognise = recognise


def widens() -> None:
    """Serve one request with a wider list, for each request that names one of :data:`WIDENINGS`."""
    before = edge.Edge.__call__

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        with widened(headers.get(WIDEN.lower().encode(), b"").decode()):
            await before(self, scope, receive, send)

    edge.Edge.__call__ = call  # type: ignore[method-assign]


@contextmanager
def widened(what: str) -> Iterator[None]:
    """Let logs say more for a while: a name of :data:`HELD_BACK`, or what :data:`RELAXED` describes."""
    changes = [RELAXED[what]] if what in RELAXED else [(logs, "ALLOWED", logs.ALLOWED | {what})] if what else []
    before = [(holder, name, getattr(holder, name)) for holder, name, _ in changes]
    for change in changes:
        setattr(*change)
    try:
        yield
    finally:
        for change in before:
            setattr(*change)


def content_of(words: tuple[Any, ...]) -> tuple[str, str]:
    """Return what ``fold.apply`` is about to decide on, and what came sealed with it, opened."""
    service, _, aggregate, cause, *_, sealing = words
    key = sealing.keys.get(service.subject_of(aggregate.state, cause.data) or "")
    unlock(sealing.came, key)
    return repr(cause), repr([_opened(sealed) for sealed in sealing.came])


def _opened(sealed: Sealed[Any]) -> Any:
    try:
        return sealed.content
    except Exception as error:
        return error


FAULTS: Final[dict[str, Callable[[], None]]] = {
    fault.__name__: fault for fault in (talks, fails, dies, forgets, widens)
}


def main() -> None:
    """Change the program and run it."""
    faults, *words = sys.argv[1:]
    for fault in faults.split("+"):
        FAULTS[fault]()
    sys.argv = ["pathway", *words]
    cli.main()


class Everything(frozenset[str]):
    """A list with every name on it."""

    def __contains__(self, _: object) -> bool:
        return True


RELAXED: Final[dict[str, tuple[Any, str, Any]]] = {
    "every name": (logs, "ALLOWED", Everything()),
    "what libraries say, filled in": (logs, "said", logging.LogRecord.getMessage),
    "messages of exceptions": (logs, "raised", repr),
}
"""What else somebody might allow: what is replaced where, and by what."""


if __name__ == "__main__":
    main()
