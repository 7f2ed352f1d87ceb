"""What is wrong with the options of `receive` and `pull pacs` is said before anything is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from federim.model.errors import InputError, UnknownName

Federim = Callable[..., Result]

PACS = "PACS@127.0.0.1:104"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "either the PACS"),
        ((PACS,), "whole PACS"),
        ((PACS, "--query", "StudyDate"), "KEYWORD=VALUE"),
        ((PACS, "--query", "StudyDate=20240301", "--query", "StudyDate=20240302"), "each keyword once"),
        ((PACS, "--query", "StudyDate=20240301", "--ca", "ca.pem"), "give --tls too"),
        ((PACS, "--query", "StudyDate=20240301", "--tls", "--ca", "none.pem"), "expected PEM files"),
        ((PACS, "--query", "StudyDate=20240301", "--hours", "night"), "such as 20:00-06:30"),
        (("PACS", "--query", "StudyDate=20240301"), "AET@host:port"),
        ((PACS, "--query", "StudyDate=20240301", "--pause", "nan"), "setting 'pause'"),
        ((PACS, "--query", "PatientID=1"), "--work-list"),
    ],
)
def test_a_pull_that_cannot_be(federim: Federim, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        federim("pull", "pacs", *words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--aet", "MUCH_TOO_LONG_A_TITLE"), "1 to 16 ASCII"),
        (("--caller", "BACK\\SLASH"), "1 to 16 ASCII"),
        (("--tell", "PACS"), "AET@host:port"),
        (("--key", "key.pem"), "give --certificate too"),
        (("--certificate", "none.pem"), "belong together"),
    ],
)
def test_a_receiver_that_cannot_be(federim: Federim, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(InputError, match=told):
        federim("receive", "--aet", "FEDERIM", "--port", "11112", *words)


def test_a_policy_nobody_knows_is_told_before_images_wait(federim: Federim, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="resaerch"):
        federim("receive", "--aet", "FEDERIM", "--port", "11112", "--policy", "resaerch")
