"""Pairs that differ in one place of a JSON body."""

from framework_gateway.compare.findings import Kind
from tests.compare.pairs.model import json

MISSING, VALUE, TYPE, NULL = Kind.MISSING, Kind.VALUE, Kind.TYPE, Kind.NULL
SPELLING, ORDER, REPEATED = Kind.SPELLING, Kind.ORDER, Kind.REPEATED

DOCUMENTS = [
    json("text", '{"a": "x"}', '{"a": "y"}', "/a", VALUE, '"x"', '"y"'),
    json("capitals", '{"a": "Tea"}', '{"a": "tea"}', "/a", VALUE, '"Tea"', '"tea"'),
    json("a space", '{"a": "x"}', '{"a": "x "}', "/a", VALUE, '"x"', '"x "'),
    json("composed", '"\\u00e9"', '"e\\u0301"', "", VALUE, r'"\u00e9"', r'"e\u0301"'),
    json("number", '{"a": 1}', '{"a": 2}', "/a", VALUE, "1", "2"),
    json(
        "long ids",
        '{"id": 9007199254740993}',
        '{"id": 9007199254740992}',
        "/id",
        VALUE,
        "9007199254740993",
        "9007199254740992",
    ),
    json("one or one point zero", "[1]", "[1.0]", "/0", SPELLING, "1", "1.0"),
    json("exponent", "[100]", "[1e2]", "/0", SPELLING, "100", "1e2"),
    json("minus zero", "[0]", "[-0]", "/0", SPELLING, "0", "-0"),
    json("trailing zero", "[1.10]", "[1.1]", "/0", SPELLING, "1.10", "1.1"),
    json("beyond a double", "[1e400]", "[1e401]", "/0", VALUE, "1e400", "1e401"),
    json(
        "beyond Decimal",
        "[1e9999999999999999999]",
        "[1]",
        "/0",
        VALUE,
        "1e9999999999999999999",
        "1",
    ),
    json("last digit", "[0.1]", "[0.10000000000000001]", "/0", VALUE, "0.1", "0.10000000000000001"),
    json("number or text", '{"a": 1}', '{"a": "1"}', "/a", TYPE, "1", '"1"'),
    json("boolean or text", '{"a": true}', '{"a": "true"}', "/a", TYPE, "true", '"true"'),
    json("boolean or number", '{"a": true}', '{"a": 1}', "/a", TYPE, "true", "1"),
    json("not a number or null", '{"a": NaN}', '{"a": null}', "/a", NULL, "NaN", "null"),
    json("infinity", '{"a": Infinity}', '{"a": 1e999}', "/a", VALUE, "Infinity", "1e999"),
    json("null or missing", '{"a": null}', "{}", "/a", MISSING, "null", None),
    json("null or empty", '{"a": null}', '{"a": ""}', "/a", NULL, "null", '""'),
    json("null or no items", '{"a": null}', '{"a": []}', "/a", NULL, "null", "[]"),
    json("object or array", '{"a": {}}', '{"a": []}', "/a", TYPE, "{}", "[]"),
    json("one or many", '{"a": {"b": 1}}', '{"a": [{"b": 1}]}', "/a", TYPE, '{"b":1}', '[{"b":1}]'),
    json("member more", "{}", '{"a": [1]}', "/a", MISSING, None, "[1]"),
    json("other name", '{"aB": 1, "c": 2}', '{"a_b": 1, "c": 2}', "/aB", MISSING, "1", None),
    json("order", "[1, 2]", "[2, 1]", "", ORDER, "[1,2]", "[2,1]"),
    json(
        "order inside",
        '{"a": [{"i": 1}, {"i": 2}]}',
        '{"a": [{"i": 2}, {"i": 1}]}',
        "/a",
        ORDER,
        '[{"i":1},{"i":2}]',
        '[{"i":2},{"i":1}]',
    ),
    json("item more", "[1]", "[1, 2]", "/1", MISSING, None, "2"),
    json("name twice", '{"a": 1, "a": 2}', '{"a": 2}', "/a", REPEATED, "1, 2", "2"),
    json("envelope", '{"items": []}', "[]", "", TYPE, '{"items":[]}', "[]"),
    json(
        "time zone",
        '["2026-11-27T10:00:00Z"]',
        '["2026-11-27T10:00:00+00:00"]',
        "/0",
        VALUE,
        '"2026-11-27T10:00:00Z"',
        '"2026-11-27T10:00:00+00:00"',
    ),
    json(
        "names with slashes", '{"a/b": {"~": 1}}', '{"a/b": {"~": 2}}', "/a~1b/~0", VALUE, "1", "2"
    ),
    json("half a character", '["\\ud800"]', '["\\ufffd"]', "/0", VALUE, r'"\ud800"', '"\ufffd"'),
    json("byte order mark", "{}", "\ufeff{}", "", TYPE, "{}", r"\ufeff{}"),
    json("cut off", '{"a": 1}', '{"a": 1', "", TYPE, '{"a": 1}', '{"a": 1'),
    json("or text", '{"error": "x"}', "x", "", TYPE, '{"error": "x"}', "x"),
    json("or nothing", "{}", "", "", MISSING, "{}", None),
    json("null or nothing", "null", "", "", MISSING, "null", None),
]
