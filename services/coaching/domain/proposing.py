"""What triage would change about a plan that a coach has confirmed, named piece by piece.

Derived when a plan is read: the plan holds what was confirmed, the kept recommendations what triage has said since.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from services.contracts.base import Ordinal, Record
from services.contracts.codes import TriageOutcome
from services.contracts.package_change import PackageChange, package_change
from services.contracts.plan import PlanSnapshot
from services.contracts.plan_item import StepId
from services.contracts.triage import Package


class HoldChange(StrEnum):
    """What has become of holds since the coach confirmed."""

    SET = "set"
    RELEASED = "released"


class Told(NamedTuple):
    """What triage said in one revision."""

    outcome: TriageOutcome
    package: Package


class ProposalDifferences(Record):
    """How what triage says now differs from what the coach confirmed or overrode.

    ``hold``: triage has begun to hold since then, or has held and a person has released it (null: neither). ``to_plan``
    leads from the plan's package to the proposed one, ``to_recommendation`` from what triage recommended when the
    coach confirmed: where a coach departed from that, only the first differs (both null: nothing is proposed).
    ``steps``: open steps for a support that is no longer proposed. ``not_eligible``: a person decided that the
    programme does not fit.
    """

    confirmed_revision: Ordinal
    revision: Ordinal
    hold: HoldChange | None
    not_eligible: bool
    to_plan: PackageChange | None
    to_recommendation: PackageChange | None
    steps: tuple[StepId, ...]


def differences(plan: PlanSnapshot, told: Mapping[int, Told]) -> ProposalDifferences | None:
    """Return what a proposal or a hold would change; None where there is neither, or nobody has confirmed yet.

    ``told``: what triage said from the confirmed revision on, by revision.
    """
    confirmed = plan.confirmed_revision
    if confirmed is None or (plan.proposal is None and not plan.held):
        return None
    package = None if plan.proposal is None else plan.proposal.package
    before = told.get(confirmed)
    proposed = {item.support for item in package or ()}
    return ProposalDifferences(
        confirmed_revision=confirmed,
        revision=plan.revision,
        hold=_hold(plan, confirmed, told),
        not_eligible=plan.proposal is not None and plan.proposal.outcome is TriageOutcome.NOT_ELIGIBLE,
        to_plan=None if package is None else package_change(plan.package, package),
        to_recommendation=None if package is None or before is None else package_change(before.package, package),
        steps=() if package is None else tuple(step.step_id for step in plan.steps if step.support not in proposed),
    )


def _hold(plan: PlanSnapshot, confirmed: int, told: Mapping[int, Told]) -> HoldChange | None:
    if plan.held:
        return HoldChange.SET
    held = (revision for revision, said in told.items() if said.outcome is TriageOutcome.HELD)
    return HoldChange.RELEASED if any(revision > confirmed for revision in held) else None
