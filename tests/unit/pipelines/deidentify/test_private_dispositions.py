"""A site's own word on private attributes is read from TCIA's format, or refused by line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from federim.model.errors import InputError
from federim_pipelines.deidentify.dispositions import Disposition, Dispositions, Said, load_dispositions

HEADER = "element_sig_pattern,tag_name,vr,private_disposition\n"


def _written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "site.csv"
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_in_the_knowledge_bases_format(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        '"(0019,""SIEMENS MR HEADER"",0c)",B_value,IS,k',
        '"(0029,""SIEMENS CSA HEADER"",10)",CSA Image Header Info,OB,d',
        '"(0009,""GEMS_IDEN_01"",e3)",EquipmentUID,UN,h',
        '"(0009,""GEMS_IDEN_01"",27)",Image actual date,SL,oi',
        '"(0071,""BLACKFORD"",04)[<0>](200d,""Philips US Imaging DD 023"",37)",Unknown,DA,o',
        '"(0011,""ACME"",0A)",Unknown,,e',
    )
    assert load_dispositions(path) == Dispositions(
        {
            ("SIEMENS MR HEADER", 0x0019000C): Said(Disposition.KEEP, "IS"),
            ("SIEMENS CSA HEADER", 0x00290010): Said(Disposition.DELETE, "OB"),
            ("GEMS_IDEN_01", 0x000900E3): Said(Disposition.HASH, None),
            ("GEMS_IDEN_01", 0x00090027): Said(Disposition.OFFSET_INTEGER, "SL"),
            ("Philips US Imaging DD 023", 0x200D0037): Said(Disposition.OFFSET, "DA"),
            ("ACME", 0x0011000A): Said(Disposition.EMPTY, None),
        }
    )


def test_rows_that_say_nothing_of_a_private_attribute_are_passed_over(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        '"(0019,""ACME"",01)",Unknown,IS,na',
        '"(0019,""ACME"",02)",Unknown,IS,',
        '"(0019,"""",03)",Unknown,IS,k',
        '"(0071,""BLACKFORD"",04)[<0>](0008,0050)",Unknown:Accession Number,SH,d',
        '"(0008,0050)",Accession Number,SH,',
    )
    assert load_dispositions(path).empty


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_for_one_attribute_the_stricter_holds(tmp_path: Path, order: int) -> None:
    rows = [
        '"(0019,""ACME"",01)",Unknown,UN,k',
        '"(0040,9096)[<0>](0019,""ACME"",01)",Unknown,DA,o',
    ]
    found = load_dispositions(_written(tmp_path, *rows[::order]))
    assert found.of == {("ACME", 0x00190001): Said(Disposition.OFFSET, "DA")}


def test_columns_may_come_in_any_order_after_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "site.csv"
    path.write_bytes(
        b'\xef\xbb\xbfprivate_disposition,vr,element_sig_pattern,note\r\nk,IS,"(0019,""ACME"",01)",\r\n'
    )
    assert load_dispositions(path).of == {("ACME", 0x00190001): Said(Disposition.KEEP, "IS")}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ('"(0019,""ACME"",01)",Unknown,IS,keep', "private_disposition"),
        ('"(0019,""ACME"",01)",Unknown,integer,k', "vr"),
        ('"(0018,""ACME"",01)",Unknown,IS,k', "element_sig_pattern"),
        ('"(0019,""ACME"",1001)",Unknown,IS,k', "element_sig_pattern"),
        ('"(0019,ACME,01)",Unknown,IS,k', "element_sig_pattern"),
        ("0019100C,Unknown,IS,k", "element_sig_pattern"),
        (",,,", "element_sig_pattern"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line_and_column(tmp_path: Path, row: str, column: str) -> None:
    path = _written(tmp_path, '"(0019,""ACME"",02)",Unknown,IS,k', row)
    with pytest.raises(InputError, match=f"site.csv, line 3, column {column}: expected"):
        load_dispositions(path)


def test_an_absent_column_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path, header="element_sig_pattern,vr\n")
    with pytest.raises(InputError, match="line 1: column private_disposition is absent"):
        load_dispositions(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "site.csv"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        load_dispositions(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_dispositions(tmp_path / "absent.csv")


def test_equal_words_have_equal_digests_in_any_order(tmp_path: Path) -> None:
    rows = ['"(0019,""ACME"",01)",Unknown,IS,k', '"(0019,""ACME"",02)",Unknown,IS,d']
    first, second = (
        load_dispositions(_written(tmp_path, *rows)),
        load_dispositions(_written(tmp_path, *reversed(rows))),
    )
    assert first.digest == second.digest
    assert first.digest != load_dispositions(_written(tmp_path, rows[0])).digest
