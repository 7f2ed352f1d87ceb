"""The OPRF gives the values RFC 9497 publishes, whatever blinds them."""

from __future__ import annotations

import pytest
import rbcl
from hypothesis import given
from hypothesis import strategies as st

from federim.identity.oprf import blind, blind_evaluate, derive_key_pair, finalize
from federim.model.errors import IdentityError

# RFC 9497, Appendix A.1.1, OPRF mode: Seed, KeyInfo, skSm; then one row a test vector.
SEED = bytes.fromhex("a3" * 32)
KEY_INFO = b"test key"
PRIVATE = bytes.fromhex("5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e")
BLIND = bytes.fromhex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706")
VECTORS = [
    pytest.param(
        "00",
        "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
        "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
        "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3"
        "ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
        id="vector 1",
    ),
    pytest.param(
        "5a" * 17,
        "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
        "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
        "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4"
        "f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
        id="vector 2",
    ),
]


def test_key_pair_is_the_published_one() -> None:
    private, public = derive_key_pair(SEED, KEY_INFO)
    assert private == PRIVATE
    assert public == rbcl.crypto_scalarmult_ristretto255_base(private)


@pytest.mark.parametrize(("message", "blinded", "evaluated", "output"), VECTORS)
def test_published_vectors(message: str, blinded: str, evaluated: str, output: str) -> None:
    told = bytes.fromhex(message)
    assert blind(told, BLIND) == (BLIND, bytes.fromhex(blinded))
    assert blind_evaluate(PRIVATE, bytes.fromhex(blinded)) == bytes.fromhex(evaluated)
    assert finalize(told, BLIND, bytes.fromhex(evaluated)) == bytes.fromhex(output)


@given(message=st.binary(max_size=200), seed=st.binary(min_size=32, max_size=32))
def test_output_does_not_depend_on_the_blind(message: bytes, seed: bytes) -> None:
    private, _ = derive_key_pair(seed, b"")
    (one, one_point), (other, other_point) = blind(message), blind(message)
    assert one_point != other_point
    outputs = {
        finalize(message, scalar, blind_evaluate(private, point))
        for scalar, point in ((one, one_point), (other, other_point))
    }
    assert len(outputs) == 1


@given(messages=st.lists(st.binary(max_size=40), min_size=2, max_size=2, unique=True))
def test_messages_and_keys_each_change_the_output(messages: list[bytes]) -> None:
    outputs = set()
    for message in messages:
        scalar, point = blind(message)
        for seed in (bytes(32), bytes([1]) * 32):
            private, _ = derive_key_pair(seed, b"")
            outputs.add(finalize(message, scalar, blind_evaluate(private, point)))
    assert len(outputs) == 4


@pytest.mark.parametrize(
    "element",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(31), id="short"),
        pytest.param(bytes(32), id="the identity"),
        pytest.param(b"\xff" * 32, id="not a point"),
    ],
)
def test_what_is_no_point_is_refused(element: bytes) -> None:
    with pytest.raises(IdentityError, match=f"{len(element)} bytes"):
        blind_evaluate(PRIVATE, element)
    with pytest.raises(IdentityError):
        finalize(b"", BLIND, element)
