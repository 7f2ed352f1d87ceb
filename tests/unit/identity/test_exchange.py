"""Who is the same person: at one site, at two sites, in one project, in two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from federim.home import Home, Role
from federim.identity import ins
from federim.identity.enrolment import TokenWanted
from federim.identity.exchange import Exchange, Rewriting
from federim.identity.keyserver import Epoch, Evaluation, KeyServer, open_key_server
from federim.identity.opposition import Opposition
from federim.identity.subjects import shift_days
from federim.identity.vault.epochs import Epochs
from federim.identity.vault.vault import Vault
from federim.model.errors import HomeError, IdentityError, KeyServerAway, Opposed
from federim.model.identifiers import (
    IdentityStatus,
    Ipp,
    LocalId,
    Merge,
    PatientIdentity,
    Pseudonym,
    Sex,
    Subject,
)

Build = Callable[..., PatientIdentity]
PROJECT, OTHER_PROJECT = bytes([1]) * 32, bytes([2]) * 32


def test_a_subject_is_well_formed_and_stays_the_same(make_site: Callable[..., Home], patient: Build) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        subject = exchange.learn(patient("IPP-1"))
        assert exchange.learn(patient("IPP-1")) == subject
    with Exchange.open(home) as exchange:
        assert exchange.find(patient("IPP-1")) == subject
    assert len(subject.person_id) == 32 and int(subject.person_id, 16)
    assert subject.linked
    assert -365 <= subject.date_shift_days <= -1
    assert len(subject.uid_key) == 32


def test_dates_move_by_each_of_365_whole_days_into_the_past() -> None:
    tokens = (number.to_bytes(32) for number in range(10_000))
    assert {shift_days(token) for token in tokens} == set(range(-365, 0))


def test_any_known_identifier_finds_the_person(exchange: Exchange, patient: Build) -> None:
    subject = exchange.learn(patient("IPP-1", "IPP-2"))
    assert exchange.find(patient("IPP-1", matricule=None)) == subject
    assert exchange.find(patient("IPP-2", matricule=None)) == subject
    assert exchange.find(patient()) == subject


def test_new_identifiers_are_added_to_the_person(exchange: Exchange, patient: Build) -> None:
    subject = exchange.learn(patient("IPP-1", matricule=None))
    assert exchange.find(patient("IPP-2", matricule=None)) is None
    assert exchange.learn(patient("IPP-1", "IPP-2", matricule=None)) == subject
    assert exchange.find(patient("IPP-2", matricule=None)) == subject


def test_finding_teaches_nothing(exchange: Exchange, patient: Build) -> None:
    subject = exchange.learn(patient("IPP-1", matricule=None))
    both = patient("IPP-1", "IPP-2", matricule=None)
    assert exchange.find(both) == subject
    assert exchange.find(patient("IPP-2", matricule=None)) is None
    exchange.learn(both)  # what was found must not have been remembered as learned
    assert exchange.find(patient("IPP-2", matricule=None)) == subject


def test_the_same_number_from_another_issuer_is_another_person(exchange: Exchange) -> None:
    subjects = {
        exchange.learn(PatientIdentity(local=(LocalId(issuer=issuer, value=Ipp("42")),))).person_id
        for issuer in ("", "LAB", "fhir")
    }
    assert len(subjects) == 3


def test_spaces_around_an_identifier_do_not_matter(exchange: Exchange, patient: Build) -> None:
    assert exchange.learn(patient(" IPP-1 ", matricule=None)) == exchange.learn(
        patient("IPP-1", matricule=None)
    )


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_identifiers_make_nobody(exchange: Exchange, patient: Build, blank: str) -> None:
    with pytest.raises(IdentityError, match="blank"):
        exchange.learn(patient(blank, matricule=None))


def test_text_that_cannot_be_encoded_is_refused_and_not_repeated(exchange: Exchange, patient: Build) -> None:
    with pytest.raises(IdentityError) as refusal:
        exchange.learn(patient("DUPONT\udce9", matricule=None))
    assert "DUPONT" not in str(refusal.value)
    assert refusal.value.__cause__ is None and refusal.value.__suppress_context__


def test_the_same_ins_links_two_sites_in_a_project(make_site: Callable[..., Home], patient: Build) -> None:
    subjects: dict[str, Subject] = {}
    pseudonyms: dict[bytes, dict[str, Pseudonym]] = {PROJECT: {}, OTHER_PROJECT: {}}
    for name in ("alpha", "beta"):
        with Exchange.open(make_site(name)) as exchange:
            subjects[name] = exchange.learn(patient(f"IPP-of-{name}"))
            for key, by_site in pseudonyms.items():
                by_site.update(
                    {
                        name: exchange.project_pseudonyms([subjects[name].person_id], key)[
                            subjects[name].person_id
                        ]
                    }
                )
    alpha, beta = subjects["alpha"], subjects["beta"]
    assert alpha.person_id != beta.person_id
    assert (alpha.date_shift_days, alpha.uid_key) == (beta.date_shift_days, beta.uid_key)
    assert pseudonyms[PROJECT]["alpha"] == pseudonyms[PROJECT]["beta"]
    assert pseudonyms[OTHER_PROJECT]["alpha"] == pseudonyms[OTHER_PROJECT]["beta"]
    assert pseudonyms[PROJECT]["alpha"] != pseudonyms[OTHER_PROJECT]["alpha"]


def test_sites_with_their_own_keys_link_nobody(make_site: Callable[..., Home], patient: Build) -> None:
    seen = []
    for name in ("alpha", "beta"):
        with Exchange.open(make_site(name, key_server="")) as exchange:
            subject = exchange.learn(patient("IPP-1"))
            seen.append(
                (subject.uid_key, *exchange.project_pseudonyms([subject.person_id], PROJECT).values())
            )
    assert set(seen[0]).isdisjoint(seen[1])


def test_a_local_identity_is_unknown_elsewhere(make_site: Callable[..., Home], patient: Build) -> None:
    seen = []
    for name in ("alpha", "beta"):
        with Exchange.open(make_site(name)) as exchange:
            subject = exchange.learn(patient("IPP-1", matricule=None))
            assert not subject.linked
            seen.append(
                (
                    subject.person_id,
                    subject.uid_key,
                    *exchange.project_pseudonyms([subject.person_id], PROJECT).values(),
                )
            )
    assert set(seen[0]).isdisjoint(seen[1])


def test_two_projects_share_no_pseudonym(exchange: Exchange, patient: Build) -> None:
    person_ids = [
        exchange.learn(patient(f"IPP-{number}", matricule=f"28505780{number:05d}")).person_id
        for number in range(600)  # more than one query's parameters
    ]
    one = exchange.project_pseudonyms(person_ids, PROJECT)
    other = exchange.project_pseudonyms(person_ids, OTHER_PROJECT)
    assert one.keys() == other.keys() == set(person_ids)
    assert len({*one.values(), *other.values(), *person_ids}) == 3 * len(person_ids)


def test_a_project_never_gets_a_person_the_vault_does_not_know(exchange: Exchange, patient: Build) -> None:
    known = exchange.learn(patient("IPP-1")).person_id
    with pytest.raises(IdentityError, match="1 of 2 persons"):
        exchange.project_pseudonyms([known, Pseudonym("f" * 32)], PROJECT)
    with pytest.raises(IdentityError, match="0 bytes"):
        exchange.project_pseudonyms([known], b"")


def test_a_late_ins_makes_another_subject_and_leaves_rows_to_rewrite(
    make_site: Callable[..., Home], patient: Build
) -> None:
    with Exchange.open(make_site("beta")) as elsewhere:
        expected = elsewhere.learn(patient("IPP-9"))
    with Exchange.open(make_site()) as exchange:
        early = exchange.learn(patient("IPP-1", matricule=None))
        assert exchange.rewritings() == []
        late = exchange.learn(patient("IPP-1"))
        assert late.linked and late.person_id != early.person_id
        # What is derived from the token alone is what every other site has of the person.
        assert (late.uid_key, late.date_shift_days) == (expected.uid_key, expected.date_shift_days)
        assert exchange.find(patient()) == exchange.find(patient("IPP-1", matricule=None)) == late
        assert exchange.rewritings() == [Rewriting(old=early, new=late)]
        exchange.rewritten(early.person_id)
        assert exchange.rewritings() == []


def test_a_waiting_number_is_followed_by_a_registered_one_and_not_back(
    exchange: Exchange, patient: Build
) -> None:
    waiting = exchange.learn(patient("IPP-1", matricule="7850578006084", oid=ins.NIA))
    registered = exchange.learn(patient("IPP-1"))
    assert waiting.linked and registered.linked and waiting != registered
    assert exchange.find(patient(matricule="7850578006084", oid=ins.NIA)) == registered
    assert exchange.learn(patient("IPP-1", matricule="7850578006084", oid=ins.NIA)) == registered
    assert exchange.rewritings() == [Rewriting(old=waiting, new=registered)]


def test_an_ins_known_by_another_number_joins_who_had_none(exchange: Exchange, patient: Build) -> None:
    local, linked = exchange.learn(patient("IPP-1", matricule=None)), exchange.learn(patient("IPP-2"))
    assert exchange.learn(patient("IPP-1")) == linked
    assert exchange.find(patient("IPP-1", matricule=None)) == linked
    assert exchange.rewritings() == [Rewriting(old=local, new=linked)]


def test_a_person_renamed_twice_waits_to_be_rewritten_once_each(exchange: Exchange, patient: Build) -> None:
    local = exchange.learn(patient("IPP-1", matricule=None))
    waiting = exchange.learn(patient("IPP-1", matricule="7850578006084", oid=ins.NIA))
    registered = exchange.learn(patient("IPP-1"))
    assert {(one.old.person_id, one.new.person_id) for one in exchange.rewritings()} == {
        (local.person_id, registered.person_id),
        (waiting.person_id, registered.person_id),
    }


@pytest.mark.parametrize("act", ["learn", "find"])
def test_identifiers_of_two_persons_are_refused(exchange: Exchange, patient: Build, act: str) -> None:
    exchange.learn(patient("IPP-1", matricule="2850578006084"))
    exchange.learn(patient("IPP-2"))
    for contradiction in (patient("IPP-1", "IPP-2", matricule=None), patient("IPP-1")):
        with pytest.raises(IdentityError, match=r"different persons") as refusal:
            getattr(exchange, act)(contradiction)
        assert "IPP" not in str(refusal.value)
    assert exchange.rewritings() == []


def test_a_second_ins_of_one_authority_is_refused(exchange: Exchange, patient: Build) -> None:
    subject = exchange.learn(patient("IPP-1"))
    with pytest.raises(IdentityError, match="second INS"):
        exchange.learn(patient("IPP-1", matricule="2850578006084"))
    assert exchange.learn(patient("IPP-1", matricule="7850578006084", oid=ins.NIA)) == subject


@pytest.mark.parametrize(
    "wrong",
    [{"key": "00"}, {"oid": ins.TEST}, {"oid": ins.DEMO}, {"oid": "1.2.3"}, {"matricule": "2", "key": "1"}],
)
@pytest.mark.parametrize("status", IdentityStatus)
def test_a_wrong_ins_makes_nobody(
    exchange: Exchange, patient: Build, wrong: dict[str, str], status: IdentityStatus
) -> None:
    with pytest.raises(IdentityError):
        exchange.learn(patient("IPP-1", status=status, **wrong))
    assert exchange.find(patient("IPP-1", matricule=None)) is None


def test_a_test_home_takes_test_identities(make_site: Callable[..., Home], patient: Build) -> None:
    with Exchange.open(make_site(test_identities=True)) as exchange:
        assert exchange.learn(patient("IPP-1", oid=ins.TEST)).linked
        assert exchange.learn(patient("IPP-1", oid=ins.NIR)).linked


@pytest.mark.parametrize(
    "status", [status for status in IdentityStatus if status is not IdentityStatus.QUALIFIED]
)
def test_an_ins_that_is_not_qualified_joins_nothing(
    exchange: Exchange, patient: Build, status: IdentityStatus
) -> None:
    alone = exchange.learn(patient(status=status))
    assert not alone.linked
    assert exchange.learn(patient(status=status)) == alone
    beside_an_ipp = exchange.learn(patient("IPP-1", status=status))
    assert beside_an_ipp.person_id != alone.person_id
    assert exchange.learn(patient("IPP-2")).person_id not in (alone.person_id, beside_an_ipp.person_id)


def test_a_changed_key_server_links_nobody_new(make_site: Callable[..., Home], patient: Build) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        exchange.learn(patient("IPP-1"))
    elsewhere = Home(home.root, home.settings.model_copy(update={"key_server": ""}))
    with Exchange.open(elsewhere) as exchange:
        with pytest.raises(IdentityError, match="another key server"):
            exchange.learn(patient("IPP-2", matricule="2850578006084"))
        assert exchange.find(patient("IPP-2", matricule=None)) is None
        assert not exchange.learn(patient("IPP-3", matricule=None)).linked


def test_the_files_of_one_patient_cost_one_look_up(exchange: Exchange, patient: Build) -> None:
    exchange.learn(patient("IPP-1"))
    asked: list[str] = []
    exchange._vault.database._database._connection.set_trace_callback(asked.append)
    for _ in range(1000):
        exchange.learn(patient("IPP-1"))
        exchange.find(patient("IPP-1"))
    assert asked == []


def test_the_key_server_is_asked_once_for_all_new_patients(exchange: Exchange, patient: Build) -> None:
    told = [patient(f"IPP-{number}", matricule=f"28505780{number:05d}") for number in range(20)]
    subjects = exchange.learn_many([*told, *told, patient("IPP-L", matricule=None)])
    assert exchange._key_server.evaluated == 100  # 20 and what hides how many they are
    assert subjects[:20] == subjects[20:40] and len({one.person_id for one in subjects}) == 21
    exchange.learn_many(told)
    exchange.learn(patient("IPP-1", "IPP-OTHER", matricule=None))
    assert exchange._key_server.evaluated == 100


def test_what_cannot_be_learned_leaves_the_others_alone(exchange: Exchange, patient: Build) -> None:
    blank, wrong = patient("  ", matricule=None), patient("IPP-2", key="00")
    good, blank_error, wrong_error, same = exchange.learn_many(
        [patient("IPP-1"), blank, wrong, patient("IPP-1")]
    )
    assert good == same and isinstance(good, Subject)
    assert isinstance(blank_error, IdentityError) and isinstance(wrong_error, IdentityError)


def test_persons_without_a_token_are_gathered_and_asked_for_together(
    exchange: Exchange, patient: Build
) -> None:
    known = exchange.learn(patient("IPP-1"))
    other = patient("IPP-2", matricule="2850578006084")
    with exchange.gathering() as gathered:
        assert exchange.learn(patient("IPP-1")) == known
        for _ in range(2):
            with pytest.raises(TokenWanted):
                exchange.learn(other)
        assert not exchange.learn(patient("IPP-3", matricule=None)).linked
    assert {one.local for one in gathered} == {other.local}
    [learned] = exchange.learn_many(gathered[:1])
    assert exchange.learn(other) == learned


class AwayKeyServer:
    """A key server nobody reaches, until it is set going."""

    def __init__(self, behind: KeyServer) -> None:
        self._behind = behind
        self.away = True

    def epochs(self) -> tuple[Epoch, ...]:
        if self.away:
            raise KeyServerAway("key server: no answer")
        return self._behind.epochs()

    def evaluate(
        self, points: Sequence[bytes], *, epoch: int | None = None, prove: bool = True
    ) -> Evaluation:
        if self.away:
            raise KeyServerAway("key server: no answer")
        return self._behind.evaluate(points, epoch=epoch, prove=prove)

    def close(self) -> None:
        self._behind.close()


def test_while_the_key_server_is_away_the_known_and_the_local_go_on(
    make_site: Callable[..., Home], patient: Build
) -> None:
    home = make_site()
    with Exchange.open(home) as exchange:
        known = exchange.learn(patient("IPP-1"))
    server = AwayKeyServer(open_key_server(home))
    new = patient("IPP-2", matricule="2850578006084")
    with closing(Exchange(home, Vault.open(home), server)) as exchange:
        away, still_known, local = exchange.learn_many(
            [new, patient("IPP-1"), patient("IPP-3", matricule=None)]
        )
        assert isinstance(away, KeyServerAway) and still_known == known and not local.linked
    with Exchange.open(home) as exchange:  # whoever opens the vault knows who is waited for
        for act in (exchange.find, exchange.learn):
            with pytest.raises(KeyServerAway):
                act(patient("IPP-2", matricule=None))
        linked = exchange.learn(new)
        assert exchange.find(patient("IPP-2", matricule=None)) == linked and linked.linked


def test_what_is_remembered_has_a_bound(
    exchange: Exchange, patient: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("federim.identity.exchange.RECENT_IDENTITIES", 2)
    subjects = [exchange.learn(patient(f"IPP-{number}", matricule=None)) for number in range(5)]
    assert len(exchange._recent) == 2
    assert [exchange.find(patient(f"IPP-{number}", matricule=None)) for number in range(5)] == subjects


def test_only_a_site_has_an_exchange(make_home: Callable[..., Home]) -> None:
    with pytest.raises(HomeError, match="hub"):
        Exchange.open(make_home("hub", role=Role.HUB))


def test_nothing_shows_a_value(exchange: Exchange, patient: Build) -> None:
    identity = patient("IPP-1")
    subject = exchange.learn(identity)
    shown = " ".join(map(repr, (exchange, exchange._key_server, identity, subject)))
    assert "IPP-1" not in shown and "285052A" not in shown
    assert subject.uid_key.hex() not in shown and repr(subject.uid_key) not in shown


@pytest.mark.parametrize(
    ("birth", "sex", "doubts"),
    [
        (dt.date(1979, 3, 28), Sex.FEMALE, ()),
        (None, None, ()),
        (dt.date(1979, 4, 28), Sex.FEMALE, ("birth",)),
        (dt.date(1980, 3, 28), None, ("birth",)),
        (dt.date(1979, 3, 28), Sex.MALE, ("sex",)),
        (dt.date(1947, 3, 1), Sex.MALE, ("birth", "sex")),
    ],
)
def test_an_ins_that_contradicts_its_record_is_flagged_and_links_nobody(
    exchange: Exchange, patient: Build, birth: dt.date | None, sex: Sex | None, doubts: tuple[str, ...]
) -> None:
    told = replace(patient("IPP-1", matricule="2790351215189"), birth_date=birth, sex=sex)
    subject = exchange.learn(told)
    assert (subject.doubts, subject.linked) == (doubts, not doubts)
    assert exchange.find(told) == subject


def test_an_ins_whose_month_is_not_known_contradicts_no_month(exchange: Exchange, patient: Build) -> None:
    told = replace(patient("IPP-1", matricule="2793351215189"), birth_date=dt.date(1979, 3, 28))
    assert exchange.learn(told).doubts == ()


def test_a_doubtful_ins_joins_no_two_records(exchange: Exchange, patient: Build) -> None:
    linked = exchange.learn(patient("IPP-1", matricule="2790351215189"))
    doubtful = replace(patient("IPP-2", matricule="2790351215189"), sex=Sex.MALE)
    assert exchange.learn(doubtful).person_id != linked.person_id


def test_two_files_that_a_register_joins_are_one_person(exchange: Exchange, patient: Build) -> None:
    survivor, retired = patient("IPP-1", matricule=None), patient("IPP-2", matricule=None)
    subject = exchange.merge(Merge(survivor=survivor, retired=retired))
    assert exchange.find(survivor) == exchange.find(retired) == subject
    assert exchange.merge(Merge(survivor=patient("IPP-3", matricule=None), retired=retired)) == subject


def test_of_two_persons_with_a_pseudonym_each_the_one_with_an_ins_stays(
    exchange: Exchange, patient: Build
) -> None:
    local, linked = patient("IPP-1", matricule=None), patient("IPP-2")
    before = exchange.learn(local), exchange.learn(linked)
    assert exchange.merge(Merge(survivor=local, retired=patient("IPP-2", matricule=None))) == before[1]
    assert exchange.find(local) == exchange.find(linked) == before[1]
    assert exchange.rewritings() == [Rewriting(old=before[0], new=before[1])]


def test_two_persons_with_an_ins_each_are_not_joined(exchange: Exchange, patient: Build) -> None:
    survivor, retired = patient("IPP-1"), patient("IPP-2", matricule="2850578006084")
    before = exchange.learn(survivor), exchange.learn(retired)
    with pytest.raises(IdentityError, match="an INS each"):
        exchange.merge(Merge(survivor=survivor, retired=retired))
    assert (exchange.find(survivor), exchange.find(retired)) == before
    assert exchange.rewritings() == []


def test_whoever_objects_is_neither_found_nor_learned_under_any_number(
    exchange: Exchange, patient: Build
) -> None:
    exchange.learn(patient("IPP-1"))
    told = patient("IPP-1")
    vault = exchange._vault
    with vault.database.transaction():
        vault.suppression.add(vault.suppression.of_identity(told))
    exchange._recent.clear()
    for act in (exchange.find, exchange.learn):
        with pytest.raises(Opposed):
            act(patient("IPP-1", "IPP-NEW", matricule=None))
        with pytest.raises(Opposed):
            act(patient("IPP-NEW", matricule=None))


def test_another_site_tells_who_objects_before_they_come(
    make_site: Callable[..., Home], patient: Build
) -> None:
    with Exchange.open(make_site("beta")) as elsewhere:
        person_id = elsewhere.learn(patient("IPP-9")).person_id
        vault = elsewhere._vault
        [token] = vault.people.secrets([person_id], Epochs(vault.database).newest()).values()
    with Exchange.open(make_site("alpha")) as exchange:
        suppression = exchange._vault.suppression
        suppression.add([suppression.of_notice(Opposition.notice(token, "alpha"))])
        with pytest.raises(Opposed):
            exchange.learn(patient("IPP-1"))
        with pytest.raises(Opposed):
            exchange.find(patient("IPP-1", matricule=None))
        assert exchange.learn(patient("IPP-2", matricule="2850578006084")).linked


def _numbered(issuer: str, authority: str = "") -> PatientIdentity:
    return PatientIdentity(local=(LocalId(issuer=issuer, value=Ipp("000003"), authority=authority),))


def test_a_site_that_lists_its_registers_takes_no_other_number_for_its_own(
    make_site: Callable[..., Home],
) -> None:
    home = make_site(registers=("CHU-X", "1.2.250.9.1"))
    with Exchange.open(Home.open(home.root)) as exchange:
        own = exchange.learn(_numbered(""))
        for same in (_numbered("", "CHU-X"), _numbered("CHU-X"), _numbered("1.2.250.9.1")):
            assert exchange.learn(same) == own
        elsewhere = exchange.learn(_numbered("", "1.2.250.9.2"))
        assert elsewhere != own
        assert exchange.learn(_numbered("1.2.250.9.2")) == elsewhere


def test_a_site_that_lists_none_takes_what_the_source_took_for_its_own(exchange: Exchange) -> None:
    assert exchange.learn(_numbered("", "CHU-X")) == exchange.learn(_numbered(""))
    assert exchange.learn(_numbered("CHU-X")) != exchange.learn(_numbered(""))
