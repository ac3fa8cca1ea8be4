"""A topic file that is hardly YAML is a fault with a place, never a traceback. The rest: ``tests/contract``."""

from pathlib import Path

import pytest

from services.kernel.catalogue import CatalogueError, load_catalogue


@pytest.mark.parametrize(
    ("content", "place", "message"),
    [
        (b"", "", "valid dictionary"),
        (b"- a list\n", "", "valid dictionary"),
        (b"\xff\xfe", "", "can't decode"),
        (b"owner: [\n", "line 2", "expected"),
        (b"? [a, b]\n: 1\n", "line 1", "a key is a word"),
        (b"topic: 2024-13-45\n", "", "month"),
        (b"a: 1\n<<: [1]\n", "line 2", "merging"),
        (b"a: !!python/object:os.system 1\n", "line 1", "could not determine a constructor"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_place(
    tmp_path: Path, content: bytes, place: str, message: str
) -> None:
    (tmp_path / "things.yaml").write_bytes(content)
    with pytest.raises(CatalogueError) as refusal:
        load_catalogue(tmp_path)
    [fault] = refusal.value.faults
    assert (fault.file, fault.place) == ("things.yaml", place)
    assert message in fault.message
    assert fault.remedy
