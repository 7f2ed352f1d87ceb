"""Sites reach the key server over mutual TLS, and it counts what they ask for."""

from __future__ import annotations

from collections.abc import Callable

from federim.identity import oprf
from federim.identity.keyserver import EmbeddedKeyServer
from federim.identity.keyserver.epochs import EpochFolder
from federim.identity.keyserver.founding import state_of
from federim.identity.keyserver.remote import RemoteKeyServer
from federim.identity.linking import tokens

Connect = Callable[..., RemoteKeyServer]


def test_far_away_and_in_process_make_the_same_tokens(served, connect: Connect) -> None:
    far = connect(served.site())
    near = EmbeddedKeyServer(EpochFolder(served.folder).open_keys)
    messages = [f"patient {number}".encode() for number in range(25)]
    assert tokens(messages, far) == tokens(messages, near) == tokens(messages, far, verify=False)
    assert state_of(served.folder).points == {("alpha", 1): 200}
