"""A description loses the patient's own values, however they are written there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.own_values import OwnValues
from federim_pipelines.deidentify.text.spelling import fold


def _header(**attributes: object) -> Dataset:
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return header


def _cleaner(**attributes: object) -> TextCleaner:
    return TextCleaner(OwnValues.of(_header(**attributes)))


DUPONT = {
    "PatientName": "Dupont^Marie-Hélène^^Mme",
    "PatientBirthName": "Le Gall",
    "PatientID": "IPP-0012345678",
    "PatientBirthDate": "19520314",
    "AccessionNumber": "ACC44556",
    "ReferringPhysicianName": "Contrast^Anne",
    "PatientTelephoneNumbers": "+33 2 98 00 11 22",
}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("AX T1 DUPONT", "AX T1"),
        ("DUPONT AX T1", "AX T1"),
        ("ax t1 dupont marie-helene", "ax t1"),
        ("T1 Marie Hélène Dupont SAG", "T1 SAG"),
        ("T1 MARIE HELENE SAG", "T1 SAG"),
        ("T1 Marie-Hele\u0301ne SAG", "T1 SAG"),  # é in two characters
        ("T1 DUPONTMARIE SAG", "T1 SAG"),
        ("T1 MARIEDUPONT SAG", "T1 SAG"),
        ("T1 FDUPONT SAG", "T1 SAG"),
        ("XDUPONT T1 SAG YDUPONT", "T1 SAG"),
        ("T1 D U P O N T SAG", "T1 SAG"),
        ("T1 D.U.P.O.N.T SAG", "T1 SAG"),
        ("T1 DU\u00adPONT SAG", "T1 SAG"),  # a soft hyphen
        ("T1 DU\u200bPONT SAG", "T1 SAG"),  # a space of no width
        ("T1 ＤＵＰＯＮＴ SAG", "T1 SAG"),
        ("T1 dUpOnT SAG", "T1 SAG"),
        ("T1_DUPONT_SAG", "T1_SAG"),
        ("T1^DUPONT^SAG", "T1^SAG"),
        ("T1 DUPONT1952 SAG", "T1 SAG"),
        ("T1 DUPONT M SAG", "T1 SAG"),
        ("T1 M. DUPONT SAG", "T1 SAG"),
        ("T1 M.H. DUPONT SAG", "T1 SAG"),
        ("T1 MH DUPONT SAG", "T1 SAG"),
        ("T1 M. D. SAG", "T1 SAG"),
        ("T1 D.M. SAG", "T1 SAG"),
        ("T1 (DUPONT) SAG", "T1 SAG"),
        ("T1 [M DUPONT] SAG", "T1 SAG"),
        ("T1 LE GALL SAG", "T1 SAG"),
        ("T1 LEGALL SAG", "T1 SAG"),
        ("T1 Mme DUPONT née LE GALL SAG", "T1 SAG"),
        ("thorax 0012345678 pulmonaire", "thorax pulmonaire"),
        ("thorax 12345678 pulmonaire", "thorax pulmonaire"),
        ("thorax 12 34 56 78 pulmonaire", "thorax pulmonaire"),
        ("thorax 12.34.56.78 pulmonaire", "thorax pulmonaire"),
        ("thorax IPP0012345678 pulmonaire", "thorax pulmonaire"),
        ("thorax acc 445 56 pulmonaire", "thorax pulmonaire"),
        ("thorax ACC-44556", "thorax"),
        ("thorax 19520314", "thorax"),
        ("thorax 14/03/1952", "thorax"),
        ("thorax 14.03.52", "thorax"),
        ("thorax 140352", "thorax"),
        ("thorax 520314", "thorax"),
        ("thorax 14-3-1952", "thorax"),
        ("thorax 1952-03-14", "thorax"),
        ("thorax 03/14/1952", "thorax"),
        ("thorax 14 mars 1952", "thorax"),
        ("thorax 14MARS52", "thorax"),
        ("thorax 14-MAR-1952", "thorax"),
        ("thorax March 14, 1952", "thorax"),
        ("thorax 1952", "thorax"),
        ("thorax +33298001122", "thorax"),
        ("thorax 02 98 00 11 22", "thorax"),
        ("CONTRAST thorax", "thorax"),  # the referring physician's name
        ("DUPONT", ""),
        ("Dupont^Marie-Hélène", ""),
        ("", ""),
    ],
)
def test_a_spelling_of_the_patient_goes_and_the_rest_stays(text: str, left: str) -> None:
    assert _cleaner(**DUPONT).clean(text) == left


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("Head^Tom", "HEAD Neck", "Neck"),  # a name that is a technical word
        ("Lung^Li", "CT Lung li", "CT"),
        ("Brain", "BRAINSTEM Brain MRI", "MRI"),
        ("Thé^Rose", "AX THE T1", "AX T1"),
        ("Le^Van", "IRM le foie", "IRM foie"),  # two letters
        ("Ng^Bo", "CT NG thorax", "CT thorax"),
        ("Wu^Ax", "AX T1", "T1"),
        ("D'Ali^Zoé", "CT DALI thorax", "CT thorax"),
        ("De La Tour^Jean", "CT DE LA TOUR thorax", "CT thorax"),
        ("Müller^Jörg", "CT MUELLER JOERG thorax", "CT thorax"),
        ("Müller^Jörg", "CT Muller Jorg thorax", "CT thorax"),
        ("Strauß", "CT STRAUSS thorax", "CT thorax"),
        ("Lefœuvre", "CT LEFOEUVRE thorax", "CT thorax"),
        ("Łukasz^Ørsted", "CT LUKASZ ORSTED thorax", "CT thorax"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "胸部 山田太郎 CT", "CT"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ヤマダ YAMADA CT", "CT"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "CT 홍길동 thorax", "CT thorax"),
        ("Иванов^Иван", "CT ИВАНОВ thorax", "CT thorax"),
        ("Παπαδόπουλος^Άννα", "CT ΠΑΠΑΔΟΠΟΥΛΟΣ thorax", "CT thorax"),
        ("قباني^لنزار", "CT قباني thorax", "CT thorax"),
        ("Mr^Axial", "MR axial T1", "MR T1"),  # a title is no name
    ],
)
def test_names_of_every_kind(name: str, text: str, left: str) -> None:
    assert _cleaner(PatientName=name).clean(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "v1 DUPONT",
        "v1 Marie Hélène",
        "v1 DU\u00adPONT",
        "v1 LEGALL",
        "v1 MARIEHELENE",
        "MUELLER 2",
        "v1 Muller",
        "李病院",
        "0012345678",
        "v12345678.1",
        "acc_44556",
        "14-3-1952",
        "14MARS52",
        "Mar 14 1952",
        "520314",
        "build 140352",
    ],
)
def test_a_kept_text_is_seen_to_hold_the_patient(text: str) -> None:
    names = {"OtherPatientNames": "Müller", "ResponsiblePerson": "李"}
    assert OwnValues.of(_header(**DUPONT, **names)).are_in(text)


def test_digits_of_another_script_are_digits() -> None:
    own = OwnValues.of(_header(PatientID="77889966"))
    assert own.are_in("thorax ٧٧٨٨٩٩٦٦")


def test_bytes_are_read_in_both_usual_character_sets() -> None:
    own = OwnValues.of(_header(PatientName="Quéffelec^Maël"))
    for encoding in ("latin-1", "utf-8", "utf-16-le", "utf-16-be"):
        assert own.are_in_bytes("profile of Quéffelec".encode(encoding)), encoding
    assert not own.are_in_bytes(b"\0\0profile of nobody\xff\xfe")


def test_a_folder_of_two_patients_knows_both() -> None:
    both = OwnValues.of(_header(PatientName="Dupont")) | OwnValues.of(_header(PatientName="Kergoat"))
    assert both.are_in("DUPONT") and both.are_in("Kergoat")
    assert both.without("T1 kergoat dupont").strip() == "T1"


def test_initials_go_only_beside_a_name_or_each_other() -> None:
    cleaner = _cleaner(PatientName="Simon^Thérèse")
    assert cleaner.clean("T/S/C fast pilot") == "T/S/C fast pilot"
    assert cleaner.clean("T spine") == "T spine"
    assert cleaner.clean("spine T. S.") == "spine"


def test_short_names_and_numbers_empty_no_kept_text() -> None:
    """`are_in` decides on a device's words as a whole, so it must not fall for syllables."""
    own = OwnValues.of(_header(PatientName="Li^Mary", PatientID="12", PatientBirthDate="19520314"))
    for text in ("AXIAL TILT", "PRIMARY", "syngo MR E11", "12", "05.26.00", "1140352"):
        assert not own.are_in(text), text


