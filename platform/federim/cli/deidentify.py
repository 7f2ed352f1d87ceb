"""`federim deidentify`: a folder of DICOM files in, the same without patients out; no home needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from federim.cli.context import AsJson, report
from federim.cli.deidentify_review import review
from federim.cli.nouns import WithDefault
from federim.cli.stopping import ending_well
from federim.model.errors import DisclosureRisk

if TYPE_CHECKING:
    from federim_pipelines.deidentify.tree.run import TreeReport
    from federim_pipelines.progress import Watch

DETAILS_SHOWN = 5  # of each reason

deidentify = typer.Typer(
    cls=WithDefault,
    help="De-identify a folder of DICOM files into another, after DICOM PS3.15 Annex E.",
    suggest_commands=False,
)
deidentify.command()(review)


class Language(StrEnum):
    """In which a policy explains itself."""

    EN = "en"
    FR = "fr"


@deidentify.command(WithDefault.default)
def default(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="IN", help="Folder of DICOM files. It is only read.", show_default=False),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="Folder to write to: a new or an empty one.", show_default=False),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(help="research, basic, longitudinal-full-dates, strict, or a TOML file of your own."),
    ] = "research",
    key_file: Annotated[
        Path | None,
        typer.Option(
            help="Key from which pseudonyms, UIDs and dates derive, made on first use. Without one, no other "
            "run gives the same.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that work.")] = 1,
    dispositions: Annotated[
        Path | None,
        typer.Option(help="CSV of private attributes to keep, in TCIA's format.", show_default=False),
    ] = None,
    uid_map: Annotated[
        Path | None,
        typer.Option(help="Write old and new UIDs to this CSV file. It identifies.", show_default=False),
    ] = None,
    patient_map: Annotated[
        Path | None,
        typer.Option(help="Write old and new patient identifiers to this CSV file.", show_default=False),
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(help="Write which files were refused, and why, to this CSV file.", show_default=False),
    ] = None,
    retained: Annotated[
        Path | None,
        typer.Option(
            help="Write each text that was kept, with its count, to this CSV file.", show_default=False
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder for pictures of pixels that stay doubtful.", show_default=False),
    ] = None,
    proof: Annotated[
        bool, typer.Option("--proof", help="Only search an OUT made before for what identifies in IN.")
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the policy does, a sentence a rule, and stop.")
    ] = False,
    lang: Annotated[Language, typer.Option(help="Language of the explanation.")] = Language.EN,
    every: Annotated[
        bool, typer.Option("--all", help="With --explain, name every attribute of the Standard's table.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write every DICOM object under IN without its patient to OUT, and prove it.

    Folders and names are kept where they tell nothing. What cannot be cleaned with certainty is not written.
    """
    if explain:
        _explain(policy, dispositions, lang, every=every, as_json=as_json)
        return
    if source is None or target is None:
        raise typer.BadParameter("expected a folder IN to read and a folder OUT to write")
    if proof:
        _prove(source, target, policy, key_file, dispositions, as_json=as_json)
        return
    from federim_pipelines.deidentify.tree import maps
    from federim_pipelines.deidentify.tree.run import deidentify_tree
    from federim_pipelines.deidentify.tree.subjects import root_key

    maps.check_writable(key_file, uid_map, patient_map, quarantine, retained, pictures)
    with ending_well("every file in OUT is whole, the others are missing"), _watch() as watch:
        done = deidentify_tree(
            source,
            target,
            key=root_key(key_file),
            policy=policy,
            dispositions=dispositions,
            workers=workers,
            maps=bool(uid_map or patient_map),
            watch=watch,
        )
    if uid_map is not None:
        maps.write_map(uid_map, done.uids)
    if patient_map is not None:
        maps.write_map(patient_map, done.patients)
    if retained is not None:
        maps.write_retained(retained, done.retained)
    if quarantine is not None or pictures is not None:
        maps.write_refused(quarantine, pictures, done.refused)
    kept = "the key file" if key_file else "this run alone: give --key-file to have the same again"
    report(
        {**done.as_json(), "key": "file" if key_file else "run"},
        f"{_told(done)}\n\nPseudonyms, UIDs and dates are of {kept}.",
        as_json=as_json,
    )
    if done.hits:
        raise typer.Exit(DisclosureRisk.exit_code)


def _explain(policy: str, dispositions: Path | None, lang: Language, *, every: bool, as_json: bool) -> None:
    from federim_pipelines.deidentify.policy.compilation import load_policy
    from federim_pipelines.deidentify.policy.explain import explain

    treatment = load_policy(policy, dispositions=dispositions)
    sentences = explain(treatment, lang.value, every=every)
    report(
        {"policy": treatment.name, "digest": treatment.digest, "sentences": sentences},
        "\n".join(sentences),
        as_json=as_json,
    )


def _prove(
    source: Path,
    target: Path,
    policy: str,
    key_file: Path | None,
    dispositions: Path | None,
    *,
    as_json: bool,
) -> None:
    from federim_pipelines.deidentify.tree.proof import prove_tree
    from federim_pipelines.deidentify.tree.subjects import root_key

    proved = prove_tree(source, target, key=root_key(key_file), policy=policy, dispositions=dispositions)
    lines = [
        f"{proved.checked:>9,} files of OUT checked against those of IN they were made from",
        f"{proved.unpaired:>9,} files of OUT of which no file of IN is known: give the run's --key-file",
        f"{len(proved.hits):>9,} hold something of their patient",
    ]
    lines += [f"{'':>9} {place}: {', '.join(found)}" for place, found in proved.hits]
    report(proved.as_json(), "\n".join(lines), as_json=as_json)
    if proved.hits:
        raise typer.Exit(DisclosureRisk.exit_code)


@contextmanager
def _watch() -> Iterator[Watch | None]:
    """A bar on a terminal; nothing elsewhere, where a bar is in the way and its library takes a while."""
    import sys

    if not sys.stderr.isatty():
        yield None
        return
    from federim.cli.context import ERR
    from federim_pipelines.progress import shown

    with shown(ERR) as watch:
        yield watch


def _told(done: TreeReport) -> str:
    from federim_pipelines.items import SENTENCES

    written = done.fast_path + done.reference_path
    lines = [
        f"{done.files:>9,} files in {done.seconds:,.1f} s, under policy {done.policy[:80]}",
        f"{written:>9,} written, {done.reference_path:,} of them by the reference path",
        f"{done.quarantined:>9,} quarantined",
        f"{done.ignored:>9,} ignored: no DICOM object, a DICOMDIR, or a link",
        f"{done.checked:>9,} proven, {done.hits:,} found to hold something of their patient",
    ]
    if done.reasons:
        lines.append("")
    for reason, count in done.reasons.items():
        lines.append(f"{count:>9,} {reason}: {SENTENCES[reason]}")
        for detail, files in done.details(reason)[:DETAILS_SHOWN]:
            lines.append(f"{files:>13,} {detail}")
    return "\n".join(lines)
