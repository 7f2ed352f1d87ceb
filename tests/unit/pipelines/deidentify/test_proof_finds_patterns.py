"""Identifiers are known by their shape and key, whosever they are."""

from __future__ import annotations

import pytest
from headers_to_prove import clean, header, written

from federim_pipelines.deidentify.proof import Prover

RAW = written(header(PatientID="778899", PatientName="Lefebvre"))

FOUND = [
    ("NIR", "1 85 05 78 006 084 91"),
    ("NIR", "185057800608491"),
    ("NIR", "INS 2 69 05 49 588 157 80."),
    ("RPPS", "RPPS 10003456786"),
    ("FINESS", "FINESS 750712184"),
    ("telephone number", "tel 01 40 27 30 00"),
    ("telephone number", "0140273000"),
    ("telephone number", "01.40.27.30.00"),
    ("telephone number", "+33 1 40 27 30 00"),
    ("telephone number", "0033140273000"),
    ("telephone number", "+49 30 12345678"),
    ("e-mail address", "helene@example.org"),
    ("e-mail address", "h.lefevre+irm@chu-nord.fr"),
]
NOTHING = [
    "1.2.840.10008.5.1.4.1.1.2",
    "2.25.329800735698586629295641978511506172918",
    "0.488281250\\0.488281250",
    "123456789012345678",
    "185057800608492",  # the key is wrong
    "syngo MR E11 20201112083015.123000",
    "AX T2 TSE 512x512 3.0 mm TE 101 TR 4500",
    "750712185",  # the key is wrong
    "Ver. 1.0.0.123456789",
    "B70f@80kV",
    "+0100",
]


@pytest.mark.parametrize(("kind", "text"), FOUND)
def test_an_identifier_is_found_by_its_shape(kind: str, text: str) -> None:
    output = written(clean(ImageComments=f"VOIR {text}"))
    assert f"{kind} in ImageComments (0020,4000)" in Prover().check(RAW, output)
    assert f"{kind} in a name, a row or the pixels" in Prover().check(RAW, written(clean()), f"{text} CT")


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert Prover().check(RAW, written(clean(ImageComments=text)), text) == ()


def test_digits_of_measurements_uids_and_dates_are_no_identifiers() -> None:
    output = clean(
        PixelSpacing=["0140273000", "750712184"],
        AcquisitionDateTime="20190512143022.120000",
        FrameOfReferenceUID="2.25.10003456786",
    )
    assert Prover().check(RAW, written(output)) == ()
