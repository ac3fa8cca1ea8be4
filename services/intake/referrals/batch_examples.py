"""What the OpenAPI document says of the batch route, which reads and writes lines."""

import json
from typing import Any

from services.intake.referrals.examples import GP_REFERRAL, REFERRAL_ANSWERS
from services.kernel.http.body import LINES

_MADE = REFERRAL_ANSWERS[201]["content"]["application/json"]["example"]
_MISSING = {"code": "required", "pointer": "/work", "message": "Field required"}
_REFUSED = {"title": "Unprocessable Content", "status": 422, "code": "required", "errors": [_MISSING], "safety": None}
_DOWN = {"title": "Service Unavailable", "status": 503, "code": "unavailable"}


def _lines(*documents: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(document)}\n" for document in documents)


BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A referral a line, as for POST /referrals; at most 10,000 lines, 64 KiB a line, 64 MiB in all.",
        "content": {LINES: {"schema": {"type": "string"}, "example": _lines(GP_REFERRAL)}},
    }
}
BATCH_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line of answer for each line, in order: `line` is its number, `status` and `body` are what "
        "POST /referrals would have answered, `replayed` says that the answer was given before. A last line whose "
        "`line` is null says why nothing after line `answered` was done; send the same request again.",
        "content": {
            LINES: {
                "schema": {"type": "string"},
                "example": _lines(
                    {"line": 1, "status": 201, "replayed": False, "body": _MADE},
                    {"line": 2, "status": 422, "replayed": False, "body": _REFUSED},
                    {"line": None, "status": 503, "answered": 2, "body": _DOWN},
                ),
            }
        },
    },
    413: {"description": "More than 10,000 lines or 64 MiB; where lines were answered already, the last line says so"},
    415: {"description": f"Not {LINES}"},
}
