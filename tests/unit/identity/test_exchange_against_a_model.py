"""Whatever is learned in whatever order, the exchange agrees with a few lines of plain Python."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from federim.home import Home, Role
from federim.identity import ins
from federim.identity.exchange import Exchange
from federim.model.errors import IdentityError
from federim.model.identifiers import IdentityStatus, Ipp, LocalId, NationalId, PatientIdentity

local_ids = st.builds(LocalId, issuer=st.sampled_from(["", "LAB"]), value=st.sampled_from("abc").map(Ipp))
national_ids = st.builds(
    NationalId,
    oid=st.sampled_from([ins.NIR, ins.NIA]),
    value=st.sampled_from(["285052A004123", "2850578006084"]).map(ins.with_key),
    status=st.just(IdentityStatus.QUALIFIED),
)
identities = (
    st.tuples(st.lists(local_ids, max_size=3), st.none() | national_ids)
    .filter(any)
    .map(lambda told: PatientIdentity(local=tuple(told[0]), national=told[1]))
)


class PlainPython:
    """Persons are numbers in the order they came; an identifier belongs to one of them."""

    def __init__(self) -> None:
        self.owners: dict[LocalId | NationalId, int] = {}
        self.numbers = count()
        self.retired: set[int] = set()

    def learn(self, identity: PatientIdentity) -> int | None:
        """The person's number, or None where the identity contradicts what is known."""
        told = [*identity.local, *([identity.national] if identity.national else [])]
        known = {self.owners[identifier] for identifier in told if identifier in self.owners}
        national, person = identity.national, None
        if not known:
            person = next(self.numbers)
        elif len(known) > 1:
            person = self.owners.get(national) if national else None
            if person is None or not all(self.yields(one, national) for one in known - {person}):
                return None
            oids = [oid for one in known for oid in self.oids(one)]
            if len(oids) > len(set(oids)):
                return None
        else:
            [person] = known
            if national is not None and national not in self.owners:
                if national.oid in self.oids(person):
                    return None
                if self.yields(person, national):
                    person = next(self.numbers)
        self.retired |= known - {person}
        for kept, owner in self.owners.items():
            self.owners[kept] = person if owner in known else owner
        self.owners.update(dict.fromkeys(told, person))
        return person

    def oids(self, person: int) -> set[str]:
        return {
            kept.oid
            for kept, owner in self.owners.items()
            if owner == person and isinstance(kept, NationalId)
        }

    def yields(self, person: int, national: NationalId | None) -> bool:
        """Whether an INS may tell who that person is."""
        oids = self.oids(person)
        return national is not None and (not oids or (oids == {ins.NIA} and national.oid == ins.NIR))

    def linked(self, person: int) -> bool:
        return bool(self.oids(person))


@settings(max_examples=60, deadline=None)
@given(told=st.lists(identities, max_size=12))
def test_the_exchange_agrees_with_plain_python(told: list[PatientIdentity]) -> None:
    model, numbers = PlainPython(), dict[str, int]()
    with TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "alpha", role=Role.SITE, name="alpha")
        with Exchange.open(home) as exchange:
            for identity in told:
                expected = model.learn(identity)
                try:
                    subject = exchange.learn(identity)
                except IdentityError:
                    assert expected is None
                else:
                    assert expected is not None
                    assert numbers.setdefault(subject.person_id, expected) == expected
                    assert subject.linked == model.linked(expected)
                    assert exchange.find(identity) == subject
            assert len(set(numbers.values())) == len(numbers)
            assert len(exchange.rewritings()) == len(model.retired)
            assert {one.old.person_id for one in exchange.rewritings()} == {
                person_id for person_id, number in numbers.items() if number in model.retired
            }
