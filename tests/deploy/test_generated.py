"""What is written from other files is as they are; topics and rights are the catalogue's; roles are Compose's."""

from typing import Any

import pytest

from deploy.compose import make_secrets as compose
from deploy.k8s import generate, make_secrets
from services.composition import NAMES
from services.kernel.catalogue import load_catalogue
from services.programmes.reader import load_folder
from tests.deploy.rendered import OVERLAYS, ROOT, Document, named, of_kind, overlay

CATALOGUE = load_catalogue(ROOT / "schemas" / "topics")
AUDIT = "audit"


def test_what_is_written_is_as_it_would_be_written_now() -> None:
    stale = [path.name for path, text in generate.written().items() if path.read_text() != text]
    assert stale == [], "run: python -m deploy.k8s.generate"


def rights(documents: list[Document]) -> dict[str, dict[str, set[str]]]:
    """What each user may do, by topic."""
    found: dict[str, dict[str, set[str]]] = {}
    for user in of_kind(documents, "KafkaUser"):
        acls: list[dict[str, Any]] = user["spec"]["authorization"]["acls"]
        of_topics = [acl for acl in acls if acl["resource"]["type"] == "topic"]
        assert all(acl["resource"]["patternType"] == "literal" for acl in acls)
        found[user["metadata"]["name"]] = {acl["resource"]["name"]: set(acl["operations"]) for acl in of_topics}
    return found


def differences(documents: list[Document]) -> list[str]:
    """Where the users' rights are not what the catalogue says of producers and consumers."""
    wrong, found = [], rights(documents)
    for topic in CATALOGUE.values():
        name = topic.topic
        for user, may in found.items():
            reads, writes = "Read" in may.get(name, ()), "Write" in may.get(name, ())
            of_catalogue = AUDIT if user == generate.AUDITOR else user
            if reads != (of_catalogue in {*topic.consumers, *topic.producers}):
                wrong.append(f"{user} {'reads' if reads else 'does not read'} {name}")
            if writes != (user in topic.producers):
                wrong.append(f"{user} {'writes' if writes else 'does not write'} {name}")
    return wrong


def test_rights_are_those_of_the_catalogue() -> None:
    assert rights(overlay("production")).keys() == {*NAMES, generate.AUDITOR, generate.OPERATOR}
    assert differences(overlay("production")) == []


@pytest.mark.parametrize(
    ("user", "change", "found"),
    [
        ("triage", {"plan.updated": ["Describe", "Read"]}, "triage reads plan.updated"),
        ("triage", {"referral.created": ["Describe", "Read", "Write"]}, "triage writes referral.created"),
        ("auditor", {"plan.updated": ["Describe"]}, "auditor does not read plan.updated"),
        ("operator", {"plan.updated": ["Read"]}, "operator reads plan.updated"),
    ],
)
def test_a_right_too_many_and_one_too_few_are_found(user: str, change: dict[str, list[str]], found: str) -> None:
    documents = overlay("production")
    acls = named(documents, "KafkaUser", user)["spec"]["authorization"]["acls"]
    for name, operations in change.items():
        acls[:] = [acl for acl in acls if acl["resource"]["name"] != name]
        acls.append({"resource": {"type": "topic", "name": name, "patternType": "literal"}, "operations": operations})
    assert found in differences(documents)


def test_topics_are_those_of_the_catalogue() -> None:
    there = {one["metadata"]["name"]: one["spec"] for one in of_kind(overlay("production"), "KafkaTopic")}
    assert there.keys() == {topic.topic for topic in CATALOGUE.values()}
    for topic in CATALOGUE.values():
        spec = there[topic.topic]
        assert (spec["partitions"], spec["replicas"]) == (topic.partitions, topic.replication_factor)
        assert spec["config"]["retention.ms"] == str(topic.retention_ms)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_programme_is_mounted_where_it_is_looked_for(name: str) -> None:
    wanted = {f"{one.programme}/{one.version}.yaml" for _, one in load_folder(generate.PROGRAMMES)}
    for kind, workload in (("StatefulSet", "outcomes-worker"), ("Deployment", "coaching-api")):
        pod = named(overlay(name), kind, workload)["spec"]["template"]["spec"]
        items = next(v for v in pod["volumes"] if v["name"] == "programmes")["configMap"]["items"]
        assert {item["path"] for item in items} == {*wanted, *generate.BESIDE}


def test_every_role_of_the_databases_has_a_password_and_its_address() -> None:
    made = {one["metadata"]["name"]: one["stringData"] for one in make_secrets.made()}
    roles = {role["name"]: role for role in generate.database()["spec"]["managed"]["roles"]}
    assert roles.keys() == compose.passwords().keys()
    for role in roles.values():
        assert made[role["passwordSecret"]["name"]]["username"] == role["name"]
    url = made["intake-secrets"]["pathway_database_url"]
    word = made["database-intake-run"]["password"]
    assert url == (
        f"postgresql://intake_run:{word}@pathway-database-rw:5432/pathway_intake"
        "?sslmode=verify-full&sslrootcert=/run/certificates/database/ca.crt"
    )
