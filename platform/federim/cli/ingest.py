"""`federim ingest`: bring images and records into the lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import ERR, Actor, AsJson, open_home, report
from federim.cli.reading import Dask, Issuer, Policy, TestIdentities, Workers, policy_file, readers
from federim.cli.rights import complete_pending
from federim.cli.stopping import resumable
from federim.home import Role

DETAILS_SHOWN = 5  # of each reason

if TYPE_CHECKING:
    from federim_pipelines.accounting import RunReport


def ingest(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Folders, files or ZIP archives: DICOM, FHIR R4, HL7 v2, CDA R2, OMOP CDM, CSV.",
        ),
    ],
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML file that says what the columns of CSV files mean.", show_default=False),
    ] = None,
    policy: Policy = "research",
    dispositions: Annotated[
        Path | None,
        typer.Option(help="CSV of private attributes to keep, in TCIA's format.", show_default=False),
    ] = None,
    issuer: Issuer = "",
    test_identities: TestIdentities = False,
    workers: Workers = None,
    dask: Dask = "",
    actor: Actor = "operator",
    as_json: AsJson = False,
) -> None:
    """Pseudonymise images and records and keep what is new; whatever cannot be read goes to quarantine.

    Reading the same again adds nothing, so a run that was stopped is simply started again.
    """
    from federim_pipelines.progress import shown
    from federim_pipelines.run import ingest as run

    home = open_home(context, Role.SITE)
    complete_pending(home)
    with (
        resumable("what was committed stays"),
        readers(workers, dask, home, [*paths, mapping, dispositions, policy_file(policy)]) as executor,
        shown(ERR) as progress,
    ):
        done = run(
            home,
            paths,
            executor=executor,
            policy=policy,
            dispositions=dispositions,
            mapping=mapping,
            issuer=issuer,
            test_identities=test_identities,
            progress=progress,
            actor=actor,
        )
    report(done.as_json(), _told(done), as_json=as_json)


def _told(done: RunReport) -> str:
    from federim_pipelines.items import SENTENCES

    lines = [
        f"{done.read:>9,} files read in {done.seconds:,.1f} s",
        f"{done.accepted:>9,} accepted",
        f"{done.duplicates:>9,} duplicates: nothing new in them",
        f"{done.quarantined:>9,} quarantined",
    ]
    if done.records.parked:
        lines.append(
            f"{done.parked:>9,} parked, encrypted, for {done.records.parked:,} records of persons "
            "the key server could not be asked about: they come in by themselves once it answers "
            "(federim parked list)"
        )
    if done.resumed:
        lines.append(f"{done.resumed:>9,} more that were parked before came out of the lot")
    if done.ignored:
        lines.append(f"{done.ignored:>9,} more ignored: a DICOMDIR, or a file without a record")
    if done.reasons:
        lines += ["", "Refused, files and single records:"]
        for reason, count in done.reasons.items():
            lines.append(f"{count:>9,} {reason}: {SENTENCES[reason]}")
            details = [(said, files) for (why, said), files in done.details.items() if why == reason]
            lines += [f"{files:>13,} {said}" for said, files in details[:DETAILS_SHOWN]]
        lines.append("          which ones: federim quarantine locate PATH...")
    if done.records.replaced:
        lines += ["", f"{done.records.replaced:>9,} records took the place of an earlier version"]
    if done.registers > 1:
        lines += [
            "",
            f"{done.registers} authorities number patients as if they were this site's own register: list "
            "those that are, as registers in federim.toml, or two patients may be taken for one",
        ]
    if done.skipped:
        told = ", ".join(f"{kind} {count:,}" for kind, count in done.skipped.items())
        lines += ["", f"Skipped, no table for them: {told}"]
    if done.rows:
        lines += ["", "Rows added:"]
        lines += [f"{count:>9,} {table}" for table, count in done.rows.items()]
    else:
        lines += ["", "No row added."]
    return "\n".join(lines)
