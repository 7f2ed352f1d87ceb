"""The OPRF gives the values RFC 9497 publishes, whatever blinds them, and a proof holds for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import rbcl
from hypothesis import given, settings
from hypothesis import strategies as st

from federim.identity import ristretto
from federim.identity.oprf import (
    LARGEST_BATCH,
    Mode,
    blind_many,
    derive_key_pair,
    evaluate_many,
    finalize_many,
    prove,
    verify,
)
from federim.model.errors import IdentityError

# RFC 9497, Appendix A.1.1 and A.1.2: Seed and KeyInfo, the keys of both modes, then the test vectors.
SEED = bytes.fromhex("a3" * 32)
KEY_INFO = b"test key"
KEYS = {
    Mode.OPRF: "5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e",
    Mode.VOPRF: "e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909",
}
PUBLIC = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
ONE, OTHER = "00", "5a" * 17
BLIND = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706"
SECOND_BLIND = "222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e"


@dataclass(frozen=True, kw_only=True)
class Vector:
    """A published batch, in hexadecimal as the RFC prints it."""

    mode: Mode
    messages: tuple[str, ...]
    blinds: tuple[str, ...] = (BLIND,)
    blinded: tuple[str, ...]
    evaluated: tuple[str, ...]
    outputs: tuple[str, ...]
    nonce: str = SECOND_BLIND
    proof: str = ""


VOPRF_OUTPUTS = (
    "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
    "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c",
    "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
    "356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6",
)
VECTORS = {
    "A.1.1.1": Vector(
        mode=Mode.OPRF,
        messages=(ONE,),
        blinded=("609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",),
        evaluated=("7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",),
        outputs=(
            "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3"
            "ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
        ),
    ),
    "A.1.1.2": Vector(
        mode=Mode.OPRF,
        messages=(OTHER,),
        blinded=("da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",),
        evaluated=("b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",),
        outputs=(
            "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4"
            "f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
        ),
    ),
    "A.1.2.1": Vector(
        mode=Mode.VOPRF,
        messages=(ONE,),
        blinded=("863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",),
        evaluated=("aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",),
        outputs=VOPRF_OUTPUTS[:1],
        proof="ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd06"
        "6d4346421d17bf5117a2a1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
    ),
    "A.1.2.2": Vector(
        mode=Mode.VOPRF,
        messages=(OTHER,),
        blinded=("cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",),
        evaluated=("60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",),
        outputs=VOPRF_OUTPUTS[1:],
        proof="401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a"
        "67154fabf031fd936051dec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
    ),
    "A.1.2.3": Vector(
        mode=Mode.VOPRF,
        messages=(ONE, OTHER),
        blinds=(BLIND, SECOND_BLIND),
        blinded=(
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654",
        ),
        evaluated=(
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
        ),
        outputs=VOPRF_OUTPUTS,
        nonce="419c4f4f5052c53c45f3da494d2b67b220d02118e0857cdbcf037f9ea84bbe0c",
        proof="cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a"
        "5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
    ),
}
PRIVATE, PUBLIC_POINT = derive_key_pair(SEED, KEY_INFO, Mode.VOPRF)
small = settings(max_examples=20)


def raw(values: tuple[str, ...]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


@pytest.mark.parametrize("mode", Mode)
def test_key_pairs_are_the_published_ones(mode: Mode) -> None:
    private, public = derive_key_pair(SEED, KEY_INFO, mode)
    assert private.hex() == KEYS[mode]
    assert public == rbcl.crypto_scalarmult_ristretto255_base(private)
    assert mode is Mode.OPRF or public.hex() == PUBLIC


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_published_vectors(vector: Vector) -> None:
    private, public = derive_key_pair(SEED, KEY_INFO, vector.mode)
    blinded = blind_many(raw(vector.messages), vector.mode, blinds=raw(vector.blinds))
    assert list(blinded.points) == raw(vector.blinded)
    evaluated = evaluate_many(private, blinded.points)
    assert evaluated == raw(vector.evaluated)
    assert finalize_many(blinded, evaluated) == raw(vector.outputs)
    if vector.proof:
        proof = prove(private, public, blinded.points, evaluated, nonce=bytes.fromhex(vector.nonce))
        assert proof.hex() == vector.proof
        verify(public, blinded.points, evaluated, proof)


@small
@given(messages=st.lists(st.binary(max_size=80), max_size=9), seed=st.binary(min_size=32, max_size=32))
def test_outputs_depend_on_neither_the_blinds_nor_the_batch(messages: list[bytes], seed: bytes) -> None:
    private, _ = derive_key_pair(seed, b"")
    together = blind_many(messages)
    outputs = finalize_many(together, evaluate_many(private, together.points))
    alone = [blind_many([message]) for message in messages]
    assert outputs == [
        output for one in alone for output in finalize_many(one, evaluate_many(private, one.points))
    ]
    assert len({*together.points, *(one.points[0] for one in alone)}) == 2 * len(messages)


@small
@given(messages=st.lists(st.binary(max_size=40), min_size=2, max_size=2, unique=True))
def test_messages_keys_and_modes_each_change_the_output(messages: list[bytes]) -> None:
    outputs = set()
    for mode in Mode:
        for seed in (bytes(32), bytes([1]) * 32):
            private, _ = derive_key_pair(seed, b"")
            blinded = blind_many(messages, mode)
            outputs |= {*finalize_many(blinded, evaluate_many(private, blinded.points))}
    assert len(outputs) == 8


@small
@given(scalars=st.lists(st.integers(1, ristretto.ORDER - 1), max_size=12))
def test_one_inversion_serves_many(scalars: list[int]) -> None:
    inverses = ristretto.invert_many([scalar.to_bytes(32, "little") for scalar in scalars])
    for scalar, inverse in zip(scalars, inverses, strict=True):
        assert scalar * int.from_bytes(inverse, "little") % ristretto.ORDER == 1


@small
@given(data=st.data(), size=st.integers(1, 6))
def test_a_proof_holds_for_no_other_key_points_or_order(data: st.DataObject, size: int) -> None:
    points = [ristretto.random_point() for _ in range(size)]
    evaluated = evaluate_many(PRIVATE, points)
    proof = prove(PRIVATE, PUBLIC_POINT, points, evaluated)
    verify(PUBLIC_POINT, points, evaluated, proof)

    private, public = derive_key_pair(bytes(32), b"another")
    spoilt = data.draw(st.integers(0, size - 1))
    one_wrong = [*evaluated]
    one_wrong[spoilt] = ristretto.multiply(private, points[spoilt])
    bit = data.draw(st.integers(0, 8 * len(proof) - 1))
    flipped = (int.from_bytes(proof) ^ 1 << bit).to_bytes(len(proof))
    wrong = [
        (public, points, evaluated, proof),
        (PUBLIC_POINT, points, one_wrong, proof),
        (PUBLIC_POINT, points, evaluated, flipped),
        (PUBLIC_POINT, [*points[1:], points[0]], evaluated, proof) if size > 1 else None,
        (PUBLIC_POINT, points, evaluate_many(private, points), prove(private, public, points, one_wrong)),
    ]
    for case in filter(None, wrong):
        with pytest.raises(IdentityError):
            verify(*case)


def test_two_wrong_answers_do_not_make_up_for_each_other() -> None:
    one, other = ristretto.random_point(), ristretto.random_point()
    evaluated = evaluate_many(PRIVATE, [one, other])
    error = ristretto.random_point()
    opposite = rbcl.crypto_core_ristretto255_sub(evaluated[1], error)
    shifted = [ristretto.add(evaluated[0], error), opposite]
    with pytest.raises(IdentityError, match="not made with the key"):
        verify(PUBLIC_POINT, [one, other], shifted, prove(PRIVATE, PUBLIC_POINT, [one, other], evaluated))


@pytest.mark.parametrize("size", [0, LARGEST_BATCH + 1])
def test_a_proof_numbers_its_points_in_two_bytes(size: int) -> None:
    with pytest.raises(IdentityError, match=f"{size} points"):
        prove(PRIVATE, PUBLIC_POINT, [PUBLIC_POINT] * size, [PUBLIC_POINT] * size)


@pytest.mark.parametrize(
    "proof",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(63), id="short"),
        pytest.param(bytes(65), id="long"),
        pytest.param(bytes(64), id="zeros"),
        pytest.param(bytes(32) + ristretto.ORDER.to_bytes(32, "little"), id="response not reduced"),
    ],
)
def test_what_is_no_proof_is_refused(proof: bytes) -> None:
    with pytest.raises(IdentityError):
        verify(PUBLIC_POINT, [PUBLIC_POINT], evaluate_many(PRIVATE, [PUBLIC_POINT]), proof)


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
        evaluate_many(PRIVATE, [element])
    with pytest.raises(IdentityError, match=f"{len(element)} bytes"):
        finalize_many(blind_many([b""]), [element])
    with pytest.raises(IdentityError):
        verify(PUBLIC_POINT, [element], [element], bytes(64))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_answers_as_questions(count: int) -> None:
    with pytest.raises(IdentityError, match=f"{count} points came back for 2"):
        finalize_many(blind_many([b"one", b"other"]), [PUBLIC_POINT] * count)
    with pytest.raises(IdentityError, match=f"{count} points came back for 2"):
        verify(PUBLIC_POINT, [PUBLIC_POINT] * 2, [PUBLIC_POINT] * count, bytes(64))


def test_nothing_is_left_among_the_temporary_files(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "from federim.identity.oprf import blind_many; blind_many([b''])"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert list(tmp_path.iterdir()) == []
