"""The topic catalogue names every type and classes every field, once."""

import json
import shutil
from pathlib import Path

import pytest

from services.contracts.registry import EVENTS
from services.contracts.schemas import path_of, schema_of
from services.kernel.catalogue import Catalogue, CatalogueError, load_catalogue
from services.kernel.field_classes import class_faults
from services.kernel.fields import leaves, paths
from services.kernel.registry import Contract, FieldClass
from tests.contract.published import CONTRACTS, SCHEMAS, name_of

TOPICS = SCHEMAS / "topics"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(TOPICS)


def unclassed(contract: Contract, catalogue: Catalogue) -> frozenset[str]:
    """The fields of a type that have no class."""
    topic = catalogue.topic_of(contract.type)
    assert topic is not None
    return paths(schema_of(contract)) - topic.classes(contract.type).keys()


def unknown(contract: Contract, catalogue: Catalogue) -> frozenset[str]:
    """The classed fields that the type does not have."""
    topic = catalogue.topic_of(contract.type)
    assert topic is not None
    return frozenset(topic.classes(contract.type).keys() - paths(schema_of(contract)))


def test_the_catalogue_and_the_registry_name_the_same_types(catalogue: Catalogue) -> None:
    assert catalogue.types == {contract.type for contract in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_topic_and_producer_are_the_registry_s(contract: Contract, catalogue: Catalogue) -> None:
    topic = catalogue.topic_of(contract.type)
    assert topic is not None
    assert topic.topic == contract.topic
    assert topic.producers == (contract.producer,)


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_every_field_has_one_class_and_no_class_is_left_over(contract: Contract, catalogue: Catalogue) -> None:
    assert unclassed(contract, catalogue) == frozenset()
    assert unknown(contract, catalogue) == frozenset()


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_sealed_is_the_class_of_what_the_published_schema_calls_jose_and_of_nothing_else(
    contract: Contract, catalogue: Catalogue
) -> None:
    classes = catalogue[contract.topic].classes(contract.type)
    for path, schema in leaves(json.loads(path_of(contract).read_text("utf-8"))):
        assert (classes[path] is FieldClass.SEALED) == (schema.get("contentMediaType") == "application/jose"), path


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_what_is_sealed_stands_in_an_object_called_sealed(contract: Contract, catalogue: Catalogue) -> None:
    for path, field_class in catalogue[contract.topic].classes(contract.type).items():
        assert (field_class is FieldClass.SEALED) == ("sealed" in path.split(".")), path


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_the_outbox_lets_every_type_out(contract: Contract) -> None:
    assert class_faults(contract.model, EVENTS.classes()[contract.type]) == ()


def test_all_topics_are_kept_alike(catalogue: Catalogue) -> None:
    for topic in catalogue.values():
        assert (topic.partitions, topic.development_partitions) == (12, 6)
        assert (topic.retention_ms, topic.cleanup_policy) == (-1, "delete")
        assert (topic.replication_factor, topic.min_insync_replicas) == (3, 2)
        assert "audit" in topic.consumers


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(TOPICS, tmp_path / "topics")
    return tmp_path / "topics"


def change(folder: Path, topic: str, old: str, new: str) -> None:
    file = folder / f"{topic}.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def contract_named(name: str) -> Contract:
    return next(contract for contract in CONTRACTS if contract.name == name)


def test_a_field_without_a_class_is_seen(copy: Path) -> None:
    change(copy, "referral.created", "      facts.weekly_hours: restricted\n", "")
    assert unclassed(contract_named("referral.created"), load_catalogue(copy)) == {"facts.weekly_hours"}


def test_a_class_without_a_field_is_seen(copy: Path) -> None:
    change(copy, "plan.updated", "      plan_version: open\n", "      plan_version: open\n      plan_colour: open\n")
    assert unknown(contract_named("plan.updated"), load_catalogue(copy)) == {"plan_colour"}


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("owner: triage", "owner: nobody", "owner", "does not produce"),
        ("partitions: 12", "partitions: 0", "partitions", "greater than or equal to 1"),
        ("key: [referral_id]", "key: [plan_id]", "key", "no field of it"),
        ("    fields:\n", "    fields:\n      route: open\n", "route", "both class it"),
        ("includes: [common]", "includes: [usual]", "includes", "no field group usual"),
        ("retention_ms: -1 ", "retention: 7 days", "retention", "not permitted"),
        ("min_insync_replicas: 2", "min_insync_replicas: 4", "min_insync_replicas", "more replicas"),
        ("topic: triage.completed", "topic: triage.done", "topic", "the file is named"),
        ("    referral_id: open\n", "    referral_id: secret\n", "referral_id", "open"),
        ("    route: open\n", "    route: open\n    route: open\n", "line", "stands twice"),
        ("field_groups:\n", "field_groups:\n  spare: {a: open}\n", "field_groups.spare", "no type includes it"),
        ("owner: triage", "owner: [", "line", "expected"),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(copy: Path, old: str, new: str, place: str, message: str) -> None:
    change(copy, "triage.completed", old, new)
    with pytest.raises(CatalogueError) as refusal:
        load_catalogue(copy)
    assert any(place in f.place and message in f.message and f.remedy for f in refusal.value.faults), str(refusal.value)
    assert {fault.file for fault in refusal.value.faults} == {"triage.completed.yaml"}


def test_all_faults_of_all_files_are_told_at_once(copy: Path) -> None:
    change(copy, "triage.completed", "owner: triage", "owner: nobody")
    change(copy, "triage.completed", "min_insync_replicas: 2", "min_insync_replicas: 4")
    change(copy, "plan.updated", "partitions: 12", "partitions: many")
    with pytest.raises(CatalogueError) as refusal:
        load_catalogue(copy)
    assert [(f.file, f.place) for f in refusal.value.faults] == [
        ("plan.updated.yaml", "partitions"),
        ("triage.completed.yaml", "owner"),
        ("triage.completed.yaml", "min_insync_replicas"),
    ]


def test_a_type_in_two_topics_is_refused(copy: Path) -> None:
    shutil.copy(copy / "plan.updated.yaml", copy / "plan.changed.yaml")
    change(copy, "plan.changed", "topic: plan.updated", "topic: plan.changed")
    with pytest.raises(CatalogueError, match=r"plan\.changed\.yaml carries it too"):
        load_catalogue(copy)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no topic file"):
        load_catalogue(tmp_path)
