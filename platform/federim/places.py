"""Where everything in a home lies: nobody else spells the name of a folder or file of it."""

from __future__ import annotations

from pathlib import Path


class Places:
    """The folders and files below a home's root."""

    root: Path

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def runs(self) -> Path:
        """Checkpoints, metrics and reports of training runs."""
        return self.root / "runs"

    @property
    def lake(self) -> Path:
        """Delta tables, one folder a table."""
        return self.root / "lake"

    @property
    def index(self) -> Path:
        """Which records and rows the tables have; it is backed up with them."""
        return self.root / "index.sqlite3"

    @property
    def objects(self) -> Path:
        """De-identified instances, named by their sha256."""
        return self.root / "objects"

    @property
    def object_copies(self) -> Path:
        """Copies of instances that are kept in a bucket; whatever goes from there goes from here."""
        return self.root / "object-copies"

    @property
    def arrays(self) -> Path:
        """Series as they were decoded for training, where the site gives them room."""
        return self.root / "arrays"

    @property
    def staging(self) -> Path:
        """Batches on their way into the lake."""
        return self.root / "staging"

    @property
    def spool(self) -> Path:
        """What came over the network and is not read yet: it identifies patients, and ingest empties it."""
        return self.root / "spool"

    @property
    def parked(self) -> Path:
        """Input that waits for the key server, encrypted."""
        return self.root / "parked"

    @property
    def vault(self) -> Path:
        """Identities. Only `federim.identity` opens what is in it."""
        return self.root / "vault"

    @property
    def retained(self) -> Path:
        """Texts that de-identification let through, for the site's own review."""
        return self.root / "retained.sqlite3"

    @property
    def vocabulary(self) -> Path:
        """OMOP's concepts, where the site has loaded them."""
        return self.root / "vocabulary.sqlite3"

    @property
    def pulled(self) -> Path:
        """What was brought from other systems, as keyed digests, so that it is not brought twice."""
        return self.root / "pulled.sqlite3"

    @property
    def drimbox_sources(self) -> Path:
        """The signed list of DRIMbox sources this site may pull from."""
        return self.root / "drimbox-sources.json"

    @property
    def pictures(self) -> Path:
        """Images in quarantine whose words stayed doubtful, as PNG, for the site's own eyes."""
        return self.root / "pictures"

    @property
    def workspaces(self) -> Path:
        """The register of the workspaces a site built."""
        return self.root / "workspaces.sqlite3"

    @property
    def snapshots(self) -> Path:
        return self.root / "snapshots"

    @property
    def cohorts(self) -> Path:
        """Cohort definitions, NAME.toml."""
        return self.root / "cohorts"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def erasures(self) -> Path:
        """Signed records of what was erased when persons objected: counts."""
        return self.root / "erasures"

    @property
    def purges(self) -> Path:
        """Signed records of what was purged because it was old: counts."""
        return self.root / "purges"

    @property
    def notices(self) -> Path:
        """Sealed messages to other homes that wait to be carried there."""
        return self.root / "notices"

    @property
    def plans(self) -> Path:
        """Training plans and their signatures."""
        return self.root / "plans"
