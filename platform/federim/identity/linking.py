"""Get the tokens of many persons from a key server that learns neither who they are nor quite how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from federim.identity import oprf, ristretto
from federim.identity.keyserver import LARGEST_MESSAGE, MESSAGE_SIZES, Epoch, KeyServer
from federim.model.errors import IdentityError, VerificationFailed
from federim.model.identifiers import NationalId


def message(national: NationalId) -> bytes:
    """What an INS in canonical form (`ins.check`) is to the OPRF: the same at every site."""
    return f"{national.oid}|{national.value}".encode()


def tokens(
    messages: Sequence[bytes], key_server: KeyServer, epoch: Epoch | None = None, *, verify: bool = True
) -> list[bytes]:
    """Each message's token (64 bytes), in the same order, for one question a thousand of them.

    A question holds 10, 100 or 1,000 points: those that stand for nobody are random, as are, to whoever
    sees them, those that stand for somebody.

    Parameters
    ----------
    epoch : Epoch, optional
        An open one; the newest unless it is given.
    verify : bool
        Have the key server prove that it used the epoch's announced key, and check the proof. It makes the
        outputs no other, and more than doubles the work.

    Raises
    ------
    IdentityError
        The epoch is not open, or this site may not ask.
    VerificationFailed
        The answer is not one made with the announced key.
    KeyServerAway
        The key server cannot be asked now. Tokens of the questions before are lost with it: ask for as many
        persons at a time as can be kept at once.
    """
    if not messages:
        return []
    asked = epoch or key_server.epochs()[0]
    return [
        token for batch in _batches(messages) for token in _linked(batch, key_server, asked, verify=verify)
    ]


def _linked(batch: Sequence[bytes], key_server: KeyServer, epoch: Epoch, *, verify: bool) -> list[bytes]:
    blinded = oprf.blind_many(batch)
    points = [*blinded.points, *(ristretto.random_point() for _ in range(_padding(len(batch))))]
    answer = key_server.evaluate(points, epoch=epoch.number, prove=verify)
    if len(answer.points) != len(points):
        raise VerificationFailed(
            f"key server: {len(answer.points)} points came back for {len(points)}; nothing was linked"
        )
    if verify and answer.proof is None:
        raise VerificationFailed("key server: its answer came without the proof that was asked for")
    try:
        if answer.proof is not None:
            oprf.verify(epoch.public, points, answer.points, answer.proof)
        return oprf.finalize_many(blinded, answer.points[: len(batch)])
    except IdentityError as error:  # of the key server, not of a person: the next answer would be no better
        raise VerificationFailed(str(error)) from None


def _batches(messages: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(messages), LARGEST_MESSAGE):
        yield messages[start : start + LARGEST_MESSAGE]


def _padding(persons: int) -> int:
    return next(size for size in MESSAGE_SIZES if size >= persons) - persons
