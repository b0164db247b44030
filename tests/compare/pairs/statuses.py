"""Pairs that answer with other statuses."""

from tests.compare.pairs.model import JSON, OK, answers, by_method, by_path, status

STATUSES = [
    status("created or not", OK, answers("{}", JSON, status=201), "200", "201"),
    status("gone or never there", answers(status=404), answers(status=410), "404", "410"),
    status("no content or empty", answers(status=204), answers(status=200), "204", "200"),
    status("which validation is first", answers(status=400), answers(status=422), "400", "422"),
    status("which check is first", answers(status=401), answers(status=403), "401", "403"),
    status("found or temporary redirect", answers(status=302), answers(status=307), "302", "307"),
    status("moved or permanent redirect", answers(status=301), answers(status=308), "301", "308"),
    status("not modified or whole", answers(status=304), answers(status=200), "304", "200"),
    status(
        "trailing slash",
        by_path(slash=OK, plain=answers(status=404)),
        by_path(slash=answers(status=404), plain=answers(status=404)),
        "200",
        "404",
        path="/items/",
    ),
    status(
        "redirect to the slash or answered",
        by_path(slash=OK, plain=answers(b"", ("Location", "/items/"), status=308)),
        by_path(slash=OK, plain=OK),
        "308",
        "200",
        path="/items",
    ),
    status(
        "method not allowed or not found",
        by_method(GET=OK, other=answers(status=405)),
        by_method(GET=OK, other=answers(status=404)),
        "405",
        "404",
        method="DELETE",
    ),
    status(
        "HEAD where GET is",
        by_method(GET=OK, HEAD=OK),
        by_method(GET=OK, other=answers(status=405)),
        "200",
        "405",
        method="HEAD",
    ),
    status(
        "OPTIONS",
        by_method(OPTIONS=answers(status=204), other=OK),
        by_method(OPTIONS=answers(status=200), other=OK),
        "204",
        "200",
        method="OPTIONS",
    ),
]
