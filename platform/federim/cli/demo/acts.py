"""What the demonstration does, one function a step, through the same calls as the command line."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from federim.audit import trail
from federim.cli.context import ERR
from federim.cli.demo.consortium import COHORT, COMMITTEE, COORDINATOR, OFFICER, RESEARCHER, Consortium, form
from federim.cli.demo.hospitals import RawMaterial, write_all
from federim.cli.demo.narrator import Narrator
from federim.cli.demo.people import HOSPITALS, SHARED_PATIENTS
from federim.governance import assessment, decisions, receipts, requests, reviews, verification, votes
from federim.governance.forms import read_form
from federim.governance.release import release
from federim.home import Home
from federim.identity.exchange import Exchange
from federim.lake.reader import connect_home, query
from federim.lake.snapshot import Snapshot, freeze
from federim.lake.snapshot import connect as connect_snapshot
from federim.model.errors import VerificationFailed
from federim.model.export import Ballot
from federim_federated import plan, plan_store, project_key, project_sites, report, run
from federim_pipelines.run import ingest

QUESTION = """
select condition_source_value is not null as lesion,
       count(*)::int as persons,
       round(avg(value_as_number), 1) as mean_crp
from measurement
left join condition_occurrence
       on condition_occurrence.person_id = measurement.person_id and condition_source_value = 'C34.9'
where measurement_source_value = '1988-5'
group by lesion
order by lesion
"""


def make_raw_material(narrator: Narrator, root: Path) -> list[RawMaterial]:
    """Step 2: what each hospital's PACS and laboratory would export."""
    made = []
    patients = sum(hospital.patients for hospital in HOSPITALS) + SHARED_PATIENTS
    with _bar("patients", patients) as tick:
        for raw in write_all(root / "raw", tick):
            made.append(raw)
            narrator.say(
                f"{raw.hospital.name:<16} {len(raw.visits):>3} patients, {raw.images:>4} image files "
                f"({raw.hospital.slice_thickness_mm:g} mm slices), {raw.records} records "
                f"({'HL7 v2 and FHIR' if raw.hospital.speaks_hl7v2 else 'FHIR'})",
                site=raw.hospital.name,
                patients=len(raw.visits),
                images=raw.images,
                records=raw.records,
            )
    narrator.say(f"{SHARED_PATIENTS} of them attended two hospitals; some files are cut, empty or copies")
    return made


def ingest_all(narrator: Narrator, consortium: Consortium, raw: list[RawMaterial]) -> None:
    """Step 3: pseudonymise into each site's lake."""
    for site, material in zip(consortium.sites, raw, strict=True):
        done = ingest(site, [material.folder], actor=OFFICER)
        narrator.say(
            f"{site.name:<16} {done.read} files = {done.accepted} accepted + {done.duplicates} duplicates "
            f"+ {done.quarantined} quarantined",
            site=site.name,
            **done.as_json(),
        )
    again = ingest(consortium.sites[0], [raw[0].folder], actor=OFFICER)
    narrator.say(
        f"run again        {again.read} files, {again.accepted} accepted: the same input adds nothing",
        again=True,
        **again.as_json(),
    )


def ask(narrator: Narrator, consortium: Consortium) -> None:
    """Step 4: a researcher's question, in SQL, at each site."""
    for site in consortium.sites:
        with closing(connect_home(site)) as connection:
            rows = query(connection, QUESTION, seconds=site.settings.query_seconds).to_pylist()
        told = ", ".join(
            f"{row['persons']} {'with' if row['lesion'] else 'without'}: {row['mean_crp']:g} mg/L"
            for row in rows
        )
        narrator.say(
            f"{site.name:<16} mean C reactive protein by lung lesion: {told}", site=site.name, rows=rows
        )


def freeze_cohorts(narrator: Narrator, consortium: Consortium) -> dict[str, Snapshot]:
    """Step 5: the same definition frozen at each site."""
    frozen: dict[str, Snapshot] = {}
    for site in consortium.sites:
        frozen[site.name] = freeze(site, COHORT, actor=OFFICER)
    for name, snapshot in frozen.items():
        narrator.say(
            f"{name:<16} {snapshot.persons} persons, {snapshot.series} series: {snapshot.id}",
            site=name,
            snapshot=snapshot.id,
            sha256=snapshot.sha256,
            persons=snapshot.persons,
            series=snapshot.series,
        )
    return frozen


def train(narrator: Narrator, consortium: Consortium, frozen: Mapping[str, Snapshot]) -> list[Path]:
    """Step 6: two plans, signed by the committee and by each site, run through each site's gate."""
    pages: list[Path] = []
    for name in ("lesion-biology", "lesion-images"):
        _sign(consortium, name, frozen)
        if not pages:
            _tell_linkage(narrator, consortium, frozen)
        summary = run.run(consortium.hub, name, consortium.sites, actor=RESEARCHER)
        pages.append(report.write(consortium.hub, summary.run))
        auc = "not told" if summary.auc is None else f"{summary.auc:.2f}"
        narrator.say(
            f"{name:<16} {summary.rounds} rounds over {len(summary.sites)} sites in {summary.seconds:.0f} s: "
            f"mean of the sites' test AUCs {auc}",
            **summary.as_json(),
        )
    return pages


