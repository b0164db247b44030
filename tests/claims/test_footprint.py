"""What the footprint counts: the modules of the same users API, and medians."""

import re

from contract.settings import BASE_DIR
from showdown.claims.footprint import FRAMEWORKS, MODULES, SUBJECTS, lines, table

# Routers and URLs name the other features, too.
OTHERS = re.compile("webhook|feed|export|dashboard|worker|backup")


def test_only_the_users_api_is_counted() -> None:
    for framework in FRAMEWORKS:
        assert len({*MODULES[framework]}) == len(MODULES[framework])
        assert not [name for name in MODULES[framework] if OTHERS.search(name)]
        files = (BASE_DIR / f"{framework.lower()}_app").glob("*.py")
        whole = sum(len(file.read_text().splitlines()) for file in files)
        assert 100 < lines(framework) < whole


def test_the_table_has_the_medians_that_the_intervals_are_about() -> None:
    rounds = [{"import seconds": value, "memory MiB": 10 * value} for value in (1.0, 2.0, 9.0)]
    measured = {(subject, name): rounds for subject in SUBJECTS for name in FRAMEWORKS}
    rows = table(measured, {"packages": dict.fromkeys(FRAMEWORKS, 1.0)})
    assert rows[0] == {"what": "a greeting, import seconds", **dict.fromkeys(FRAMEWORKS, 2.0)}
    assert rows[-1] == {"what": "packages", **dict.fromkeys(FRAMEWORKS, 1.0)}
