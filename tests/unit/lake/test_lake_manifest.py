"""A manifest verifies until one byte anywhere is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federim.keys import SigningKey
from federim.lake.manifest import MANIFEST, SIGNATURE, verify, write
from federim.model.errors import NotApproved, VerificationFailed
from federim.trust.roots import OwnKey, TrustKind, TrustRoot, TrustRoots

KEY = SigningKey(b"k" * 32)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
OTHER = SigningKey(b"o" * 32)


def trusting(*roots: TrustRoot) -> TrustRoots:
    """What a home called beta believes."""
    return TrustRoots(owner="beta", own=(OwnKey(public=SigningKey(b"b" * 32).public),), roots=roots)


def site(name: str = "alpha", public: str = KEY.public) -> TrustRoot:
    return TrustRoot(name=name, kind=TrustKind.SITE, public=public)


TRUSTED = trusting(site())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    pq.write_table(pa.table({"a": [1, 2, 3]}), tmp_path / "tables" / "person.parquet")
    (tmp_path / "dictionary.md").write_text("# Data dictionary")
    write(tmp_path, {"request": "2026-001"}, KEY, signer="alpha")
    return tmp_path


def test_it_lists_every_file_with_size_and_rows(folder: Path) -> None:
    manifest = verify(folder, TRUSTED)
    assert (manifest.signer, manifest.facts) == ("alpha", {"request": "2026-001"})
    assert [(file.path, file.rows) for file in manifest.files] == [
        ("dictionary.md", None),
        ("tables/person.parquet", 3),
    ]
    assert manifest.files[0].size == len("# Data dictionary")


def test_the_same_content_has_the_same_hash(folder: Path, tmp_path: Path) -> None:
    assert write(folder, {"request": "2026-001"}, KEY, signer="alpha") == verify(folder, TRUSTED).sha256


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), data=st.data())
def test_one_changed_byte_of_any_file_is_found(
    folder: Path, where: float, flip: int, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    original = path.read_bytes()
    changed = bytearray(original)
    changed[int(where * len(changed))] ^= flip
    path.write_bytes(changed)
    try:
        with pytest.raises(VerificationFailed):
            verify(folder, TRUSTED)
    finally:
        path.write_bytes(original)
    verify(folder, TRUSTED)


@pytest.mark.parametrize("name", ["dictionary.md", "tables/person.parquet", MANIFEST, SIGNATURE])
def test_a_removed_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(VerificationFailed, match=name):
        verify(folder, TRUSTED)


def test_an_added_file_is_named(folder: Path) -> None:
    (folder / "tables" / "manifest.json").write_text("{}")
    with pytest.raises(VerificationFailed, match=r"tables/manifest\.json: present, but not listed"):
        verify(folder, TRUSTED)


def test_a_link_is_no_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "copy.md"
    elsewhere.write_text("# Data dictionary")
    (folder / "dictionary.md").unlink()
    (folder / "dictionary.md").symlink_to(elsewhere)
    with pytest.raises(VerificationFailed, match="neither a file nor a folder"):
        verify(folder, TRUSTED)


@pytest.mark.parametrize(
    "trusted",
    [(), (site(name="gamma"),), (replace(site(), kind=TrustKind.HUB),), (replace(site(), revoked=NOW),)],
    ids=["nobody", "another name", "a hub", "revoked"],
)
def test_a_signer_who_does_not_count_here_is_refused(folder: Path, trusted: tuple[TrustRoot, ...]) -> None:
    with pytest.raises(NotApproved):
        verify(folder, trusting(*trusted))


def test_another_key_under_the_signers_name_is_refused(folder: Path) -> None:
    with pytest.raises(VerificationFailed, match="signature does not match"):
        verify(folder, trusting(site(public=OTHER.public)))


def test_a_key_that_was_replaced_still_verifies_what_it_signed(folder: Path) -> None:
    before, after = replace(site(), until=NOW), site(public=OTHER.public)
    assert verify(folder, trusting(before, after)).public_key == KEY.public


def test_a_manifest_names_the_key_it_is_signed_with(folder: Path) -> None:
    content = (folder / MANIFEST).read_bytes().replace(KEY.public.encode(), OTHER.public.encode())
    (folder / MANIFEST).write_bytes(content)
    (folder / SIGNATURE).write_text(KEY.sign(content))
    with pytest.raises(VerificationFailed, match="another public key"):
        verify(folder, TRUSTED)


def test_anothers_signature_under_a_trusted_name_is_refused(folder: Path) -> None:
    (folder / SIGNATURE).write_text(OTHER.sign((folder / MANIFEST).read_bytes()))
    with pytest.raises(VerificationFailed, match="signature"):
        verify(folder, TRUSTED)


def test_the_signature_has_one_spelling(folder: Path) -> None:
    (folder / SIGNATURE).write_text((folder / SIGNATURE).read_text().upper())
    with pytest.raises(VerificationFailed, match="malformed"):
        verify(folder, TRUSTED)


def test_a_manifest_that_is_none_is_said(folder: Path) -> None:
    (folder / MANIFEST).write_text("[]")
    with pytest.raises(VerificationFailed, match="is not a manifest"):
        verify(folder, TRUSTED)
