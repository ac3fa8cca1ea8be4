"""Every overlay, rendered without a network, is what the API of each version takes."""

import pytest

from tests.deploy.rendered import OVERLAYS, overlay
from tests.deploy.validation import VERSIONS, faults


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_what_the_api_takes(name: str, version: str) -> None:
    documents = overlay(name)
    assert len(documents) > 50
    assert faults(documents, version) == []
