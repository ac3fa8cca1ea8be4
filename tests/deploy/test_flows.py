"""Nothing is open between pods but what is listed here, and all of that is; a hole too many or too few is seen."""

from collections.abc import Callable
from itertools import product

import pytest

from services.composition import NAMES
from tests.deploy.flows import OUTSIDE, Flow, flows
from tests.deploy.rendered import OVERLAYS, Document, named, overlay

APIS = {f"{name}-api" for name in NAMES if name != "vault"}
ROLES = APIS | {f"{name}-worker" for name in NAMES if name != "vault"} | {f"{name}-relay" for name in NAMES}
JOBS = {"migrate", "topics", "vault-init", "reconcile", "auditor"}
ANYWHERE = {end.name for end in OUTSIDE if not end.ours}
"""Where an address is not ours to know: the issuer's, the cluster's API, where backups go."""

HTTP, KAFKA, DATABASE, STATUS, NAMES_PORT, TLS, CLUSTER = 8080, 9093, 5432, 8000, 53, 443, 6443


def expected(name: str) -> set[Flow]:
    """What may be open in an overlay: (senders, receivers, port)."""
    local = name == "local"
    beside = {"issuer"} if local else {"canary"}
    holes: list[tuple[set[str], set[str], int]] = [
        (ROLES | JOBS - {"migrate", "vault-init"}, {"brokers"}, KAFKA),
        (ROLES | JOBS - {"topics"} | {"databases", "operator of databases"}, {"databases"}, DATABASE),
        ({"databases", "operator of databases"}, {"databases"}, STATUS),
        (ROLES | JOBS | beside | {"databases"}, {"names"}, NAMES_PORT),
        (APIS | {"databases"} | beside - {"issuer"}, ANYWHERE, TLS),
        ({"databases"}, ANYWHERE, CLUSTER),
        ({"coaching-api"}, {"intake-api"}, HTTP),
    ]
    if local:
        holes += [(APIS, {"issuer"}, HTTP)]
    else:
        holes += [
            ({"prometheus"}, ROLES | beside, HTTP),
            ({"controller of the ingress", "canary"}, APIS, HTTP),
        ]
    return {flow for senders, receivers, port in holes for flow in product(senders, receivers, [port])}


@pytest.mark.parametrize("name", OVERLAYS)
def test_exactly_what_is_needed_is_open(name: str) -> None:
    found = flows(overlay(name))
    assert {"too many": found - expected(name), "missing": expected(name) - found} == {
        "too many": set(),
        "missing": set(),
    }


def _nothing_is_denied(d: list[Document]) -> None:
    d.remove(named(d, "NetworkPolicy", "nothing"))


def _nobody_is_kept_out(d: list[Document]) -> None:
    named(d, "NetworkPolicy", "nothing")["spec"]["policyTypes"] = ["Egress"]


def _brokers_for_the_canary(d: list[Document]) -> None:
    named(d, "NetworkPolicy", "kafka")["spec"]["podSelector"]["matchExpressions"][0]["values"].remove("canary")


def _databases_without_an_address(d: list[Document]) -> None:
    del named(d, "NetworkPolicy", "database")["spec"]["egress"][0]["to"]


def _metrics_for_everybody(d: list[Document]) -> None:
    del named(d, "NetworkPolicy", "metrics")["spec"]["ingress"][0]["from"]


def _ingress_from_every_namespace(d: list[Document]) -> None:
    named(d, "NetworkPolicy", "ingress")["spec"]["ingress"][0]["from"][0]["namespaceSelector"] = {}


TOO_MANY: list[tuple[str, Callable[[list[Document]], None], Flow]] = [
    ("local", _nothing_is_denied, ("anything else", "intake-worker", "*")),
    ("local", _nobody_is_kept_out, ("prometheus", "migrate", "*")),
    ("production", _brokers_for_the_canary, ("canary", "brokers", KAFKA)),
    ("production", _databases_without_an_address, ("triage-worker", "anything else", DATABASE)),
    ("production", _metrics_for_everybody, ("anything else", "outcomes-worker", HTTP)),
    ("production", _ingress_from_every_namespace, ("anything else", "intake-api", HTTP)),
]


@pytest.mark.parametrize(("name", "spoil", "hole"), TOO_MANY, ids=[one[1].__name__.strip("_") for one in TOO_MANY])
def test_a_hole_too_many_is_seen(name: str, spoil: Callable[[list[Document]], None], hole: Flow) -> None:
    documents = overlay(name)
    spoil(documents)
    assert hole in flows(documents) - expected(name)


@pytest.mark.parametrize(
    ("policy", "lost"),
    [
        ("names", ("migrate", "names", NAMES_PORT)),
        ("kafka", ("vault-relay", "brokers", KAFKA)),
        ("database", ("migrate", "databases", DATABASE)),
        ("issuer", ("intake-api", "anything else", TLS)),
        ("contact-asked", ("coaching-api", "intake-api", HTTP)),
        ("contact-answered", ("coaching-api", "intake-api", HTTP)),
        ("metrics", ("prometheus", "vault-relay", HTTP)),
        ("ingress", ("controller of the ingress", "triage-api", HTTP)),
        ("canary-asks", ("canary", "intake-api", HTTP)),
        ("canary-answered", ("canary", "intake-api", HTTP)),
    ],
)
def test_a_hole_too_few_is_seen(policy: str, lost: Flow) -> None:
    documents = overlay("production")
    documents.remove(named(documents, "NetworkPolicy", policy))
    assert lost in expected("production") - flows(documents)


def test_a_port_by_a_name_that_the_receiver_does_not_have_opens_nothing() -> None:
    documents = overlay("production")
    named(documents, "Deployment", "intake-api")["spec"]["template"]["spec"]["containers"][0]["ports"][0]["name"] = (
        "web"
    )
    assert ("coaching-api", "intake-api", HTTP) not in flows(documents)
