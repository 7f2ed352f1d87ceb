"""No word of a command line, nor of a URL, tells of a patient."""

from __future__ import annotations

import pytest

from federim.model.errors import InputError
from federim_pipelines.sources.query_words import OF_A_PATIENT, read_query


@pytest.mark.parametrize("keyword", OF_A_PATIENT)
def test_a_patients_attribute_is_sent_to_the_work_list(keyword: str) -> None:
    with pytest.raises(InputError, match=f"query 2: {keyword}.*--work-list") as error:
        read_query(["StudyDate=20240301", f"{keyword}=8004177193"])
    assert "8004177193" not in str(error.value)
