"""Take instances that their source withdrew out of the lake, and keep them from coming back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from federim.audit import trail
from federim.home import Home, Role
from federim.keys import keyed
from federim.lake import replaced
from federim.lake.entered import Entered
from federim.lake.reader import connect_home, query
from federim.lake.tables import Lake
from federim.model.identifiers import Subject
from federim_pipelines.deidentify.uids import keyed_uid
from federim_pipelines.items import LAST, Row
from federim_pipelines.sources.dicom import instance_key

_TOLD_BY_INSTANCE: Final = ("instance", "instance_file", "segment", "image_feature")


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What left the lake: rows by table. A snapshot frozen before keeps what it pinned."""

    named: int  # instances that were named
    rows: Mapping[str, int]

    @property
    def instances(self) -> int:
        """Of the instances named, those that were in the lake."""
        return self.rows.get("instance", 0)


def named(home: Home, subject: Subject, instances: Iterable[str]) -> dict[bytes, str]:
    """What stands for a person's instances: record key to keyed UID, neither of which tells the other.

    Parameters
    ----------
    instances : iterable of str
        SOPInstanceUIDs as their source wrote them.
    """
    record_key = home.require(Role.SITE).secret("record")
    return {instance_key(record_key, uid): keyed_uid(subject.uid_key, uid.strip()) for uid in instances}


def withdraw(home: Home, subject: Subject, instances: Mapping[bytes, str], *, actor: str) -> Withdrawn:
    """Take a person's instances out: their rows, what they told, series and studies left empty, objects.

    All of it happens or none. What is withdrawn is refused when it is read again, before or after it ever
    entered; the same call again changes nothing.

    Parameters
    ----------
    instances : record key to keyed UID
        From `named`.

    Raises
    ------
    LakeError
        Another run is writing.
    StorageFull
        The disk refuses; the next run completes what began.

    References
    ----------
    IHE RAD TF-2, IOCM (Imaging Object Change Management), rejection notes.
    """
    entered = Entered(_digest(home.require(Role.SITE).secret("record")), LAST)
    records = dict.fromkeys(instances, entered)
    with Lake(home).writing() as writer:
        known = writer.known(records)
        gone, changed = _affected(home, subject, set(instances.values()))
        counts = Counter({name: len(rows) for name, rows in gone.items() if rows})
        # First: a batch that a full disk leaves for the next run to complete must not go unrecorded.
        trail.record(home, actor, "images.withdraw", named=len(records), instances=counts["instance"])
        if gone or known.keys() != records.keys():
            paths = [row["path"] for row in gone.get("instance_file", ())]
            writer.replace(changed, gone=gone, records=records, dropped=paths)
            replaced.sweep(home, writer)
    return Withdrawn(len(records), dict(counts))


def _affected(
    home: Home, subject: Subject, uids: Collection[str]
) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
    """The rows that go with the instances of these keyed UIDs, and those that change; by table."""
    with connect_home(home) as connection:

        def rows(sql: str, **parameters: object) -> list[Row]:
            seconds = home.settings.query_seconds
            return list(query(connection, sql, seconds=seconds, parameters=parameters).to_pylist())

        told = 'person_id = $person AND "SOPInstanceUID" IN (SELECT unnest($uids))'
        gone = {
            name: rows(f"SELECT * FROM {name} WHERE {told}", person=subject.person_id, uids=list(uids))
            for name in _TOLD_BY_INSTANCE
        }
        named = sorted({row["SeriesInstanceUID"] for row in gone["instance"]})
        left = rows(
            'SELECT "SeriesInstanceUID" AS series, count(*) AS instances, sum(size)::BIGINT AS bytes '
            'FROM instance_file WHERE "SeriesInstanceUID" IN (SELECT unnest($series)) '
            'AND NOT "SOPInstanceUID" IN (SELECT unnest($uids)) GROUP BY ALL',
            series=named,
            uids=list(uids),
        )
        stays = {row["series"]: row for row in left}
        series = rows(
            'SELECT * FROM image_occurrence WHERE "SeriesInstanceUID" IN (SELECT unnest($series))',
            series=named,
        )
        gone["image_occurrence"] = [row for row in series if row["SeriesInstanceUID"] not in stays]
        empty = [row["SeriesInstanceUID"] for row in gone["image_occurrence"]]
        gone["study"] = rows(
            'SELECT * FROM study WHERE "StudyInstanceUID" IN (SELECT unnest($studies)) AND NOT '
            '"StudyInstanceUID" IN (SELECT "StudyInstanceUID" FROM image_occurrence '
            'WHERE NOT "SeriesInstanceUID" IN (SELECT unnest($empty)))',
            studies=[row["StudyInstanceUID"] for row in gone["image_occurrence"]],
            empty=empty,
        )
    changed = [
        {
            **row,
            "NumberOfInstances": stays[row["SeriesInstanceUID"]]["instances"],
            "SizeBytes": stays[row["SeriesInstanceUID"]]["bytes"],
        }
        for row in series
        if row["SeriesInstanceUID"] in stays
    ]
    return {name: found for name, found in gone.items() if found}, (
        {"image_occurrence": changed} if changed else {}
    )


def _digest(record_key: bytes) -> bytes:
    """What the index keeps as the content of an instance that says nothing any more."""
    return keyed(record_key, "content", "withdrawn")[:16]
