"""Root keys in files, and which root key the settings name."""

import base64
import os
import stat
from pathlib import Path

import pytest

from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.root import root_key
from services.kernel.sealing.root_file import FileRootKey, RootKeyRefused, is_private, read_key_file, write_key_file
from services.kernel.sealing.wrapping import KeyEncryptionKeys, new_kek, rewrap_kek
from services.kernel.settings import Settings


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    write_key_file(tmp_path / "root.key")
    return tmp_path / "root.key"


def test_a_new_file_is_only_ours_and_never_replaces_another(key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600
    before = read_key_file(key_file)
    with pytest.raises(FileExistsError):
        write_key_file(key_file)
    assert read_key_file(key_file) == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o602, 0o601])
def test_a_file_that_others_may_touch_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(RootKeyRefused, match="chmod 600"):
        read_key_file(key_file)


@pytest.mark.parametrize(
    ("mode", "owner", "group", "private"),
    [
        (0o440, 0, 10001, True),
        (0o400, 10001, 10001, True),
        (0o440, 10001, 10001, False),
        (0o440, 0, 10002, False),
        (0o460, 0, 10001, False),
        (0o444, 0, 10001, False),
    ],
)
def test_a_mounted_secret_may_be_read_by_the_pods_own_group(mode: int, owner: int, group: int, private: bool) -> None:
    found = os.stat_result((stat.S_IFREG | mode, 1, 1, 1, owner, group, 45, 0, 0, 0))
    assert is_private(found, 10001, 10001) is private
    assert not is_private(found, 0, 10001) or mode == 0o400  # who is root has no such need


@pytest.mark.parametrize("text", [b"", b"not base64!", base64.b64encode(b"short"), base64.b64encode(b"x" * 33)])
def test_a_file_that_holds_something_else_is_refused(key_file: Path, text: bytes) -> None:
    key_file.write_bytes(text)
    with pytest.raises(RootKeyRefused, match="32 bytes"):
        read_key_file(key_file)


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RootKeyRefused, match="new-root-key"):
        read_key_file(tmp_path / "none")


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises((RootKeyRefused, OSError)):
        read_key_file(tmp_path)


async def test_wrapped_under_one_file_opens_under_it_alone_and_in_its_context_alone(
    key_file: Path, tmp_path: Path
) -> None:
    write_key_file(tmp_path / "other.key")
    root, other = FileRootKey(key_file), FileRootKey(tmp_path / "other.key")
    wrapped = await root.wrap(b"x" * 32, "a")
    assert await root.unwrap(wrapped, "a") == b"x" * 32
    for key, context, text in ((other, "a", wrapped), (root, "b", wrapped), (root, "a", wrapped[:5]), (root, "a", b"")):
        with pytest.raises(WrappingKeyWrong):
            await key.unwrap(text, context)


async def test_a_key_encryption_key_moves_to_another_root_key(key_file: Path, tmp_path: Path) -> None:
    write_key_file(tmp_path / "new.key")
    old, new = FileRootKey(key_file), FileRootKey(tmp_path / "new.key")
    kek, wrapped = await new_kek(old, "kek-1")
    secret = kek.wrap("ada", "k", b"s" * 32)
    moved = await rewrap_kek(old, new, "kek-1", wrapped)
    opened = await KeyEncryptionKeys(new).open("kek-1", moved)
    assert opened.unwrap("ada", "k", secret) == b"s" * 32
    with pytest.raises(WrappingKeyWrong):
        await KeyEncryptionKeys(new).open("kek-1", wrapped)
    with pytest.raises(WrappingKeyWrong):
        await KeyEncryptionKeys(new).open("kek-2", moved)


async def test_settings_may_name_two_while_keys_move(key_file: Path, tmp_path: Path) -> None:
    write_key_file(tmp_path / "new.key")
    both = root_key(Settings(root_key=f"file:{tmp_path}/new.key file:{key_file}"))
    assert both.name == f"file:{tmp_path}/new.key"
    assert await both.unwrap(await FileRootKey(key_file).wrap(b"x", "c"), "c") == b"x"
    assert await FileRootKey(tmp_path / "new.key").unwrap(await both.wrap(b"x", "c"), "c") == b"x"
    with pytest.raises(WrappingKeyWrong, match="none of"):
        await both.unwrap(b"x" * 60, "c")


@pytest.mark.parametrize("name", ["", " ", "file:", "file", "vault:abc", "/root.key", "file:/a b:c"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(RootKeyRefused):
        root_key(Settings(root_key=name))
