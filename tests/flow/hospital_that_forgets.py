"""A hospital that knows twelve persons, two of them with images, and all places it may keep them in."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from clinical_messages import Result, Someone, admission, fhir_bundle
from django.db import connections
from pydicom.data import get_testdata_file

from federim.database import alias, migrate
from federim.governance import decisions, requests, reviews, votes
from federim.governance.assessment import assess
from federim.governance.forms import definition_from
from federim.governance.members import enrol
from federim.governance.release import release
from federim.home import Home, Role
from federim.identity.keyserver import create_key_file
from federim.identity.rights import Rights
from federim.lake import snapshot
from federim.lake.declaration import Kind
from federim.lake.reader import connect_home, query
from federim.lake.schema import TABLES
from federim.model.export import Ballot, MemberRole
from federim.trust.roots import TrustKind
from federim_pipelines.run import ingest
from federim_pipelines.spool import Spool

PERSONS = 12
PROJECT = "crp-study"
OFFICER = "olga"
TODAY = dt.date(2026, 3, 2)
MEMBERS = {
    "carl": [MemberRole.COORDINATOR],
    "ada": [MemberRole.RESEARCHER],
    OFFICER: [MemberRole.SITE_OFFICER],
    "mia": [MemberRole.COMMITTEE],
    "noe": [MemberRole.COMMITTEE],
    "pia": [MemberRole.COMMITTEE],
}


def people() -> list[Someone]:
    """The twelve, each with an INS and a number of the hospital."""
    return [Someone.born(1950 + n, 1 + n, 101 + n, ipp=f"IPP-7700{n:04d}") for n in range(PERSONS)]


def image_of(path: Path, someone: Someone, number: int) -> Path:
    """A CT slice of somebody."""
    header = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    study = f"1.2.826.0.1.3680043.10.77.{int(someone.ipp[4:])}"
    header.PatientID, header.PatientBirthDate = someone.ipp, f"{someone.birth:%Y%m%d}"
    header.PatientSex, header.PatientName = someone.sex, f"{someone.family}^Ada"
    header.pop("IssuerOfPatientID", None)
    header.InstanceNumber, header.StudyDate = number, "20240520"
    header.StudyInstanceUID, header.SeriesInstanceUID = study, f"{study}.1"
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = f"{study}.1.{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path)
    return path


def write_inbox(inbox: Path) -> Path:
    """What the hospital's systems know of everybody."""
    for number, someone in enumerate(people()):
        folder = inbox / f"p{number}"
        folder.mkdir(parents=True)
        seen = dt.datetime(2024, 5, 18, 8, 30)
        (folder / "stay.hl7").write_bytes(admission(someone, seen, stay=f"S{number}"))
        results = [Result(at=seen, number=60.0 + number), Result(at=seen, number=5.0, name="2")]
        (folder / "biology.json").write_bytes(fhir_bundle(someone, results))
        if number < 2:
            for each in (1, 2):
                image_of(folder / f"{each}.dcm", someone, each)
    return inbox


