"""Results as JSON documents: write, read and compare them."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from showdown.bench.measure import Samples
from showdown.bench.rules import Rule
from showdown.bench.samples import Sample, as_documents, from_documents, medians

FORMAT = "gateway bench 1"
FLAT = re.compile(r'\{\s*"rate":[^{}]*\}')

Key = tuple[str, str, int]


def as_document(
    samples: Samples,
    manifest: dict[str, Any],
    suite: str = "frameworks",
    rules: Sequence[Rule] = (),
) -> dict[str, Any]:
    """Return a run as a JSON document: all rounds of each case, with their medians."""
    return {
        "format": FORMAT,
        "suite": suite,
        "manifest": manifest,
        "cases": [
            {
                "target": case.target.name,
                "title": case.target.title,
                "server": case.target.server,
                "prefix": case.target.prefix,
                "workload": case.workload.name,
                "connections": case.connections,
                "medians": medians(rows),
                "samples": as_documents(rows),
            }
            for case, rows in samples.items()
        ],
        "rules": [rule.as_document() for rule in rules],
    }


def load(path: Path) -> dict[str, Any]:
    """Read a run.

    Raises:
        ClickException: the file is not such a document.
    """
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise click.ClickException(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise click.ClickException(f"{path} is not a result of `python -m showdown bench`")
    return document


def require_writable(files: Iterable[Path]) -> None:
    """Check before a run that its result can be written.

    Raises:
        ClickException: a file cannot be written.
    """
    for path in files:
        new = path.with_name(f"{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            new.touch()
            new.unlink()
        except OSError as error:
            raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


def save(document: dict[str, Any], path: Path) -> None:
    """Write a document as indented JSON, or leave the file as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A sample is one line: the published files stay readable.
    text = json.dumps(document, indent=1, ensure_ascii=False)
    new = path.with_name(f"{path.name}.new")
    new.write_text(FLAT.sub(lambda found: " ".join(found[0].split()), text) + "\n")
    new.replace(path)


def samples_by_key(document: dict[str, Any]) -> dict[Key, list[Sample]]:
    """Return the samples by target, workload and connections.

    Raises:
        ClickException: the suite has no samples.
    """
    if "cases" not in document:
        raise click.ClickException(f"results of the suite {document['suite']} cannot be compared")
    return {
        (case["target"], case["workload"], case["connections"]): from_documents(case["samples"])
        for case in document["cases"]
    }


@dataclass(frozen=True)
class Change:
    """One figure of one case in two runs."""

    key: Key
    old: list[float]
    new: list[float]

    @property
    def verdict(self) -> str:
        """Return what changed; if the ranges of both runs overlap, the difference may be noise."""
        if min(self.new) > max(self.old):
            return "more"
        if max(self.new) < min(self.old):
            return "less"
        return "no difference beyond the spread"


def compare(old: dict[str, Any], new: dict[str, Any], figure: str) -> list[Change]:
    """Pair the cases that both runs have."""
    before, after = samples_by_key(old), samples_by_key(new)
    return [
        Change(key, [getattr(s, figure) for s in rows], [getattr(s, figure) for s in after[key]])
        for key, rows in before.items()
        if key in after
    ]
