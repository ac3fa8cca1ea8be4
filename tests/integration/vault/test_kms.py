"""A root key in AWS KMS, against moto's server: the real protocol over HTTP, without the cloud."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.session import get_session
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from services.kernel.runtime.failures import is_transient
from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.root import RootKeys, root_key
from services.kernel.sealing.root_aws import AwsKmsRootKey, KmsUnavailable
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.wrapping import RootKey
from services.kernel.settings import Settings
from services.vault import keys
from tests.integration.vault.conftest import Vault
from tests.integration.vault.people import ADA

REGION = "eu-west-2"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def kms() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def client(kms: str) -> Any:
    return get_session().create_client("kms", region_name=REGION, endpoint_url=kms)


def new_key(kms: str) -> str:
    key_id: str = client(kms).create_key()["KeyMetadata"]["KeyId"]
    return key_id


def settings(kms: str, *key_ids: str) -> Settings:
    names = " ".join(f"aws-kms:{key_id}" for key_id in key_ids)
    return Settings(root_key=names, kms_region=REGION, kms_endpoint=kms)


async def test_wrapped_by_kms_opens_by_the_same_key_in_the_same_context_alone(kms: str) -> None:
    one, two = new_key(kms), new_key(kms)
    root = root_key(settings(kms, one))
    wrapped = await root.wrap(b"x" * 32, "a")
    assert b"x" * 32 not in wrapped
    assert await root.unwrap(wrapped, "a") == b"x" * 32
    with pytest.raises(WrappingKeyWrong):
        await root.unwrap(wrapped, "b")
    with pytest.raises(WrappingKeyWrong):
        await root_key(settings(kms, two)).unwrap(wrapped, "a")
    with pytest.raises(WrappingKeyWrong):
        await root.unwrap(b"nonsense", "a")
    assert root.name == f"aws-kms:{one}"


async def test_a_key_that_is_not_there_is_said(kms: str) -> None:
    with pytest.raises(WrappingKeyWrong, match="NotFoundException"):
        await root_key(settings(kms, "8d7e4c1e-0000-4000-8000-000000000001")).wrap(b"x", "a")


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("DisabledException", WrappingKeyWrong),
        ("AccessDeniedException", WrappingKeyWrong),
        ("KMSInvalidStateException", WrappingKeyWrong),
        ("ThrottlingException", KmsUnavailable),
        ("KMSInternalException", KmsUnavailable),
        ("DependencyTimeoutException", KmsUnavailable),
    ],
)
async def test_what_may_pass_is_tried_again_and_what_may_not_stops(code: str, raised: type[Exception]) -> None:
    """What moto's server does not enforce: a key that is disabled, rights, limits."""
    stubbed = client("http://127.0.0.1:1")
    root = AwsKmsRootKey("k", region=REGION)
    root._client = stubbed
    with Stubber(stubbed) as stub:
        stub.add_client_error("decrypt", code)
        with pytest.raises(raised, match=code):
            await root.unwrap(b"x", "a")


async def test_a_service_that_does_not_answer_is_transient() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(KmsUnavailable) as refused:
            await root_key(settings(nobody, "k")).unwrap(b"x", "a")
    assert is_transient(refused.value)


def encrypt_only(root: RootKey) -> None:
    """Have KMS refuse this process to decrypt, as a grant without that right does; moto enforces no rights."""

    def refuse(**_: Any) -> Any:
        return AWSResponse("", 400, {}, None), {"Error": {"Code": "AccessDeniedException"}}

    assert isinstance(root, AwsKmsRootKey)
    root._client = root._connect()
    root._client.meta.events.register("before-call.kms.Decrypt", refuse)


@pytest.mark.parametrize("act", ["rewrap", "rotate", "init"])
async def test_a_root_key_that_may_encrypt_and_not_decrypt_takes_over_nothing(
    empty_vault: Vault, kms: str, act: str
) -> None:
    """What it wrapped would be the only copy of the key that opens every other."""
    vault = empty_vault
    new = root_key(settings(kms, new_key(kms)))
    encrypt_only(new)
    if act == "init":
        with pytest.raises(WrappingKeyWrong):
            await keys.init(vault.pool, new, actor="ann", apply=True)
        assert await vault.ask("SELECT count(*) FROM key_encryption_key") == [(0,)]
        return
    await keys.init(vault.pool, vault.root, actor="ann", apply=True)
    await vault.create(ADA)
    before = await vault.get(ADA)
    taking_over = {
        "rewrap": lambda: keys.rewrap(vault.pool, vault.root, new, actor="ann", apply=True),
        "rotate": lambda: keys.rotate(vault.pool, RootKeys([new, vault.root]), actor="ann", apply=True),
    }
    with pytest.raises(WrappingKeyWrong):
        await taking_over[act]()
    assert await vault.get(ADA) == before
    assert await vault.ask("SELECT count(*) FROM key_encryption_key") == [(1,)]


async def test_a_root_key_that_opens_to_something_else_takes_over_nothing(vault: Vault) -> None:
    class Other(FileRootKey):
        async def unwrap(self, wrapped: bytes, context: str) -> bytes:
            return bytes(len(await super().unwrap(wrapped, context)))

    write_key_file(vault.folder / "other.key")
    before = await vault.get(ADA)
    with pytest.raises(WrappingKeyWrong, match="something else"):
        await keys.rewrap(vault.pool, vault.root, Other(vault.folder / "other.key"), actor="ann", apply=True)
    assert await vault.get(ADA) == before


async def test_a_vault_moves_from_a_file_to_kms(vault: Vault, kms: str) -> None:
    before = await vault.get(ADA)
    new = root_key(settings(kms, new_key(kms)))
    await keys.rewrap(vault.pool, vault.root, new, actor="ann", apply=True)
    vault.root = new
    assert await vault.get(ADA) == before
    await keys.rotate(vault.pool, new, actor="ann", apply=True)
    assert await vault.get(ADA) == before
