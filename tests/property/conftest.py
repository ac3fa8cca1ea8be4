"""What stories need around them."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(scope="module")
def quiet() -> Iterator[None]:
    """Dead letters are meant in a story; nobody needs to read of each."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)
