"""What an image shows and how it was made stays in its description; everything else goes."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from pydicom import dcmread

from federim_pipelines.deidentify.text import vocabulary
from federim_pipelines.deidentify.text.cleaner import TextCleaner
from federim_pipelines.deidentify.text.own_values import OwnValues

NOBODY = TextCleaner(OwnValues())


@pytest.mark.parametrize(
    "text",
    [
        "3D Ax T1 MP-RAGE_R22",
        "Axial EPI-FMRI (Interleaved I to S)",
        "dti_tra_dir16_PA_rot_SaveBySlc",
        "FSE PD AXIAL OBL",
        "T/S/C RF FAST PILOT",
        "SmartScore - Gated 0.5 sec",
        "SSh_DWI FAST",
        "t1_vibe_fs_tra_bh_dyn",
        "ep2d_diff_b0_b1000_ADC",
        "DWI b2000",
        "DWI b 2000",
        "T1W/SE/1024",
        "TE 2000 ms",
        "TR 10000 ms",
        "TI 2000ms",
        "Thorax 1.25mm B70f",
        "THORAX 1,0 Br40d 3",
        "Abdomen-pelvis injecté temps portal",
        "TAP IV+ temps portale 1.25 mm",
        "IRM du rachis lombaire L4-L5",
        "IRM cérébrale T2 FLAIR SPAIR sag",
        "Angio-TDM des artères pulmonaires",
        "Tête^Dental (Adulte)",
        "abdomen^liver",
        "US KIDNEY",
        "PET WB AC 3i21s",
        "MIP 10/5",
        "MPR cor 2x2",
        "x2",
        "Cœur 2 cavités 75%",
        "120kV 250mAs",
        "HANCHES FACE",
        "C1-C2",
        "OSEM2D 2i8s",
        "Lt Lung",
        "mm²",
        "Te\u0302te",  # an accent in a character of its own
        "DWI b0b1000",
    ],
)
def test_technical_text_stays_as_it_is(text: str) -> None:
    assert NOBODY.clean(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("thorax KERGOAT", "thorax"),
        ("thorax pour Dr Smith demain", "thorax pour"),
        ("Brest T1", "T1"),
        ("T1  SAG\r\n\tFS", "T1 SAG FS"),
        ("thorax (Quimper)", "thorax"),
        ("thorax (suite", "thorax suite"),
        ("- thorax -", "thorax"),
        ("T1 - Blanc - SAG", "T1 - SAG"),
        ("thorax 778899", "thorax"),
        ("thorax 77 88 99 00", "thorax"),
        ("thorax 77889900", "thorax"),
        ("thorax 2019", "thorax"),
        ("thorax IRM2024", "thorax"),
        ("thorax 2024T", "thorax"),
        ("thorax 29200", "thorax"),
        ("thorax 29200 T", "thorax T"),
        ("thorax B12345", "thorax"),
        ("thorax TR 12345", "thorax TR"),
        ("thorax 12/03", "thorax 12/03"),
        ("thorax 12/03/24", "thorax"),
        ("thorax 12 foo 03 bar 24", "thorax"),  # a date, once the words between are gone
        ("thorax le 3 avril", "thorax le"),
        ("thorax A12B34C56", "thorax"),
        ("thorax A1B2C3", "thorax"),
        ("thorax C1234", "thorax"),
        ("T1\0SAG", "T1 SAG"),
        ("thorax AB1234", "thorax"),
        ("thorax D123456", "thorax"),
        ("thorax 1.2.840.113619.2.55", "thorax"),
        ("thorax ١٢٣٤", "thorax"),
        ("thorax\u2028FS", "thorax FS"),
        ("thorax ======== FS", "thorax FS"),
        ("thorax ((((((())))))) FS", "thorax FS"),
        ("KERGOAT", ""),
        ("!?…", ""),
    ],
)
def test_what_is_not_technical_goes(text: str, left: str) -> None:
    assert NOBODY.clean(text) == left


def test_a_reviewers_refusals_are_obeyed() -> None:
    cleaner = TextCleaner(OwnValues(), denied=frozenset({"AX T1", "rocher"}))
    assert cleaner.clean("ax t1") == ""
    assert cleaner.clean("AX T1 KERGOAT") == ""
    assert cleaner.clean("AX T1 FS") == "AX T1 FS"
    assert cleaner.clean("Scanner ROCHER droit") == "Scanner droit"


def test_a_second_pass_takes_out_its_spans_even_of_known_words() -> None:
    def second(text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer("M. Tête|Foie", text)]

    cleaner = TextCleaner(OwnValues(), second=second)
    assert cleaner.clean("Lésion du foie vue par M. Tête") == "Lésion du foie vue par"
    assert cleaner.clean("Foie") == ""


@pytest.mark.parametrize(
    "text",
    [
        "T1" + "(" * 50_000 + ")" * 50_000 + "T2",
        "a@" * 30_000,
        "1 " * 50_000,
        "A" * 200_000,
        "dup" * 50_000,
        "1." * 50_000,
        "DU " * 20_000 + "PDUP " * 20_000,
    ],
    ids=["brackets", "at signs", "digits", "letters", "names", "dots", "nested names"],
)
def test_a_text_made_to_take_long_takes_a_moment(text: str) -> None:
    """Where the time grows with the square of the length, these take hours."""
    cleaner = TextCleaner(OwnValues(names=frozenset({"DUPDUP"}), inside=frozenset({"DUPDUP", "AAAAAA"})))
    assert len(cleaner.clean(text)) <= len(text)


@pytest.mark.filterwarnings("ignore")
def test_real_descriptions_keep_nine_words_in_ten(shared_data: Path) -> None:
    keywords = ("StudyDescription", "SeriesDescription", "ProtocolName", "BodyPartExamined")
    texts = set()
    for path in shared_data.rglob("*.dcm"):
        try:
            dataset = dcmread(path, stop_before_pixels=True, specific_tags=list(keywords), force=True)
            texts |= {str(dataset.get(keyword) or "") for keyword in keywords}
        except Exception:  # some of these files are broken on purpose
            continue
    word = re.compile(r"[^\W_]+")
    before = {(text, found) for text in texts for found in word.findall(text)}
    after = {(text, found) for text in texts for found in word.findall(NOBODY.clean(text))}
    assert len(before) > 150
    assert len(after) / len(before) > 0.9


# ── The vocabulary ────────────────────────────────────────────────────────────────────────────────

# The surnames and first names most common in France.
SURNAMES = """
martin bernard thomas robert petit richard durand dubois moreau laurent simon michel lefebvre lefevre
leroy roux david bertrand morel fournier girard bonnet dupont lambert fontaine rousseau vincent muller
mercier faure andre blanc guerin boyer garnier chevalier francois legrand gauthier garcia perrin robin
clement morin nicolas henry roussel mathieu gautier masson marchand duval denis dumont marie lemaire noel
meyer dufour meunier brun blanchard giraud joly riviere lucas brunet gaillard barbier arnaud martinez
gerard roche renard schmitt roy leroux colin vidal caron picard roger fabre aubert lemoine renaud dumas
lacroix olivier philippe bourgeois pierre benoit rey leclerc payet rolland leclercq guillaume lecomte
lopez jean dupuy guillot hubert berger carpentier sanchez dupuis moulin louis deschamps huet vasseur
perez boucher fleury royer klein jacquet adam paris poirier marty aubry guyot carre charles renault
charpentier menard maillard baron bertin bailly herve schneider fernandez collet leger bouvier julien
prevost millet perrot cousin germain breton rose marin lange petitjean blanchet hamel rossi grand bon
ange
"""
FIRST_NAMES = """
jeanne catherine nathalie isabelle jacqueline sylvie monique francoise martine christine nicole valerie
sophie celine stephanie sandrine chantal christiane sarah claire marguerite helene elisabeth christophe
patrick alain daniel christian frederic pascal eric bruno stephane sebastien alexandre maxime claude
jacques antoine emma jade alice lina mila louise anna ambre iris ines lea zoe eva olivia gabriel leo
raphael mael arthur noah jules adam liam mohamed hugo victor paul tim tom max sam ali ben luc marc rene
yves guy remi ida ana amira vida sola constant parfait
"""


def test_no_common_name_is_in_the_vocabulary() -> None:
    names = {name.upper() for name in (SURNAMES + FIRST_NAMES).split()}
    assert not names & vocabulary.words()
    assert not [name for name in names if NOBODY.clean(name)]


def test_the_files_are_sorted_folded_and_say_each_word_once() -> None:
    seen: set[str] = set()
    for file in sorted(vocabulary.FOLDER.glob("*.txt")):
        for section in file.read_text(encoding="ascii").split("\n\n"):
            words = [line for line in section.splitlines() if not line.startswith("#")]
            assert words == sorted(words), (file.name, section.splitlines()[0])
            assert all(re.fullmatch("[a-z0-9]+", word) for word in words), file.name
            assert seen.isdisjoint(words), (file.name, seen.intersection(words))
            seen.update(words)
    assert {word.upper() for word in seen} == vocabulary.words()
    assert vocabulary.units() < vocabulary.words()


def test_the_digest_is_of_the_words_alone() -> None:
    assert re.fullmatch("[0-9a-f]{64}", vocabulary.digest())
