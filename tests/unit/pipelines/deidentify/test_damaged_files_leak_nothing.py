"""Flipped bits, files cut short, lengths that lie: cleaned or refused, and never a name let through."""

from __future__ import annotations

import resource
import struct
import tempfile
import zlib
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from made_datasets import CANARY, CANARY_ID, element, files

from federim.model.identifiers import Pseudonym, Subject
from federim_pipelines.deidentify.instance import Deidentifier
from federim_pipelines.deidentify.policy.compilation import load_policy
from federim_pipelines.deidentify.proof import Prover
from federim_pipelines.extract.unusable import Unusable
from federim_pipelines.items import Reason

SUBJECT = Subject(
    person_id=Pseudonym("5eed" * 8), linked=False, date_shift_days=-100, uid_key=bytes(range(32))
)
_NEEDLES = (CANARY.encode(), CANARY.upper().encode(), CANARY.lower().encode(), CANARY_ID.encode())


@cache
def _deidentifier() -> Deidentifier:
    policy = load_policy("research")
    return Deidentifier(policy, lambda _: SUBJECT, prover=Prover.under(policy))


def _outcome(content: bytes) -> bytes | Reason:
    """The bytes written, or why nothing is."""
    try:
        with _deidentifier().content(content) as cleaned, tempfile.TemporaryFile() as file:
            cleaned.write(file.fileno())
            file.seek(0)
            return file.read()
    except Unusable as refusal:
        return refusal.reason
    except (MemoryError, RecursionError):
        raise
    except Exception:
        return Reason.FAILED  # as a batch has it: this file is refused, the next one is read


@st.composite
def _damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(files()))
    # Who the patient is must stay readable: of somebody unknown no value can be recognised.
    name = content.index(b"\x10\x00\x10\x00")
    safe = range(name - 8, content.index(CANARY_ID.encode(), name) + 12)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(132, len(content) - 1))
        assume(at not in safe)
        kind = draw(st.sampled_from(("bit", "byte", "length")))
        if kind == "bit":
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "byte":
            content[at] = draw(st.integers(0, 255))
        elif at + 4 < safe.start or at > safe.stop:
            lie = draw(st.sampled_from((0, 1, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)))
            content[at : at + 4] = struct.pack("<I", lie)
    cut = draw(st.one_of(st.none(), st.integers(safe.stop, len(content))))
    return bytes(content[:cut])


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=_damaged())
def test_no_damage_lets_a_name_through(content: bytes) -> None:
    written = _outcome(content)
    if isinstance(written, bytes):
        assert not [needle for needle in _NEEDLES if needle in written]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=files())
def test_whatever_is_well_formed_is_written_without_its_patient(content: bytes) -> None:
    written = _outcome(content)
    # A patient who is called what their images' class or kind is called is found where that must stand.
    once = content.count(b"1.2.840.10008.5.1.4.1.1.2") == 1 and content.count(b"AXIAL") <= 1
    assume(written is not Reason.PROOF or once)
    assert isinstance(written, bytes), written
    assert not [needle for needle in _NEEDLES if needle in written]


@pytest.fixture
def eight_gigabytes() -> Iterator[None]:
    """No more memory than that, so that a length that lies cannot be believed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _file(dataset: bytes, syntax: bytes = b"1.2.840.10008.1.2.1") -> bytes:
    meta = element(0x00020010, "UI", syntax, explicit=True)
    length = element(0x00020000, "UL", struct.pack("<I", len(meta)), explicit=True)
    return bytes(128) + b"DICM" + length + meta + dataset


_PATIENT = element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2", explicit=True) + element(
    0x00080018, "UI", b"1.2.3", explicit=True
)


@pytest.mark.usefixtures("eight_gigabytes")
@pytest.mark.parametrize(
    "dataset",
    [
        pytest.param(
            _PATIENT + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" * 3000, id="sequences without an item"
        ),
        pytest.param(
            _PATIENT + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000,
            id="three thousand deep",
        ),
        pytest.param(_PATIENT + b"\x10\x00\x10\x00PN\xff\xff", id="a name that never ends"),
        pytest.param(_PATIENT + b"\xe0\x7f\x10\x00OW\0\0\xfe\xff\xff\xff" + bytes(100), id="4 GB of pixels"),
        pytest.param(
            _PATIENT + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + bytes(100), id="fragments of nothing"
        ),
        pytest.param(
            _PATIENT + b"\x09\x00\x10\x10UN\0\0\xff\xff\xff\xff" + bytes(64), id="unknown without end"
        ),
    ],
)
def test_a_file_made_to_exhaust_is_refused(dataset: bytes) -> None:
    assert isinstance(_outcome(_file(dataset)), Reason)


@pytest.mark.usefixtures("eight_gigabytes")
def test_a_deflated_file_that_would_fill_the_memory_is_refused() -> None:
    deflating = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(deflating.compress(bytes(1 << 24)) for _ in range(66)) + deflating.flush()
    assert len(bomb) < 2_000_000
    assert _outcome(_file(bomb, b"1.2.840.10008.1.2.1.99")) is Reason.NOT_SUPPORTED
