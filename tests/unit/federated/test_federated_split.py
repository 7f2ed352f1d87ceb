"""The same person is on the same side of the split at every site."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from federim.identity.exchange import Exchange
from federim.keys import keyed
from federim.model.identifiers import Pseudonym
from federim_federated import project_key, site_data
from federim_federated.split import in_test
from federim_federated.tasks import tabular

keys = st.binary(min_size=32, max_size=32)
pseudonyms = st.binary(min_size=16, max_size=16).map(lambda raw: Pseudonym(raw.hex()))
fractions = st.floats(min_value=0.0, max_value=1.0)


@given(keys, pseudonyms, fractions)
def test_one_pseudonym_has_one_side(key, pseudonym, fraction):
    assert in_test(key, pseudonym, fraction) == in_test(key, Pseudonym(str(pseudonym)), fraction)


@given(keys, pseudonyms, fractions, fractions)
def test_a_larger_share_only_adds_to_the_test(key, pseudonym, one, other):
    low, high = sorted((one, other))
    assert in_test(key, pseudonym, high) or not in_test(key, pseudonym, low)


@given(keys)
def test_the_share_is_kept_over_many_persons(key):
    persons = [Pseudonym(keyed(key, str(number))[:16].hex()) for number in range(2000)]
    assert 0.2 < sum(in_test(key, person, 0.3) for person in persons) / len(persons) < 0.4


def test_a_patient_of_two_hospitals_is_on_one_side(consortium):
    sides = {}
    for name in ("alpha", "beta"):
        home = consortium.sites[name]
        key = project_key.read(home, "lesions").key
        persons = consortium.shared_patients(name)
        with Exchange.open(home) as exchange:
            pseudonyms = exchange.project_pseudonyms(persons, key)
        sides[name] = [in_test(key, pseudonyms[person], 0.4) for person in persons]
    assert sides["alpha"] == sides["beta"]
    assert any(sides["alpha"]) and not all(sides["alpha"])


def test_a_site_trains_and_tests_on_the_sides_of_the_projects_pseudonyms(consortium, plan_name, alpha):
    agreed = consortium.agreed(plan_name).plan
    cohort = tabular.read(alpha, agreed)
    key = project_key.read(alpha, agreed.project).key
    with Exchange.open(alpha) as exchange:
        pseudonyms = exchange.project_pseudonyms(cohort.person_ids, key)
    tests = np.array([in_test(key, pseudonyms[person], agreed.test_fraction) for person in cohort.person_ids])
    data = site_data.load(alpha, agreed)
    np.testing.assert_array_equal(data.test.inputs, cohort.inputs[tests])
    np.testing.assert_array_equal(data.train.inputs, cohort.inputs[~tests])
    np.testing.assert_array_equal(data.test.labels, cohort.labels[tests])


def test_that_patient_has_no_common_name_in_the_two_lakes(consortium):
    assert not set(consortium.shared_patients("alpha")) & set(consortium.shared_patients("beta"))
