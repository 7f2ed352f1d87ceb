"""A file is what its first bytes say."""

from __future__ import annotations

import pytest

from federim_pipelines.sources.sniff import Kind, sniff


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", Kind.EMPTY),
        (bytes(128) + b"DICM", Kind.DICOM),
        (b"PK\x03\x04", Kind.ZIP),
        (b'\xef\xbb\xbf \r\n{"a": 1}', Kind.JSON),
        (b"[1]", Kind.JSON),
        (b"<?xml version='1.0'?>", Kind.XML),
        (b"\xef\xbb\xbf\n<ClinicalDocument>", Kind.XML),
        (b"PAR1\x15\x04", Kind.PARQUET),
        (b"MSH|^~\\&|RIS", Kind.HL7V2),
        (b"\r\n\r\n  MSH|^~\\&|RIS", Kind.HL7V2),
        (b"\x0bMSH|^~\\&|RIS", Kind.HL7V2),
        (b"\xef\xbb\xbfFHS#^~\\&#RIS", Kind.HL7V2),
        (b"BHS|^~\\&|RIS", Kind.HL7V2),
        (b"MSH is the first word of a letter", Kind.OTHER),
        (b"MSHEADER", Kind.OTHER),
        (b"person_id,year_of_birth", Kind.OTHER),
    ],
)
def test_what_a_file_is(head: bytes, kind: Kind) -> None:
    assert sniff(head) is kind
