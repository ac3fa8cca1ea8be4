"""A reconciliation reads every service's own database, or nothing."""

import pytest
from pydantic import SecretStr

from services.composition import NAMES, service_named
from services.kernel.operations.audit import OperationRefused
from services.kernel.settings import Settings
from services.outcomes.settlement.reconciling import reconcile


async def test_one_database_for_all_is_refused_before_anything_is_read() -> None:
    settings = Settings(read_url=SecretStr("postgresql://outcomes_read@127.0.0.1:1/pathway_outcomes"))
    services = [service_named(name, settings) for name in NAMES]
    with pytest.raises(OperationRefused) as refused:
        await reconcile(services, settings, by="ann", advance=lambda _, __: None)
    assert refused.value.code == "databases_not_apart"
