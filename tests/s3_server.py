"""An S3 server on loopback, for tests, and homes that keep their objects there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

from federim.home import Home

CREDENTIALS = "[default]\naws_access_key_id = a-key\naws_secret_access_key = 50%-a-secret\n"


@dataclass(frozen=True)
class Bucket:
    """A bucket of the server, seen past Federim."""

    endpoint: str
    name: str
    client: Any

    def home(self, make_home: Callable[..., Home], prefix: str = "centre/objects", **options: Any) -> Home:
        """A site that keeps its objects here."""
        home = make_home(
            objects_url=f"s3://{self.name}/{prefix}",
            s3_endpoint=self.endpoint,
            s3_region="us-east-1",
            s3_credentials="s3.credentials",
            **options,
        )
        file = home.root / "s3.credentials"
        file.write_text(CREDENTIALS)
        file.chmod(0o400)
        return home

    def names(self, prefix: str = "centre/objects") -> list[str]:
        """The stored objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        found = [
            each["Key"].removeprefix(f"{prefix}/") for page in pages for each in page.get("Contents", ())
        ]
        return sorted(name for name in found if name.endswith(".dcm"))

    def content(self, name: str, prefix: str = "centre/objects") -> bytes:
        body: bytes = self.client.get_object(Bucket=self.name, Key=f"{prefix}/{name}")["Body"].read()
        return body

    def version(self, status: str) -> None:
        """Have the bucket keep versions (Enabled), or no more (Suspended)."""
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of a server that lives as long as the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> Bucket:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="a-key",
        aws_secret_access_key="50%-a-secret",
    )
    name = f"federim-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return Bucket(endpoint, name, client)
