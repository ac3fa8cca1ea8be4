"""The linter finds what it is there for, and an exception allows what it names and nothing else."""

import pytest

from tests.deploy import linting
from tests.deploy.linting import Allowed, Finding, judged, linter, run_linter
from tests.deploy.rendered import OVERLAYS, overlay
from tests.deploy.test_validation import CONTAINER, DEPLOYMENT, changed

pytestmark = pytest.mark.timeout(900)  # the linter is built on first use
FINDING = Finding("pod-networkpolicy", "Deployment api", "no policy")
SPREAD = "instances are spread over nodes by topologySpreadConstraints"
EVERYWHERE = (
    Allowed(
        "container-resources",
        "*",
        "a worker that is throttled falls behind though the node has time; requests share it fairly",
        said="CPU limit is not set",
    ),
    Allowed(
        "container-ephemeral-storage-request-and-limit",
        "*",
        "a container writes to /tmp alone, an emptyDir; its root file system is read-only",
    ),
    Allowed("container-image-pull-policy", "*", "an image is named by its version, which is never moved"),
    Allowed("networkpolicy-targets-pod", "NetworkPolicy kafka-inside", "its pods are made by Strimzi"),
    Allowed("networkpolicy-targets-pod", "NetworkPolicy database-inside", "its pods are made by CloudNativePG"),
)
OF_ONE = {
    "local": (
        Allowed("deployment-replicas", "Deployment *", "one machine: a second instance would fall with the first"),
        Allowed("pod-probes-identical", "Deployment issuer", "the issuer of development has one answer to both"),
    ),
    "staging": (Allowed("deployment-replicas", "Deployment *-api", "one instance: nobody depends on staging"),),
    "production": (Allowed("*-has-host-podantiaffinity", "*", SPREAD),),
}


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_clean_but_for_what_is_explained(name: str) -> None:
    assert run_linter(overlay(name), (*EVERYWHERE, *OF_ONE.get(name, ()))) == []


WRONG = {
    "privileged": ({"privileged": True}, "container-security-context-privileged"),
    "a root file system to write to": ({"privileged": False}, "container-security-context-readonlyrootfilesystem"),
    "users of the node": ({"runAsUser": 1, "runAsGroup": 1}, "container-security-context-user-group-id"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_insecure_is_found(wrong: str) -> None:
    context, check = WRONG[wrong]
    found = run_linter(changed(DEPLOYMENT, f"{CONTAINER}/securityContext", context), ())
    assert [fault for fault in found if fault.startswith(f"Deployment api: {check}: ")]


def test_a_document_cannot_excuse_itself() -> None:
    excused = {"kube-score/ignore": "container-security-context-readonlyrootfilesystem"}
    found = run_linter(changed(DEPLOYMENT, "/metadata/annotations", excused), ())
    assert [fault for fault in found if "container-security-context-readonlyrootfilesystem" in fault]


def test_an_exception_allows_what_it_names() -> None:
    assert judged([FINDING], [Allowed(FINDING.check, "Deployment a*", "it is a test")]) == []


@pytest.mark.parametrize(
    "other",
    [
        Allowed("pod-probes", "Deployment api", "another check"),
        Allowed(FINDING.check, "Deployment relay", "another object"),
        Allowed(FINDING.check, "Deployment api", "other words", said="two policies"),
    ],
)
def test_an_exception_of_something_else_allows_nothing_and_is_a_fault(other: Allowed) -> None:
    assert judged([FINDING], [other]) == [
        "Deployment api: pod-networkpolicy: no policy",
        f"the exception of {other.check} for {other.object} allows nothing: take it away",
    ]


def test_an_exception_without_a_reason_is_a_fault() -> None:
    assert judged([FINDING], [Allowed(FINDING.check, "*", " ")]) == [
        "the exception of pod-networkpolicy for * gives no reason"
    ]


@pytest.mark.parametrize(("required", "outcome"), [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_linter_skips_unless_it_is_required(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise linting.NoLinterError("Go is missing")

    monkeypatch.setattr(linting, "built", missing)
    monkeypatch.setenv("PATHWAY_REQUIRE_KUBE", required)
    with pytest.raises(outcome, match="Go is missing"):
        linter()
