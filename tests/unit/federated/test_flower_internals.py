"""Names that Flower does not promise: if this fails, flwr was upgraded, and the grid must be read again."""

from __future__ import annotations

import ast
import dataclasses
import importlib.metadata
import inspect
import os
from pathlib import Path

import pytest

import federim_federated
from federim_federated import flower, flower_internals

ALLOWED = {"flower.py", "flower_internals.py"}


def test_flwr_is_the_version_these_names_were_read_in():
    installed = importlib.metadata.version("flwr")
    assert installed.startswith(f"{flower_internals.VERSION}."), (
        f"flwr {installed}: read flower_internals.py again"
    )


def test_the_names_have_the_signatures_they_had():
    from flwr.common import serde
    from flwr.supercore.run import Run
    from flwr.supercore.task_identity import TaskIdentity

    assert list(inspect.signature(serde.message_to_proto).parameters) == ["message"]
    assert list(inspect.signature(serde.message_from_proto).parameters) == ["message_proto"]
    assert list(inspect.signature(Run.create_empty).parameters) == ["run_id"]
    assert "run_id" in {field.name for field in dataclasses.fields(Run)}
    assert {"_task_id", "_run_id", "_node_id"} <= set(vars(TaskIdentity))


def test_the_grid_has_no_method_we_do_not_implement():
    from federim_federated.local import LocalGrid

    assert flower.Grid.__abstractmethods__ == {
        "create_message",
        "get_node_ids",
        "pull_messages",
        "push_messages",
        "run",
        "send_and_receive",
        "set_run",
    }
    for name in flower.Grid.__abstractmethods__ - {"run"}:
        ours, theirs = (
            inspect.signature(getattr(kind, name)).parameters for kind in (LocalGrid, flower.Grid)
        )
        assert list(ours) == list(theirs), name


def test_a_message_keeps_its_number_over_the_wire():
    with flower_internals.server_identity(run_id=9):
        message = flower.Message(flower.RecordDict(), dst_node_id=2, message_type="train")
    flower_internals.number(message, "9-1")
    received = flower_internals.over_the_wire(message)
    assert (received.metadata.message_id, received.metadata.run_id) == ("9-1", 9)
    assert received is not message


def test_outside_a_run_this_process_speaks_for_nobody():
    with flower_internals.server_identity(run_id=9):
        pass
    with pytest.raises(RuntimeError, match="not set"):
        flower.Message(flower.RecordDict(), dst_node_id=2, message_type="train")


def test_telemetry_and_update_check_are_off():
    from flwr.supercore import telemetry

    assert telemetry.FLWR_TELEMETRY_ENABLED == "0"
    assert os.environ["FLWR_DISABLE_UPDATE_CHECK"] == "1"


def test_only_two_files_import_flwr():
    package = Path(federim_federated.__file__).parent
    importing = {
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "flwr")
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "flwr" for name in node.names))
    }
    assert importing == ALLOWED
