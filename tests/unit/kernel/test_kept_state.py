"""A state is written as its model says, or not at all: a warning would quote what it holds."""

import warnings

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from services.kernel.runtime.tables import kept_text


class State(BaseModel):
    score: int


def test_a_state_is_written_as_its_model_says() -> None:
    assert kept_text(State(score=1)) == '{"score":1}'


def test_what_its_model_would_not_accept_is_refused_and_warned_of_nowhere() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PydanticSerializationError):
            kept_text(State.model_construct(score="the whole story"))  # type: ignore[arg-type]
