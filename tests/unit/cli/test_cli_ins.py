"""`federim ins check` says whether an INS is sound, without a home and without repeating it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from federim.cli.main import app, run
from federim.model.errors import IdentityError, InputError

NUMBER = "279035121518989"
WRONG_KEY = "279035121518988"


def check(*words: str, typed: str = "") -> Result:
    result = CliRunner().invoke(app, ["ins", "check", *words], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refusal(*words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says on standard error, ended by exit code 8."""
    monkeypatch.setattr("sys.argv", ["federim", "ins", "check", *words])
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 8
    shown = capsys.readouterr()
    assert shown.out == ""
    return shown.err


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        pytest.param([NUMBER], "", id="as one word"),
        pytest.param(["2", "79", "03", "51", "215", "189", "89"], "", id="as people write it"),
        pytest.param(["-"], f"{NUMBER}\n", id="from standard input"),
        pytest.param(["-"], "2 79 03 51 215 189 89", id="without a line's end"),
    ],
)
def test_a_sound_ins_tells_what_it_says_and_not_itself(words: list[str], typed: str) -> None:
    shown = check(*words, typed=typed).output
    assert shown == "valid: NIR, sex F, born in year ..79, month 03, department 51\n"


def test_a_program_reads_the_same() -> None:
    document = json.loads(check(NUMBER, "--status", "QUAL", "--json").output)
    assert document == {
        "valid": True,
        "authority": "NIR",
        "sex": "F",
        "birth": {"year": "79", "month": 3, "territory": "51"},
        "links": True,
    }


@pytest.mark.parametrize("status", ["VALI", "recup", "PROV"])
def test_only_a_qualified_one_links(status: str) -> None:
    assert json.loads(check(NUMBER, "--status", status, "--json").output)["links"] is False
    assert "not qualified" in check(NUMBER, "--status", status).output


def test_a_record_that_agrees_changes_nothing() -> None:
    words = ("--birth-date", "1979-03-17", "--sex", "f", "--birth-place", "51215")
    assert check(NUMBER, *words).output == check(NUMBER).output


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param([WRONG_KEY], "its key does not match", id="wrong key"),
        pytest.param([NUMBER[:13]], "without its key", id="no key"),
        pytest.param([NUMBER, "--oid", "1.2.250.1.213.1.4.2"], "INS-C", id="old INS-C"),
        pytest.param([NUMBER, "--oid", "1.2.250.1.213.1.4.10"], "test_identities", id="test identity"),
        pytest.param([NUMBER, "--sex", "M"], r"\(sex\)", id="another sex"),
        pytest.param([NUMBER, "--birth-date", "1980-03-17"], r"\(birth\)", id="another birth"),
        pytest.param([NUMBER, "--birth-place", "75056"], r"\(place\)", id="another place"),
    ],
)
def test_what_is_wrong_is_said_without_the_number(
    words: list[str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = refusal(*words, monkeypatch=monkeypatch, capsys=capsys)
    assert "Traceback" not in shown
    assert words[0] not in shown
    with pytest.raises(IdentityError, match=reason):
        check(*words)


def test_test_identities_are_taken_where_they_are_asked_for() -> None:
    assert "NIR, test" in check(NUMBER, "--oid", "1.2.250.1.213.1.4.10", "--test-identities").output


@pytest.mark.parametrize(
    "words", [("--sex", "femme"), ("--birth-date", "17/03/1979"), ("--status", "qualifiée")]
)
def test_what_cannot_be_read_of_a_record_is_not_repeated(words: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=words[0]) as unreadable:
        check(NUMBER, *words)
    assert words[1] not in str(unreadable.value)
