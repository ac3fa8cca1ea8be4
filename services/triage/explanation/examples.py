"""What the OpenAPI document says of explanations. A test makes each example again from its facts."""

from typing import Any

EXPLANATION_ANSWERS: dict[int | str, dict[str, Any]] = {}
