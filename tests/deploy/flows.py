"""Who may speak to whom, as the NetworkPolicies of an overlay come to.

A connection stands when the sender's policies let it out and the receiver's let it in; a pod that no policy takes in a
direction is open there. Pods that operators make, and what is outside, are given here by the labels that they have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.deploy.references import matches
from tests.deploy.rendered import Document, of_kind, pods

HERE: Final = "pathway"
ALL: Final = "*"
"""Every port."""

Flow = tuple[str, str, int | str]


@dataclass(frozen=True, slots=True)
class End:
    """One side of a connection. ``ours``: the policies of this namespace hold for it."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    ports: Mapping[str, int]
    ours: bool


OUTSIDE: Final = (
    End("brokers", HERE, {"strimzi.io/cluster": "pathway", "strimzi.io/name": "pathway-kafka"}, {}, False),
    End("databases", HERE, {"cnpg.io/cluster": "pathway-database"}, {}, True),
    End("operator of databases", "cnpg-system", {}, {}, False),
    End("names", "kube-system", {"k8s-app": "kube-dns"}, {}, False),
    End("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}, {}, False),
    End("controller of the ingress", "ingress-nginx", {}, {}, False),
    End("anything else", "elsewhere", {}, {}, False),
)
"""Strimzi says itself who may come in to its brokers, so that they are not ours here."""


def ends(documents: list[Document]) -> list[End]:
    """Return every pod of the overlay, and what is outside."""
    found = []
    for one, pod in pods(documents):
        ports = {port["name"]: port["containerPort"] for c in pod["spec"]["containers"] for port in c.get("ports", ())}
        found.append(End(one["metadata"]["name"], HERE, pod["metadata"]["labels"], ports, True))
    return [*found, *OUTSIDE]


def flows(documents: list[Document]) -> set[Flow]:
    """Return every (sender, receiver, port) that stands and has one of our pods at an end."""
    policies, every = list(of_kind(documents, "NetworkPolicy")), ends(documents)
    return {
        (sender.name, receiver.name, port)
        for sender in every
        for receiver in every
        if sender.ours or receiver.ours
        for port in _both(_ports(policies, sender, receiver, "egress"), _ports(policies, receiver, sender, "ingress"))
    }


def _both(out: set[int | str], into: set[int | str]) -> set[int | str]:
    if ALL in out:
        return into
    return out if ALL in into else out & into


def _ports(policies: list[Document], pod: End, other: End, way: str) -> set[int | str]:
    """Ports of the receiver that the policies of ``pod`` leave open towards ``other``."""
    if not pod.ours:
        return {ALL}
    listening = (other if way == "egress" else pod).ports
    mine = [p["spec"] for p in policies if way.title() in p["spec"]["policyTypes"]]
    mine = [spec for spec in mine if matches(spec["podSelector"], pod.labels)]
    if not mine:
        return {ALL}
    rules = (rule for spec in mine for rule in spec.get(way, ()))
    return {port for rule in rules if _peer(rule, other, way) for port in _named(rule, listening)}


def _peer(rule: Mapping[str, Any], other: End, way: str) -> bool:
    asked = rule.get("to" if way == "egress" else "from")
    return asked is None or any(_is(one, other) for one in asked)


def _is(peer: Mapping[str, Any], other: End) -> bool:
    if "namespaceSelector" in peer:
        if not matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != HERE:
        return False
    return matches(peer.get("podSelector", {}), other.labels)


def _named(rule: Mapping[str, Any], listening: Mapping[str, int]) -> Iterator[int | str]:
    """Ports of a rule; one by name that the receiver does not have is none."""
    if "ports" not in rule:
        yield ALL
    for one in rule.get("ports", ()):
        port = one["port"]
        if isinstance(port, int):
            yield port
        elif port in listening:
            yield listening[port]
