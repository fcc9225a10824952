"""Edits are applied once, nested ones inside the spans that the outer ones keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astmigrate.model import Edit, Span
from astmigrate.rewrite.splice import Overlap, splice


def test_edits_far_apart() -> None:
    assert splice(b"abcdef", [Edit(4, 5, ("X",)), Edit(0, 1, ("Y",))]) == b"YbcdXf"


def test_an_edit_inside_a_kept_span_is_applied() -> None:
    outer = Edit(0, 6, ("f(", Span(1, 3), ", ", Span(4, 6), ")"))
    assert splice(b"abcdef", [outer, Edit(1, 2, ("B",)), Edit(5, 6, ("F",))]) == b"f(Bc, eF)"


def test_an_edit_in_a_part_that_goes_is_dropped() -> None:
    assert splice(b"abcdef", [Edit(0, 4, ("x",)), Edit(1, 2, ("B",))]) == b"xef"


def test_spans_may_change_their_order() -> None:
    assert splice(b"ab", [Edit(0, 2, (Span(1, 2), Span(0, 1)))]) == b"ba"


def test_insertions_come_before_an_edit_at_their_place_in_their_order() -> None:
    edits = [Edit(1, 1, ("1",)), Edit(1, 2, ("B",)), Edit(1, 1, ("2",))]
    assert splice(b"abc", edits) == b"a12Bc"


def test_a_copy_of_a_part_has_its_edits_too() -> None:
    """``x.data = x.data + 1`` where ``data`` is renamed."""
    assert splice(b"x.d+1", [Edit(0, 0, (Span(0, 3), " = ")), Edit(2, 3, ("e",))]) == b"x.e = x.e+1"


def test_overlapping_edits_are_refused() -> None:
    with pytest.raises(Overlap):
        splice(b"abcdef", [Edit(0, 3, ("x",)), Edit(2, 5, ("y",))])


@given(st.text(min_size=1), st.data())
def test_bytes_outside_of_edits_stay(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, len(raw)))
    assert splice(raw, [Edit(start, end, ("é",))]) == raw[:start] + "é".encode() + raw[end:]
