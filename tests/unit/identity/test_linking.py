"""Tokens do not depend on how they are asked for, and a key server that cheats gives none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
import rbcl
from hypothesis import given, settings
from hypothesis import strategies as st

from federim.identity import ins, linking
from federim.identity.keyserver import EmbeddedKeyServer, Epoch, Evaluation
from federim.model.errors import KeyServerAway, VerificationFailed
from federim.model.identifiers import IdentityStatus, NationalId

SEED = bytes(range(32))
MESSAGES = [f"person {number}".encode() for number in range(13)]


@dataclass
class Overheard:
    """A key server, and all that it was ever asked."""

    inner: EmbeddedKeyServer = field(default_factory=lambda: EmbeddedKeyServer.of_seed(SEED))
    questions: list[list[bytes]] = field(default_factory=list)

    def epochs(self) -> tuple[Epoch, ...]:
        return self.inner.epochs()

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        self.questions.append([*points])
        return self.inner.evaluate(points, epoch=epoch, prove=prove)

    def close(self) -> None:
        self.inner.close()


def test_one_message_is_one_person_at_every_site() -> None:
    national = NationalId(oid=ins.NIR, value=ins.with_key("2790351215189"), status=IdentityStatus.QUALIFIED)
    assert linking.message(national) == b"1.2.250.1.213.1.4.8|279035121518989"


@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_tokens_do_not_depend_on_company_or_proof(sizes: list[int]) -> None:
    server = EmbeddedKeyServer.of_seed(SEED)
    messages = MESSAGES[: sum(sizes)]
    together = linking.tokens(messages, server, verify=False)
    assert len(set(together)) == len(set(messages))
    apart: list[bytes] = []
    for size in sizes:
        apart += linking.tokens(messages[len(apart) :][:size], server)
    assert apart == together


@pytest.mark.parametrize(
    ("persons", "questions"),
    [
        (1, [10]),
        (10, [10]),
        (11, [100]),
        (101, [1000]),
        (1001, [1000, 10]),
    ],
)
def test_a_question_tells_an_order_of_magnitude(persons: int, questions: list[int]) -> None:
    server = Overheard()
    found = linking.tokens([b"%d" % number for number in range(persons)], server, verify=False)
    assert len(set(found)) == persons
    assert [len(question) for question in server.questions] == questions


def test_what_the_key_server_hears_never_repeats_and_is_always_a_point() -> None:
    server = Overheard()
    for _ in range(3):
        linking.tokens([MESSAGES[0], MESSAGES[0], MESSAGES[1]], server)
    heard = [point for question in server.questions for point in question]
    assert len(set(heard)) == len(heard) == 30
    assert all(rbcl.crypto_core_ristretto255_is_valid_point(point) for point in heard)


def test_nobody_is_nobodys_question() -> None:
    server = Overheard()
    assert linking.tokens([], server) == []
    assert server.questions == []


def test_another_key_than_the_announced_one_is_found_out() -> None:
    class Liar(Overheard):
        """It announces one key, and uses one that only this site will ever meet."""

        def epochs(self) -> tuple[Epoch, ...]:
            return (
                replace(
                    self.inner.epochs()[0], public=EmbeddedKeyServer.of_seed(b"?" * 32).epochs()[0].public
                ),
            )

    with pytest.raises(VerificationFailed, match="not made with the key"):
        linking.tokens(MESSAGES, Liar())


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("kept", [9, 0])
def test_an_answer_cut_short_links_nobody(verify: bool, kept: int) -> None:
    class Cut(Overheard):
        def evaluate(
            self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
        ) -> Evaluation:
            whole = super().evaluate(points, epoch=epoch, prove=prove)
            return replace(whole, points=whole.points[:kept])

    with pytest.raises(VerificationFailed, match=f"{kept} points came back for 10"):
        linking.tokens(MESSAGES[:3], Cut(), verify=verify)


def test_a_proof_that_was_asked_for_must_come() -> None:
    class Shy(Overheard):
        def evaluate(
            self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
        ) -> Evaluation:
            return super().evaluate(points, epoch=epoch, prove=False)

    assert linking.tokens(MESSAGES, Shy(), verify=False) == linking.tokens(MESSAGES, Overheard())
    with pytest.raises(VerificationFailed, match="without the proof"):
        linking.tokens(MESSAGES, Shy())


def test_a_key_server_that_is_away_is_said_to_be() -> None:
    class Away(Overheard):
        def epochs(self) -> tuple[Epoch, ...]:
            raise KeyServerAway("key server: it cannot be reached")

    with pytest.raises(KeyServerAway):
        linking.tokens(MESSAGES, Away())
