"""A body is cut into items without judging them: a broken one does not cost its neighbours."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.sources.bodies import BadBody, items_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), PLAIN, max_size=4), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b' {"id": 1} \n', [b'{"id": 1}']),
        (b'\xef\xbb\xbf[{"id": 1}, 2]', [b'{"id": 1}', b"2"]),
        (b"[]", []),
        (b'{"id": 1}\r\n\r\n{"id":\r\n{"id": 3}', [b'{"id": 1}', b'{"id":', b'{"id": 3}']),
        (b'[{"t": "\\ud800"}, {"t": "],["}]', [b'{"t": "\\ud800"}', b'{"t": "],["}']),
        (b'[{"t": NaN}, {"t": 1},]', [b'{"t": NaN}', b'{"t": 1}', b""]),
        (b'{"t": "\\ud800",\n "u": 1}', [b'{"t": "\\ud800",\n "u": 1}']),
        (b'{"t": "\\ud800"}\n{"t": NaN}', [b'{"t": "\\ud800"}', b'{"t": NaN}']),
        (b'[{"id": 1}, ' + b"[" * 3000 + b"]" * 3000 + b"]", [b'{"id": 1}', b"[" * 3000 + b"]" * 3000]),
    ],
)
def test_each_form_gives_its_items(body, items):
    """One object, an array, JSON lines; with what is wrong inside an item left to whoever reads it."""
    assert items_of(body) == items


@pytest.mark.parametrize(
    "body",
    [b"3", b'"x"', b'{"id":', b"[1] [2]", b"[1", b'["x]', b'{"a": NaN} "', b"[NaN}x", b"<xml/>", b"[" * 500_000],
)
def test_what_holds_no_item_is_refused(body):
    """Unbalanced or no JSON at all: one word, whatever the size."""
    with pytest.raises(BadBody) as caught:
        items_of(body)
    assert caught.value.reason == "not_json"


@pytest.mark.parametrize("body", [b"", b" \n", b"\xef\xbb\xbf"])
def test_nothing_is_empty(body):
    """Nothing sent is told apart from something broken."""
    with pytest.raises(BadBody, match="empty"):
        items_of(body)


@settings(max_examples=60)
@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_an_array_and_lines_give_the_same_items(objects, ascii_only, indent):
    """The form in which items are sent does not change them; a neighbour that is no JSON changes nothing either."""
    dumped = [json.dumps(one, ensure_ascii=ascii_only).encode() for one in objects]
    assert [json.loads(item) for item in items_of(b"\n".join(dumped))] == objects
    array = json.dumps(objects, ensure_ascii=ascii_only, indent=indent).encode()
    assert [json.loads(item) for item in items_of(array)] == objects
    spoiled = array[:-1] + b', {"n": NaN}]'
    items = items_of(spoiled)
    assert [json.loads(item) for item in items[:-1]] == objects
    assert items[-1] == b'{"n": NaN}'


@settings(max_examples=200)
@given(
    st.binary(max_size=40) | st.lists(st.sampled_from(list('[]{},"\\n 1a:')), max_size=30).map("".join).map(str.encode)
)
def test_nothing_else_is_raised(body):
    """Any bytes give items that are pieces of them, or one word."""
    try:
        outcome = [item in body for item in items_of(body)]
    except BadBody as bad:
        outcome = [bad.reason in {"empty", "not_json"}]
    assert all(outcome)
