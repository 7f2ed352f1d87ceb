"""The key server: it evaluates blinded points under a key, and never sees whom they stand for."""

from federim.identity.keyserver.contract import (
    LARGEST_MESSAGE,
    MESSAGE_SIZES,
    Epoch,
    Evaluation,
    KeyServer,
)
from federim.identity.keyserver.embedded import EmbeddedKeyServer
from federim.identity.keyserver.epochs import create_key_file
from federim.identity.keyserver.opening import open_key_server

__all__ = [
    "LARGEST_MESSAGE",
    "MESSAGE_SIZES",
    "EmbeddedKeyServer",
    "Epoch",
    "Evaluation",
    "KeyServer",
    "create_key_file",
    "open_key_server",
]
