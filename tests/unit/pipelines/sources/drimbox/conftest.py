"""A DRIMbox source over TLS with its provider of tokens, and a consumer that may ask it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from asgi_servers import Paper, Serve
from dicomweb_store import scan
from drimbox_hospital import SERIES, Hospital
from drimbox_source import DrimboxSource, Provider

from federim.home import Home
from federim_pipelines.sources.drimbox.allow_list import signed


@pytest.fixture
def hospital(site: Home, serve: Serve, paper: Paper, tmp_path: Path) -> Hospital:
    """A DRIMbox that holds one study of two series and three instances."""
    provider = Provider()
    provider.url = serve(provider.app(), paper)
    folder = tmp_path / "drimbox"
    folder.mkdir()
    source = DrimboxSource(folder, active=provider.live.__contains__)
    url = f"{serve(source.app(), paper)}/drimbox"
    listed, sources = tmp_path / "sources.toml", tmp_path / "sources.json"
    listed.write_text(
        f'expires = 2099-01-01\n[[source]]\nname = "chu-nord"\nurl = "{url}"\n'
        f'certificates = ["{paper.fingerprint}"]\nlocations = ["1.2.40.0.34"]\n'
    )
    sources.write_text(json.dumps(signed(site, listed)))
    made = Hospital(site, paper, provider, source, url, sources)
    made.stock(
        *(
            scan(one, series=series, PatientBirthDate="19800614", PatientSex="F")
            for series in SERIES
            for one in SERIES[series]
        )
    )
    return made
