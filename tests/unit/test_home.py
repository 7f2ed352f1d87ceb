"""A home is private, whole, of one role, and configured in one file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from federim.home import SETTINGS_FILE, Home, Role, find_home
from federim.model.errors import HomeError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("role", Role)
def test_folders_are_0700_and_files_0600(tmp_path: Path, role: Role) -> None:
    home = Home.create(tmp_path / "home", role=role, name="alpha")
    for path in [home.root, *home.root.rglob("*")]:
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path


def test_a_hub_has_no_place_for_patients(tmp_path: Path) -> None:
    hub = Home.create(tmp_path / "hub", role=Role.HUB, name="hub")
    assert not hub.lake.exists()
    assert not hub.vault.exists()
    assert not hub.objects.exists()


def test_it_opens_as_it_was_made(tmp_path: Path) -> None:
    made = Home.create(tmp_path / "home", role=Role.SITE, name="alpha", small_cell=20)
    opened = Home.open(tmp_path / "home")
    assert opened.settings == made.settings
    assert opened.signing_key.public == made.signing_key.public
    assert opened.secret("bucket") == made.secret("bucket")


def test_what_is_there_already_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(HomeError, match="not an empty folder"):
        Home.create(tmp_path, role=Role.SITE, name="alpha")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["", "CHU", "chu nord", "../chu", "a" * 41, "-a"])
def test_a_name_is_a_short_lower_case_word(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeError, match="lower-case"):
        Home.create(tmp_path / "home", role=Role.SITE, name=name)
    assert not (tmp_path / "home").exists()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Home.create(tmp_path / "home", role=Role.SITE, name="alpha")
    monkeypatch.setenv("FEDERIM_SMALL_CELL", "15")
    assert Home.open(tmp_path / "home").settings.small_cell == 15


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("minimum_cohort = 9", "minimum_cohort"),  # may be raised, never lowered
        ("small_cell = 10", "small_cell"),
        ("smal_cell = 12", "smal_cell"),
        ('key_server = "http://example.org"', "key_server"),
        ('query_memory = "2GB; DROP"', "query_memory"),
        ("small_cell = ", "not valid TOML"),
    ],
)
def test_an_unusable_setting_is_named(tmp_path: Path, line: str, says: str) -> None:
    home = Home.create(tmp_path / "home", role=Role.SITE, name="alpha")
    with (home.root / SETTINGS_FILE).open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(HomeError, match=says):
        Home.open(home.root)


def test_a_folder_that_is_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="federim init"):
        Home.open(tmp_path)
    with pytest.raises(HomeError, match="FEDERIM_HOME"):
        find_home(None)


def test_a_role_is_asked_for_by_name(tmp_path: Path) -> None:
    hub = Home.create(tmp_path / "hub", role=Role.HUB, name="hub")
    assert hub.require(Role.HUB, Role.SITE) is hub
    with pytest.raises(HomeError, match="is a hub home; this needs a site or workspace home"):
        hub.require(Role.SITE, Role.WORKSPACE)


def test_trust_is_kept_and_never_replaced_in_silence(tmp_path: Path) -> None:
    site = Home.create(tmp_path / "site", role=Role.SITE, name="alpha")
    assert site.trusted == {"alpha": site.signing_key.public}
    site.trust("hub", "ab" * 32)
    assert Home.open(site.root).trusted == {"alpha": site.signing_key.public, "hub": "ab" * 32}
    assert mode(site.keys / "trusted.json") == 0o600
    with pytest.raises(HomeError, match="another key"):
        site.trust("hub", "cd" * 32)
    with pytest.raises(HomeError, match="another key"):
        site.trust("alpha", "cd" * 32)
    with pytest.raises(HomeError, match="64 hexadecimal"):
        site.trust("other", "not a key")
    assert Home.open(site.root).trusted["hub"] == "ab" * 32


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home", role=Role.SITE, name="alpha")
    (home.keys / "root.key").write_bytes(b"short")
    with pytest.raises(HomeError, match=r"root\.key: 5 bytes where 32"):
        home.secret("bucket")
    (home.keys / "signing.key").unlink()
    with pytest.raises(HomeError, match="backup"):
        _ = home.signing_key


def test_a_name_in_the_file_is_checked_as_one_given(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "home", role=Role.SITE, name="alpha")
    settings = home.root / SETTINGS_FILE
    settings.write_text(settings.read_text().replace('"alpha"', '"../alpha"'))
    with pytest.raises(HomeError, match="name"):
        Home.open(home.root)
