"""Which small files are joined: those of like size, so that rows are not written anew batch after batch."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from federim.lake.tiers import LARGER, worth_joining


def _files(*sizes: int) -> dict[Path, int]:
    return {Path(f"{number:04}"): size for number, size in enumerate(sizes)}


def test_batches_of_like_size_go_together_and_what_is_much_larger_stays() -> None:
    files = _files(5_000_000, 5_010, 5_200, 4_990, 5_100)
    assert sorted(path.name for path in worth_joining(files)) == ["0001", "0002", "0003", "0004"]


def test_of_several_groups_the_one_of_most_files_goes() -> None:
    files = _files(1, 1, 100, 101, 102)
    assert sorted(path.name for path in worth_joining(files)) == ["0002", "0003", "0004"]


def test_no_file_leaves_nothing_to_join() -> None:
    assert worth_joining({}) == []


@given(st.lists(st.integers(1, 2**26), max_size=40))
def test_the_largest_is_no_more_than_twice_the_others(sizes: list[int]) -> None:
    files = _files(*sizes)
    chosen = worth_joining(files)
    assert set(chosen) <= files.keys()
    if len(chosen) > 1:
        *others, largest = sorted(files[path] for path in chosen)
        assert largest <= LARGER * sum(others)


def test_rows_are_written_anew_a_few_times_while_a_lake_grows_a_thousandfold() -> None:
    held: list[int] = []
    written = 0
    for _ in range(1_000):
        held.append(10)
        chosen = worth_joining(_files(*held))
        if len(chosen) > 4:
            joined = sum(held[int(path.name)] for path in chosen)
            held = [size for number, size in enumerate(held) if Path(f"{number:04}") not in chosen]
            held.append(joined)
            written += joined
    assert len(held) < 40
    assert written < 10 * 10_000
