"""Epochs overlap, and a closed one's key is gone whatever interrupts its closing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from federim.identity.keyserver import EmbeddedKeyServer
from federim.identity.keyserver import epochs as module
from federim.identity.keyserver.epochs import EpochFolder
from federim.model.errors import HomeError, IdentityError, KeyServerAway, UnknownName


@pytest.fixture
def folder(tmp_path: Path) -> EpochFolder:
    """A folder with one open epoch."""
    epochs = EpochFolder(tmp_path)
    epochs.open_next()
    return epochs


def seed(tmp_path: Path, number: int = 1) -> Path:
    return tmp_path / "epochs" / f"{number:04d}.key"


def test_the_newest_epoch_comes_first_and_each_has_a_key_of_its_own(folder: EpochFolder) -> None:
    second = folder.open_next()
    keys = folder.open_keys()
    assert [key.epoch.number for key in keys] == [2, 1]
    assert keys[0].epoch == second
    assert len({key.private for key in keys} | {key.epoch.public for key in keys}) == 4


def test_a_server_that_runs_sees_epochs_open_and_close(folder: EpochFolder, tmp_path: Path) -> None:
    server = EmbeddedKeyServer(folder.open_keys)
    operator = EpochFolder(tmp_path)
    operator.open_next()
    assert [epoch.number for epoch in server.epochs()] == [2, 1]
    operator.close(1)
    assert [epoch.number for epoch in server.epochs()] == [2]
    with pytest.raises(KeyServerAway):
        server.evaluate([], epoch=1)


def test_a_closed_epoch_leaves_its_public_key_and_never_its_number(
    folder: EpochFolder, tmp_path: Path
) -> None:
    first = folder.open_keys()[0].epoch
    secret = seed(tmp_path).read_bytes()
    folder.open_next()
    assert folder.close(1) == first
    assert folder.closed() == (first,)
    assert not any(secret in path.read_bytes() for path in (tmp_path / "epochs").iterdir())
    assert folder.open_next().number == 3


def test_the_newest_epoch_is_not_closed(folder: EpochFolder, tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="epoch 1 is the newest"):
        folder.close(1)
    folder.open_next()
    with pytest.raises(IdentityError, match="epoch 2 is the newest"):
        folder.close(2)
    assert len(folder.open_keys()) == 2


def test_what_is_not_open_is_not_closed(folder: EpochFolder) -> None:
    with pytest.raises(UnknownName, match="no open epoch is called '7'"):
        folder.close(7)


@pytest.mark.parametrize("step", ["_write_whole", "_destroy"])
def test_a_closing_that_was_interrupted_is_finished(
    folder: EpochFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = folder.open_keys()[0].epoch
    folder.open_next()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            folder.close(1)
    # Either nothing has begun, or the epoch evaluates no more.
    assert [key.epoch.number for key in folder.open_keys()] == ([2, 1] if step == "_write_whole" else [2])
    assert folder.close(1) == first
    assert not seed(tmp_path).exists()


def test_a_key_half_overwritten_is_not_taken_for_a_key(
    folder: EpochFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, secret = folder.open_keys()[0].epoch, seed(tmp_path).read_bytes()
    folder.open_next()

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)  # overwritten by now
        with pytest.raises(KeyboardInterrupt):
            folder.close(1)
    assert seed(tmp_path).read_bytes() != secret
    assert [key.epoch.number for key in EpochFolder(tmp_path).open_keys()] == [2]
    assert folder.close(1) == first


def test_keys_are_their_accounts_alone_and_are_shown_to_nobody(folder: EpochFolder, tmp_path: Path) -> None:
    assert stat.S_IMODE(seed(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "epochs").stat().st_mode) == 0o700
    [key] = folder.open_keys()
    assert key.private.hex() not in repr(key) and repr(key.private) not in repr(key)


def test_a_damaged_key_is_not_evaluated_with(folder: EpochFolder, tmp_path: Path) -> None:
    seed(tmp_path).write_bytes(b"short")
    with pytest.raises(HomeError, match=r"0001\.key: 5 bytes where 32"):
        folder.open_keys()


def test_a_folder_without_keys_says_how_they_are_made(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="federim keyserver generate-key"):
        EpochFolder(tmp_path).open_keys()