@dataclass(frozen=True)
class Hospital:
    """A hospital's home, and what must not be found again of one of its persons."""

    home: Home
    inbox: Path

    def told(self, someone: Someone) -> Path:
        """What came of somebody; no name of a file says whose it is."""
        return self.inbox / f"p{people().index(someone)}"

    @property
    def release(self) -> Path:
        """The one release there is."""
        [folder] = [path for path in self.home.releases.iterdir() if path.is_dir()]
        return folder

    def copied(self, to: Path) -> Hospital:
        """The same hospital in another folder."""
        return Hospital(Home.open(Path(shutil.copytree(self.home.root, to))), self.inbox)

    def pseudonym(self, someone: Someone) -> str:
        with Rights.open(self.home) as rights:
            found = rights.find.by_ins(someone.ins).person_id
        assert found is not None
        return found

    def secrets(self, someone: Someone) -> list[str]:
        """All that names somebody: numbers, the pseudonym, keyed UIDs and accession numbers."""
        pseudonym = self.pseudonym(someone)
        found = {someone.ins, someone.ipp, pseudonym}
        with connect_home(self.home) as connection:
            for name, table in TABLES.items():
                keyed = [each.name for each in table.columns if each.kind is Kind.UID]
                for column in keyed if table.person else ():
                    sql = f'SELECT DISTINCT "{column}" AS value FROM {name} WHERE person_id = $person'
                    rows = query(connection, sql, seconds=60, parameters={"person": pseudonym}).to_pylist()
                    found |= {row["value"] for row in rows if row["value"]}
        return sorted(found)

    def rows(self) -> dict[str, int]:
        """Rows of the live lake, by table."""
        with connect_home(self.home) as connection:
            return {
                name: query(connection, f"SELECT count(*) AS n FROM {name}", seconds=60)["n"][0].as_py()
                for name, table in TABLES.items()
                if table.person
            }


def build(folder: Path, name: str = "alpha", *, peers: tuple[Home, ...] = ()) -> Hospital:
    """A site that ingested everybody, and froze and released a cohort."""
    key_file = folder / "oprf.key"
    if not key_file.exists():
        create_key_file(key_file)
    home = Home.create(folder / name, role=Role.SITE, name=name, key_server=f"embedded:{key_file}")
    migrate(home)
    for peer in peers:
        kind = TrustKind.SITE if peer.settings.role is Role.SITE else TrustKind.HUB
        home.trust(peer.name, peer.signing_key.public, kind, sealing=peer.own_key.sealing)
    for member, roles in MEMBERS.items():
        enrol(home, "carl", member, roles)
    inbox = write_inbox(folder / f"inbox-{name}")
    report = ingest(home, [inbox], actor=OFFICER)
    assert report.quarantined == 0, report
    _release(home)
    connections[alias(home)].close()  # SQLite folds its log into the file that may be copied
    return Hospital(home, inbox)


def _release(home: Home) -> None:
    (home.cohorts / "everyone.toml").write_text(
        'title = "Everyone"\n[person]\nyear_of_birth = { at_least = 1900 }\n'
    )
    frozen = snapshot.freeze(home, "everyone")
    form: dict[str, Any] = {
        "project": PROJECT,
        "purpose": "scientific-research",
        "question": "What is the mean creatinine?",
        "route": "mr-004",
        "reference": "F20260001",
        "snapshots": [{"site": home.name, "id": frozen.id, "sha256": frozen.sha256}],
        "tables": [
            {
                "name": "creatinine",
                "from": "measurement",
                "why": "the main outcome",
                "group_by": ["person.gender_concept_id"],
                "measures": ["persons", "mean(value_as_number)"],
            }
        ],
    }
    number = requests.request(home, "ada", definition_from(form)).number
    assess(home, OFFICER, requests.package(home, number))
    requests.submit(home, "ada", number)
    reviews.open_review(home, "carl", number, due=TODAY + dt.timedelta(days=14))
    for member in ("mia", "noe", "pia"):
        votes.cast(home, member, number, Ballot.APPROVE, reason="because")
    [issued] = decisions.decide(
        home, "carl", number, starts=TODAY, ends=TODAY + dt.timedelta(days=365), today=TODAY
    )
    release(home, OFFICER, issued.document, today=TODAY)


def leave_raw_images(home: Home, folder: Path) -> None:
    """Two images of the first person that came over the network: one waits, one was refused as cut."""
    spool = Spool(home, "received")
    whole = image_of(folder / "raw.dcm", people()[0], 9).read_bytes()
    with spool.writing(spool.named("waits")) as file:
        file.write(whole)
    with spool.writing(spool.named("cut")) as file:
        file.write(whole[:-100])
    (home.spool / "arrived" / "received" / spool.named("cut")).rename(spool.refused / spool.named("cut"))
