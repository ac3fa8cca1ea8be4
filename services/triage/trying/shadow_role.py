"""The role that decides by a candidate beside the live rules: a follower of the log, with keys and two tables."""

from services.kernel.runtime.following import Follower
from services.kernel.runtime.roles import run_roles
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.settings import Settings
from services.triage.domain.rules import RuleSet
from services.triage.rulefile import load_rules
from services.triage.service import build
from services.triage.trying.shadow import TOPIC, Shadow
from services.triage.trying.shadow_store import open_store


class NoCandidate(ValueError):
    """No candidate is set."""

    def __init__(self) -> None:
        super().__init__("set PATHWAY_SHADOW_RULES to the candidate's file; see docs/operations/changing-rules.md")


def candidate_in(settings: Settings) -> RuleSet:
    """Return the candidate that the settings name. Raises NoCandidate, FileRefused with all that is wrong with it."""
    if settings.shadow_rules is None:
        raise NoCandidate
    return load_rules(settings.shadow_rules)


async def follow(candidate: RuleSet, settings: Settings) -> None:
    """Decide by a candidate what triage decides, from now until a signal."""
    service = build(settings.programmes_dir)
    keys = await VaultKeys.open(settings)
    try:
        async with open_store(settings) as store:
            follower = Follower(settings, [TOPIC], Shadow(candidate, service, service.policy(), store, keys))
            await run_roles([follower], settings, lambda: [] if follower.ready else ["the log is not read"])
    finally:
        keys.close()
