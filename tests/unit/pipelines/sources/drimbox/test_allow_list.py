"""Only a source that somebody trusted has signed for is asked, and only below its own address."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from federim.home import Home
from federim.model.errors import InputError, NotApproved, VerificationFailed
from federim.trust.roots import TrustKind
from federim_pipelines.sources.drimbox.allow_list import AllowList, signed
from federim_pipelines.sources.drimbox.manifest import SeriesReference

PRINT = ":".join(["AB"] * 32)
NORD = f'name = "chu-nord"\nurl = "https://drimbox.nord.example/rs"\ncertificates = ["{PRINT}"]'


def listed(*sources: str, expires: str = "2099-01-01") -> str:
    return f"expires = {expires}\n" + "".join(f"[[source]]\n{source}\n" for source in sources)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Home, str], Path]:
    """Sign a list with a home's key."""

    def build(home: Home, text: str) -> Path:
        source, made = tmp_path / "sources.toml", tmp_path / "sources.json"
        source.write_text(text)
        made.write_text(json.dumps(signed(home, source)))
        return made

    return build


def series(url: str | None = None, location: str | None = None) -> SeriesReference:
    return SeriesReference(
        SeriesInstanceUID="1.2.3.1",
        Modality=None,
        RetrieveURL=url,
        RetrieveLocationUID=location,
        instances=("1",),
    )


def test_a_trusted_home_may_sign_for_sources(
    make_home: Callable[..., Home], write: Callable[[Home, str], Path]
) -> None:
    hub, site = make_home("hub"), make_home("site")
    path = write(hub, listed(NORD + '\nlocations = ["1.2.40"]\nissuer = "1.2.250.9"'))
    with pytest.raises(NotApproved, match=r"signed by 'hub'.*federim trust add"):
        AllowList.read(site, path)
    site.trust("hub", hub.own_key.public, TrustKind.SITE)
    with pytest.raises(NotApproved, match="trusts as a site; it takes a committee or hub"):
        AllowList.read(site, path)
    site.trust("hub", hub.own_key.public, TrustKind.HUB)
    read = AllowList.read(site, path)
    assert read.signer == "hub"
    [source] = read.sources
    assert (source.name, source.certificates, source.issuer) == ("chu-nord", ("ab" * 32,), "1.2.250.9")


def test_a_list_changed_after_signing_is_not_believed(site: Home, write: Callable[[Home, str], Path]) -> None:
    path = write(site, listed(NORD))
    document = json.loads(path.read_text())
    for change in (
        {"expires": "2100-01-01"},
        {"sources": [{**document["sources"][0], "url": "https://elsewhere.example/rs"}]},
        {"signature": document["signature"].upper()},
        {"extra": 1},
    ):
        path.write_text(json.dumps({**document, **change}))
        with pytest.raises(VerificationFailed):
            AllowList.read(site, path)


def test_an_expired_list_is_no_list(site: Home, write: Callable[[Home, str], Path]) -> None:
    with pytest.raises(InputError, match="expired on 2020-01-01"):
        AllowList.read(site, write(site, listed(NORD, expires="2020-01-01")))


@pytest.mark.parametrize("content", ["", "[]", '{"kind": "plan"}', "\xff"])
def test_what_is_no_list_is_refused(site: Home, tmp_path: Path, content: str) -> None:
    path = tmp_path / "list.json"
    path.write_text(content)
    with pytest.raises(InputError):
        AllowList.read(site, path)
    with pytest.raises(InputError, match="ask the consortium"):
        AllowList.read(site, tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (listed(NORD.replace("https", "http")), "source.0.url"),
        (listed(NORD.replace("nord.example", "a@nord.example")), "source.0.url"),
        (listed(NORD.replace(PRINT, "AB:CD")), "source.0.certificates: expected the SHA-256"),
        (listed(NORD.replace("chu-nord", "CHU Nord")), "source.0.name"),
        (listed(NORD, NORD), "source.name: the same one twice"),
        (listed(NORD + "\nport = 3"), "source.0.port"),
        (listed(), "source"),
        ("expires = tomorrow", "not valid TOML"),
    ],
)
def test_a_list_that_cannot_be_meant_is_not_signed(site: Home, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        signed(site, path)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://drimbox.nord.example/rs/studies/1.2.3/series/1.2.3.1", True),
        ("https://drimbox.nord.example:443/rs/studies/1.2.3/series/1.2.3.1/", True),
        ("https://DRIMBOX.nord.example/rs/studies/1.2.3/series/1.2.3.1", True),
        ("http://drimbox.nord.example/rs/studies/1.2.3/series/1.2.3.1", False),
        ("https://drimbox.nord.example:8443/rs/studies/1.2.3/series/1.2.3.1", False),
        ("https://drimbox.nord.example.evil.example/rs/studies/1.2.3/series/1.2.3.1", False),
        ("https://a@drimbox.nord.example/rs/studies/1.2.3/series/1.2.3.1", False),
        ("https://drimbox.nord.example/rsx/studies/1.2.3/series/1.2.3.1", False),
        ("https://drimbox.nord.example/rs/../admin/studies/1.2.3/series/1.2.3.1", False),
        ("https://drimbox.nord.example/rs/%2e%2e/studies/1.2.3/series/1.2.3.1", False),
        ("https://drimbox.nord.example/rs/studies/1.2.3/series/1.2.3.1?to=x", False),
        ("https://drimbox.nord.example/rs/studies/1.2.3/series/1.2.3.2", False),
        ("https://drimbox.nord.example/rs/delete", False),
        ("https://a b/", False),
        ("", False),
    ],
)
def test_a_series_is_asked_for_below_its_sources_address_alone(
    site: Home, write: Callable[[Home, str], Path], url: str, found: bool
) -> None:
    allowed = AllowList.read(site, write(site, listed(NORD)))
    assert (allowed.locate("1.2.3", series(url)) is not None) is found


def test_a_location_stands_for_the_source_that_has_it(site: Home, write: Callable[[Home, str], Path]) -> None:
    allowed = AllowList.read(site, write(site, listed(NORD + '\nlocations = ["1.2.40"]')))
    located = allowed.locate("1.2.3", series(location="1.2.40"))
    assert located is not None
    assert located[1] == "https://drimbox.nord.example/rs/studies/1.2.3/series/1.2.3.1"
    assert allowed.locate("1.2.3", series(location="1.2.41")) is None
