"""Check that a release is, to the last byte, what the site built and the decision covers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from federim.governance import documents
from federim.governance.assessment import package_of
from federim.governance.documents import Kind
from federim.home import Home
from federim.lake import manifest
from federim.model.errors import UnknownName, VerificationFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A release that holds."""

    release: str
    site: str
    files: int
    manifest_sha256: str
    countersigned_by: str  # "" where the hub's receipt is not beside it


def countersignature_path(folder: Path) -> Path:
    """Where a release's receipt lies: beside the folder, which is never touched again."""
    return folder.with_name(f"{folder.name}.countersignature.json")


def find_release(home: Home, name: str) -> Path:
    """The folder of a release: a path, or a name in the home's releases."""
    path = Path(name)
    if path.is_dir():
        return path.resolve()
    known = [each.name for each in home.releases.iterdir()] if home.releases.is_dir() else []
    if name not in known:
        raise UnknownName("release", name, [each for each in known if not each.startswith(".")])
    return home.releases / name


def verify(home: Home, folder: Path) -> Verified:
    """Check a release folder against its signatures.

    Raises
    ------
    VerificationFailed
        A file was changed, added or removed; the message names it.
    NotApproved
        It, the decision in it or the receipt beside it is signed by a home not trusted here for that.
    """
    checked = manifest.verify(folder, home.trust_roots)
    facts = checked.facts
    decision = documents.read(folder / "decision.json")
    signer = documents.check(home, decision, Kind.DECISION)
    package, _ = package_of(decision)
    if (signer, package) != (facts.get("issuer"), facts.get("package")):
        raise VerificationFailed("decision.json: it covers another package than the manifest names")
    if not checked.signer == facts.get("site") == decision.get("site"):
        raise VerificationFailed("manifest.json: it is not signed by the site the decision is for")
    countersigner = ""
    receipt_path = countersignature_path(folder)
    if receipt_path.exists():
        receipt = documents.read(receipt_path)
        countersigner = documents.check(home, receipt, Kind.COUNTERSIGNATURE)
        if receipt_path.read_bytes() != documents.as_bytes(receipt):
            raise VerificationFailed(f"{receipt_path.name}: it is not spelt as it was written")
        if (countersigner, receipt.get("manifest")) != (signer, checked.sha256):
            raise VerificationFailed(f"{receipt_path.name}: it acknowledges another manifest")
    return Verified(
        release=str(facts.get("release")),
        site=str(facts.get("site")),
        files=len(checked.files),
        manifest_sha256=checked.sha256,
        countersigned_by=countersigner,
    )
