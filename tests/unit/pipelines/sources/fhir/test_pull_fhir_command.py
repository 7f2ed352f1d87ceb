"""`federim pull fhir`, as one types it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fhir_on_loopback import TOKEN, FhirServer, running
from typer.testing import CliRunner, Result

from federim.cli.main import app
from federim.home import Home
from federim.model.errors import InputError, UnknownName

Federim = Callable[..., Result]


@pytest.fixture
def served(make_patient: Callable[..., dict[str, Any]]) -> Iterator[FhirServer]:
    with running(FhirServer([make_patient(meta={"lastUpdated": "2026-01-11T00:00:00Z"})], polls=0)) as server:
        yield server


@pytest.fixture
def federim(site: Home, monkeypatch: pytest.MonkeyPatch) -> Federim:
    """Run a command on a site, its token in the environment."""
    monkeypatch.setenv("FEDERIM_TOKEN", TOKEN)

    def run(*words: str) -> Result:
        result = CliRunner().invoke(app, ["--home", str(site.root), *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_a_pull_tells_what_it_fetched_and_what_became_of_it(served: FhirServer, federim: Federim) -> None:
    told = json.loads(federim("pull", "fhir", served.url, "--workers", "1", "--json").stdout)
    assert (told["how"], told["objects"], told["resumed"], told["problems"]) == ("export", 1, False, 0)
    assert (told["ingest"]["accepted"], told["ingest"]["quarantined"]) == (1, 0)
    again = federim("pull", "fhir", served.url, "--workers", "1", "--everything").stdout
    assert "1 files of a bulk export" in again
    assert "1 duplicates" in again
    assert "The next pull begins at 2026-02-01T00:00:00Z." in again


@pytest.mark.parametrize(
    ("words", "error"),
    [(("--type", "Pateint"), UnknownName), (("--since", "last Tuesday"), InputError)],
)
def test_a_mistake_is_told_before_anything_is_asked(
    served: FhirServer, federim: Federim, words: tuple[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        federim("pull", "fhir", served.url, *words)
    assert served.asked == []


def test_a_token_goes_over_no_plain_network(federim: Federim) -> None:
    with pytest.raises(InputError, match="https") as caught:
        federim("pull", "fhir", "http://fhir.example/r4", "--workers", "1")
    assert TOKEN not in str(caught.value)