NAMES = st.lists(
    st.sampled_from(
        [
            "Dupont",
            "Le",
            "Axial",
            "Head",
            "Zoé",
            "d'Ali",
            "Jean-Pierre",
            "O'Brien",
            "Ng",
            "Brun",
            "Sag",
            "Li",
            "Müller",
            "Œuvrard",
            "Strauß",
            "山田",
            "太郎",
            "やまだ",
            "홍",
            "길동",
            "Иванов",
            "Άννα",
            "قباني",
            "Thorax",
        ]
    )
    | st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=2, max_size=9),
    min_size=1,
    max_size=3,
)
WORDS = st.sampled_from(
    [
        "AX",
        "t1",
        "thorax",
        "1.25mm",
        "14/03/1952",
        "12",
        "le",
        "M.",
        "(",
        ")",
        "_",
        "-",
        "2024",
        "b1000",
        "ms",
        "MPR",
    ]
)
SPELLINGS = st.sampled_from(
    [str, str.upper, str.lower, str.title, fold, lambda name: "-".join(name), lambda name: f"X{name}2"]
)


@given(names=NAMES, number=st.from_regex(r"[A-Z]{0,3}[0-9]{4,10}", fullmatch=True), data=st.data())
def test_whatever_the_names_none_is_left(names: list[str], number: str, data: st.DataObject) -> None:
    own = OwnValues.of(_header(PatientName="^".join(names), PatientID=number, PatientBirthDate="19520314"))
    cleaner = TextCleaner(own)
    written = st.sampled_from([*names, number]).flatmap(
        lambda name: SPELLINGS.map(lambda spelling: spelling(name))
    )
    parts = data.draw(st.lists(written | WORDS, max_size=8))
    text = data.draw(st.sampled_from([" ", "_", "", "-", " - ", "^"])).join(parts)

    clean = cleaner.clean(text)

    assert not own.are_in(clean)
    assert len(clean) <= len(text)
    assert cleaner.clean(clean) == clean


@given(text=st.text(max_size=60))
def test_cleaning_twice_changes_nothing_and_makes_nothing_longer(text: str) -> None:
    cleaner = _cleaner(**DUPONT)
    clean = cleaner.clean(text)
    assert len(clean) <= len(text)
    assert cleaner.clean(clean) == clean
    assert clean == clean.strip()
