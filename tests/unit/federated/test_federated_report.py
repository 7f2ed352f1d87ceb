"""A run's page: curves that can be read, refusals that are public, nothing that is not text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from federim.model.errors import InputError, UnknownName
from federim_federated import curve, report, run
from federim_federated.codes import PUBLIC_SENTENCE, GateCode

SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_says_who_refused_and_why(consortium, plan_name):
    consortium.agreed(plan_name, rounds=3)
    (consortium.sites["gamma"].plans / f"{plan_name}.json").unlink()
    summary = run.run(consortium.hub, plan_name, list(consortium.sites.values()), actor="ada")
    page = report.write(consortium.hub, summary.run)
    text = page.read_text()
    assert f"<li>gamma, train: {PUBLIC_SENTENCE[GateCode.PLAN_UNKNOWN]}</li>" in text
    assert "$" not in text
    for picture in ("auc.svg", "loss.svg"):
        ET.parse(page.with_name(picture))


def test_a_run_that_did_not_finish_has_no_report(consortium):
    folder = consortium.hub.runs / "20240101T000000Z-stopped"
    folder.mkdir()
    with pytest.raises(InputError, match="did not finish"):
        report.write(consortium.hub, folder.name)


@pytest.mark.parametrize("name", ["..", "../plans", ""])
def test_a_runs_name_leads_nowhere_else(consortium, name):
    with pytest.raises(UnknownName):
        report.write(consortium.hub, name)


def test_a_line_for_each_site_and_one_over_all():
    lines = {"alpha": [(1, 0.6), (2, 0.7)], "beta": [(1, 0.5), (2, 0.8)], curve.ALL: [(1, 0.55), (2, 0.75)]}
    drawn = ET.fromstring(curve.draw("AUC", lines))
    assert len(drawn.findall(f"{SVG}polyline")) == 3
    names = [text.text for text in drawn.iter(f"{SVG}text")]
    assert {"alpha 0.700", "beta 0.800", "all sites 0.750"} <= set(names)


def test_names_at_the_right_never_overlap():
    crowded = {f"site-{number}": [(1, 0.5), (2, 0.7 + number / 1000)] for number in range(8)}
    drawn = ET.fromstring(curve.draw("AUC", crowded))
    labels = [text for text in drawn.iter(f"{SVG}text") if (text.text or "").startswith("site-")]
    heights = sorted(float(text.get("y", 0)) for text in labels)
    assert len(heights) == 8
    assert min(below - above for above, below in pairwise(heights)) >= curve.LABEL_GAP - 0.2
    assert heights[-1] < curve.HEIGHT


def test_a_site_named_in_markup_stays_text():
    drawn = curve.draw("<AUC> & loss", {"<script>": [(1, 0.5)]})
    ET.fromstring(drawn)
    assert "<script>" not in drawn


def test_nothing_to_tell_is_said():
    assert "no site could tell this" in curve.draw("AUC", {"alpha": []})
