"""Export the requests of findings: as JSON lines, a pytest module, curl commands and HAR."""

import io
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import harfile

from framework_gateway.compare.examples import without_defaults
from framework_gateway.compare.messages import Answer, Headers, Request, as_text
from framework_gateway.compare.redaction import (
    redact_body,
    redact_headers,
    redact_path,
    without_secrets,
)
from framework_gateway.compare.summary import Finding

MODULE = '''"""Requests that the targets answer differently; the tests fail until they agree.

``gateway compare`` has written this module. Run it with pytest, from the directory of the targets.
"""

import pytest

pytestmark = pytest.mark.compare({targets}{options})
'''
TEST = '''

def test_{name}(compare):
    """{doc}"""
{before}    compare.assert_equal({arguments})
'''
BEFORE = "    compare({arguments})\n"


def as_line(request: Request) -> str:
    """Return the request as a line of a file for ``--file``."""
    line: dict[str, Any] = {"method": request.method, "path": request.path}
    names = {name.lower() for name, _ in request.headers}
    if request.headers:
        pairs = [[name, value] for name, value in request.headers]
        line["headers"] = pairs if len(names) < len(pairs) else dict(request.headers)
    if request.body:
        text = as_text(request.body)
        line["body"] = text["body"]
        if text["encoding"] == "base64":
            line["encoding"] = "base64"
    if request.save:
        line["save"] = dict(request.save)
    return json.dumps(line, ensure_ascii=False)


def as_lines(findings: Sequence[Finding]) -> str:
    """Return one line for each different request, after those that save what it needs."""
    requests = (one for each in findings for one in (*each.before, each.example.request))
    lines = dict.fromkeys(map(as_line, requests))
    return "".join(f"{line}\n" for line in lines)


def as_pytest(
    findings: Sequence[Finding], targets: Mapping[str, str], options: Mapping[str, Any]
) -> str:
    """Return a pytest module with a test for each finding.

    Args:
        targets: maps names to import strings or URLs; empty if pytest's settings name them.
        options: arguments of the comparison that differ from the default.
    """
    given = "".join(f", {name}={value!r}" for name, value in options.items() if value)
    module = MODULE.format(targets=literal(targets) if targets else "None", options=given)
    names: set[str] = set()
    for finding in findings:
        request = finding.example.request
        name = re.sub(r"\W+", "_", str(finding.group)).strip("_").lower()[:80]
        while name in names:
            name += "_too"
        names.add(name)
        doc = printable(str(finding.group)).replace("\\", "\\\\").replace('"', "'")
        before = "".join(BEFORE.format(arguments=arguments_of(one)) for one in finding.before)
        arguments = arguments_of(request)
        module += TEST.format(name=name, doc=doc, before=before, arguments=arguments)
    return module


def arguments_of(request: Request) -> str:
    """Return Python arguments that make the same request."""
    words = [quoted(request.method), quoted(request.path)]
    if request.body:
        words.append(f"body={request.body!r}")
    if request.headers:
        words.append(f"headers={headers_of(request.headers)}")
    if request.save:
        words.append(f"save={literal(request.save)}")
    return ", ".join(words)


def headers_of(headers: Headers) -> str:
    """Return headers as a Python dictionary; as a list of pairs if a name occurs twice."""
    if len({name.lower() for name, _ in headers}) == len(headers):
        return literal(dict(headers))
    return "[" + ", ".join(f"({quoted(name)}, {quoted(value)})" for name, value in headers) + "]"


def literal(values: Mapping[str, str]) -> str:
    """Return a Python dictionary of texts."""
    pairs = (f"{quoted(name)}: {quoted(value)}" for name, value in values.items())
    return "{" + ", ".join(pairs) + "}"


def quoted(text: str) -> str:
    """Return a Python string in double quotes, as formatters write it."""
    # As an escape, a character beyond U+FFFF would be two in Python.
    return json.dumps(text, ensure_ascii=False)


def as_commands(findings: Sequence[Finding]) -> str:
    """Return curl commands, each below the name of its target."""
    lines = ["#!/bin/sh"]
    for finding in findings:
        lines += ["", f"# {printable(str(finding.group))}"]
        for answer in finding.example.answers:
            lines += [f"# {printable(answer.target)}", answer.curl]
    return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """Return a text that stays in its line."""
    return re.sub(r"[^\x20-\x7e\xa0-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)


def as_archive(findings: Sequence[Finding], *, secrets: bool = False) -> str:
    """Return an HTTP Archive (HAR 1.2) with an entry for each target of each finding.

    Its comment says which target answered, and what differs.
    """
    written = io.StringIO()
    creator = harfile.Creator(name="framework-gateway", version="1")
    with harfile.HarFile(written, creator=creator) as archive:
        for finding in findings:
            for answer in finding.example.answers:
                archive.add_entry(
                    startedDateTime=datetime.now(UTC),
                    time=answer.seconds * 1000,
                    request=archived_request(answer, secrets),
                    response=archived_answer(answer, secrets),
                    timings=harfile.Timings(send=0, wait=answer.seconds * 1000, receive=0),
                    comment=f"{answer.target}: {finding.group}",
                )
    return written.getvalue()


def archived_request(answer: Answer, secrets: bool) -> harfile.Request:
    """Return the request as one target got it."""
    sent = without_defaults(answer.request)
    request = sent if secrets else without_secrets(sent)
    body = request.body.decode(errors="replace")
    content_type = next((v for k, v in request.headers if k.lower() == "content-type"), "")
    return harfile.Request(
        method=request.method,
        url=origin_of(answer) + answer.prefix + request.path,
        httpVersion="HTTP/1.1",
        headers=records(request.headers),
        queryString=[],
        postData=harfile.PostData(mimeType=content_type, text=body) if body else None,
        headersSize=-1,
        bodySize=len(request.body),
    )


def archived_answer(answer: Answer, secrets: bool) -> harfile.Response:
    """Return the response of one target; status 0 if it did not answer."""
    content_type = answer.header("content-type") or ""
    body = answer.body if secrets else redact_body(answer.body, content_type)
    text = as_text(body)
    encoding = "base64" if text["encoding"] == "base64" else None
    headers = answer.headers if secrets else redact_headers(answer.headers)
    phrases = {status.value: status.phrase for status in HTTPStatus}
    location = answer.header("location") or ""
    return harfile.Response(
        status=answer.status,
        statusText=phrases.get(answer.status, ""),
        httpVersion="HTTP/1.1",
        headers=records(headers),
        content=harfile.Content(
            size=len(answer.body), mimeType=content_type, text=text["body"], encoding=encoding
        ),
        redirectURL=location if secrets else redact_path(location),
        headersSize=-1,
        bodySize=len(answer.body),
        comment=answer.error,
    )


def records(headers: Headers) -> list[harfile.Record]:
    """Return headers as an archive lists them."""
    return [harfile.Record(name=name, value=value) for name, value in headers]


def origin_of(answer: Answer) -> str:
    """Return scheme and host of a target, from its curl command."""
    words = shlex.split(answer.curl, comments=True)
    found = re.match("https?://[^/?#]+", words[-1]) if words else None
    return found[0] if found else "http://localhost"