def export(narrator: Narrator, consortium: Consortium, frozen: Mapping[str, Snapshot]) -> list[Path]:
    """Step 7: from a request to a release at each site, with a decision in between."""
    hub, today = consortium.hub, dt.date.today()
    path = consortium.root / "export.toml"
    path.write_text(form("export") + _snapshots(frozen))
    number = requests.request(hub, RESEARCHER, read_form(path)).number
    package = requests.package(hub, number)
    for site in consortium.sites:
        signed = assessment.assess(site, OFFICER, package)
        assessment.record_report(hub, COORDINATOR, signed)
    requests.submit(hub, RESEARCHER, number)
    reviews.open_review(hub, COORDINATOR, number, due=today + dt.timedelta(days=14))
    for member in COMMITTEE:
        votes.cast(hub, member, number, Ballot.APPROVE, reason="Aggregates only, small groups hidden.")
    ends = today + dt.timedelta(days=90)
    decided = decisions.decide(hub, COORDINATOR, number, starts=today, ends=ends, today=today)
    narrator.say(
        f"request {number}: {len(consortium.sites)} risk reports, {len(COMMITTEE)} blind votes, "
        f"{len(decided)} signed decisions",
        request=number,
        decisions=len(decided),
    )
    folders = []
    for site in consortium.sites:
        decision = next(each.document for each in decided if each.site == site.name)
        built = release(site, OFFICER, decision, today=today)
        receipt = receipts.countersign(hub, COORDINATOR, built.document)
        assert receipt.countersignature is not None, "the hub has just countersigned it"
        receipts.keep_countersignature(site, OFFICER, receipt.countersignature)
        verified = verification.verify(site, site.releases / built.name)
        folders.append(site.releases / built.name)
        narrator.say(
            f"{site.name:<16} released {verified.release}: {verified.files} files, signed and countersigned",
            site=site.name,
            release=verified.release,
            manifest=verified.manifest_sha256,
        )
    _tell_tampering(narrator, consortium.sites[0], folders[0])
    return folders


def check_trails(narrator: Narrator, consortium: Consortium) -> None:
    """Step 8: the audit trail of each home."""
    for home in consortium.homes:
        checked = trail.verify(home)
        narrator.say(
            f"{home.name:<16} {checked.events} events, chain {'whole' if checked.ok else 'BROKEN'}",
            home=home.name,
            events=checked.events,
            ok=checked.ok,
        )


def _sign(consortium: Consortium, name: str, frozen: Mapping[str, Snapshot]) -> None:
    path = consortium.root / f"{name}.toml"
    expires = dt.date.today() + dt.timedelta(days=30)
    pins = "".join(f'{site} = "{snapshot.sha256}"\n' for site, snapshot in frozen.items())
    head, first_table, rest = form(name).partition("[label]")
    path.write_text(f"{head}expires = {expires}\n\n[sites]\n{pins}\n{first_table}{rest}")
    hub = consortium.hub
    plan.draft(hub, path)
    plan.sign(hub, name, actor=COMMITTEE[0])
    signed = plan_store.load(hub, name)
    for site in consortium.sites:
        sealed = project_sites.seal(hub, signed.plan.project, site.name, actor=COORDINATOR)
        project_key.install(site, sealed)
        plan.countersign(site, signed, actor=OFFICER)


def _tell_linkage(narrator: Narrator, consortium: Consortium, frozen: Mapping[str, Snapshot]) -> None:
    """How many people the project knows at two sites, which no site and no lake can tell."""
    lake: list[str] = []
    project: list[str] = []
    for site in consortium.sites:
        persons = _persons(site, frozen[site.name])["person_id"].to_pylist()
        key = project_key.read(site, "lung-lesion")
        with Exchange.open(site) as exchange:
            pseudonyms = exchange.project_pseudonyms(persons, key.key, epoch=key.epoch)
        lake.extend(persons)
        project.extend(pseudonyms.values())
    twice = len(project) - len(set(project))
    common = len(lake) - len(set(lake))
    narrator.say(
        f"linkage          {twice} of {len(set(project))} people are known at two sites by one project "
        f"pseudonym; lake pseudonyms in common: {common}",
        people=len(set(project)),
        at_two_sites=twice,
        lake_pseudonyms_in_common=common,
    )


def _persons(site: Home, snapshot: Snapshot) -> pa.Table:
    with closing(connect_snapshot(site, snapshot)) as connection:
        return query(connection, "select person_id from cohort_person", seconds=site.settings.query_seconds)


def _tell_tampering(narrator: Narrator, site: Home, folder: Path) -> None:
    """Change one byte of a copy, and see it refused."""
    copy = site.root.parent.parent / "tampered" / folder.name
    shutil.copytree(folder, copy)
    victim = next(copy.glob("*.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.chmod(0o600)
    victim.write_bytes(content)
    try:
        verification.verify(site, copy)
    except VerificationFailed as refused:
        narrator.say(f"one byte changed {refused}", tampered=str(refused))
    else:
        raise VerificationFailed("a changed byte went unnoticed")


def _snapshots(frozen: Mapping[str, Snapshot]) -> str:
    return "".join(
        f'\n[[snapshots]]\nsite = "{site}"\nid = "{snapshot.id}"\nsha256 = "{snapshot.sha256}"\n'
        for site, snapshot in frozen.items()
    )


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    columns = (TextColumn("    {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)
