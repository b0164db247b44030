"""The implementation of ``gateway check``: all that is wrong with a file, at once."""

import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from framework_gateway.cli.file.model import GatewayFile, MountEntry
from framework_gateway.cli.file.reading import FileError, Finding, Parsed, parse_file
from framework_gateway.cli.file.variables import export
from framework_gateway.cli.trial import ImportBase, ImportLogin, LoadMount, Step, try_steps
from framework_gateway.server.companions import search_path


def check_file(file: Path) -> list[Finding]:
    """Return the findings of a file, in the order of their lines."""
    try:
        parsed = parse_file(file)
    except FileError as error:
        return [*error.findings]
    export(parsed.settings)
    findings = [*parsed.findings, *find_nested(parsed)]
    directory = parsed.app_dir
    if not directory.is_dir():
        findings.append(parsed.error(["app_dir"], f"there is no directory {directory}"))
    else:
        findings += find_failed_imports(parsed, directory)
    if parsed.content is not None:
        findings += find_unusable(parsed, parsed.content, directory)
    return sorted(findings, key=lambda finding: finding.line or 0)


def find_nested(parsed: Parsed) -> Iterator[Finding]:
    """Yield a warning for each prefix below another one, except below ``/``."""
    entries = {
        entry["prefix"]: place
        for place, entry in mounts_of(parsed)
        if isinstance(entry.get("prefix"), str)
    }
    for inner, place in entries.items():
        for outer in entries:
            if outer != "/" and inner.startswith(f"{outer}/"):
                line = parsed.document.line_of([*entries[outer], "prefix"])
                message = f"{inner} takes its paths from {outer} (line {line})"
                yield parsed.warning([*place, "prefix"], message)


def find_unusable(parsed: Parsed, content: GatewayFile, directory: Path) -> Iterator[Finding]:
    """Yield what the gateway refuses, or cannot find, although the file is valid."""
    if (
        not (content.base or content.mounts or content.moves)
        and not (directory / "gateway.py").is_file()
    ):
        yield Finding(parsed.name, None, "names no application; add [[mounts]] or base")
    if content.server.fault:
        yield parsed.error(["server", "env"], content.server.fault)
    for index, entry in enumerate(content.mounts):
        if entry.login and not content.login and not content.base:
            message = "there is no login; name one by login, or by base"
            yield parsed.error(["mounts", index, "login"], message)
    for place, path in paths_in(content):
        if not path.exists():
            yield parsed.warning(place, f"there is no {path}")
    for place, command in commands_in(content):
        if shutil.which(command[0], path=search_path()) is None:
            yield parsed.warning(place, f"there is no program {command[0]}")


def find_failed_imports(parsed: Parsed, directory: Path) -> Iterator[Finding]:
    """Import what the file names, and yield what fails; the rest of the file may be invalid."""
    steps = dict(steps_of(parsed))
    for place, faults in zip(steps, try_steps(str(directory), [*steps.values()]), strict=True):
        for severity, text in faults:
            yield replace(parsed.error(place, text), severity=severity)


def steps_of(parsed: Parsed) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    """Yield what is imported, as the gateway does it, and where the file names it."""
    data = parsed.document.data
    mounts = [*mounts_of(parsed)]
    if isinstance(base := data.get("base"), str):
        replaced = [str(entry.get("prefix")) for _, entry in mounts]
        workers = 1 if parsed.content is None else parsed.content.server.workers
        yield ("base",), ImportBase(base, replaced, workers)
    if isinstance(login := data.get("login"), str):
        yield ("login",), ImportLogin(login)
    for place, entry in mounts:
        if (step := step_of(entry)) is not None:
            yield (*place, "application"), step
    for place, entry in entries_of(parsed, "moves"):
        for side in ("old", "new"):
            if isinstance(source := entry.get(side), str) and "${" not in source:
                options = entry.get(f"{side}_options")
                given = options if isinstance(options, dict) else {}
                step = step_of({**given, "prefix": "/", "application": source})
                if step is not None:
                    yield (*place, side), step


def step_of(entry: dict[str, Any]) -> LoadMount | None:
    """Return the import of a mount, without its options if the entry is invalid."""
    try:
        valid = MountEntry.model_validate(entry)
    except ValidationError:
        application = entry.get("application")
        is_usable = isinstance(application, str) and "${" not in application
        return LoadMount("/", str(application), {}) if is_usable else None
    return LoadMount(valid.prefix, valid.application, valid.options)


def mounts_of(parsed: Parsed) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield the places and the tables of the mounts."""
    return entries_of(parsed, "mounts")


def entries_of(parsed: Parsed, name: str) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Yield the places and the tables of an array; what is no table is a finding already."""
    entries = parsed.document.data.get(name)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict):
            yield (name, index), entry


def commands_in(content: GatewayFile) -> Iterator[tuple[tuple[str | int, ...], Sequence[str]]]:
    """Yield the places and the words of commands."""
    for name, command in content.companions.items():
        yield ("companions", name), command
    for index, entry in enumerate(content.mounts):
        if entry.process is not None and entry.process.command is not None:
            yield ("mounts", index, "process", "command"), shlex.split(entry.process.command)


def paths_in(content: GatewayFile) -> Iterator[tuple[tuple[str | int, ...], Path]]:
    """Yield the places and the values of settings and options that are paths."""
    for name, value in content.server:
        if isinstance(value, Path):
            yield ("server", name), value
    for index, entry in enumerate(content.mounts):
        for name, value in entry:
            if isinstance(value, Path):
                yield ("mounts", index, name), value
