#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tools/ci-comment against a GitHub of our own: check_comment.py ROOT BPROF_PERF

What it writes, to which pull request, and that neither event nor artifact can make it do more.
"""

import http.server
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import zipfile

REPOSITORY = "owner/plugin"
FORK = "stranger/plugin"
HEAD = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "token-of-this-test"
MARKER = "<!-- bprof-perf: performance -->\n"
NUMBER = 7
problems = []


def expect(holds, what):
    if not holds:
        problems.append(what)


class State:
    """What GitHub knows, and what it was asked."""

    def __init__(self, archive):
        self.archive = archive
        self.pulls = [pull(3, HEAD, "other/plugin"), pull(NUMBER, HEAD, FORK)]
        self.artifacts = [artifact(11)]
        self.comments = []
        self.requests = []
        self.refuse = None


def pull(number, head, fork):
    return {"number": number, "head": {"sha": head, "repo": {"full_name": fork}},
            "base": {"repo": {"full_name": REPOSITORY}}}


def artifact(number, **changes):
    return {"id": number, "name": "performance", "expired": False, "size_in_bytes": 1000, **changes}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_any(self):
        state = self.server.state
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        state.requests.append((self.command, url.path, self.headers.get("Authorization")))
        if state.refuse and url.path.endswith(state.refuse) and self.command != "GET":
            return self.answer({}, 403)
        base = f"/repos/{REPOSITORY}"
        page = int(query.get("page", 1)) - 1
        if url.path == base + "/pulls":
            expect(query["head"] == "stranger:fix;`id`", f"asked for {query}")
            return self.answer(state.pulls[page * 100:page * 100 + 100])
        if url.path.endswith("/artifacts"):
            return self.answer({"artifacts": state.artifacts})
        if url.path.endswith("/zip"):
            self.send_response(302)
            self.send_header("Location", f"/storage/{url.path.split('/')[-2]}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if url.path.startswith("/storage/"):
            return self.answer(state.archive)
        if url.path == f"{base}/issues/{NUMBER}/comments" and self.command == "POST":
            state.comments.append({"id": 100 + len(state.comments), "body": body["body"],
                                   "user": {"login": "github-actions[bot]"}})
            return self.answer({}, 201)
        if url.path == f"{base}/issues/{NUMBER}/comments":
            return self.answer(state.comments[page * 100:page * 100 + 100])
        if self.command == "PATCH":
            for comment in state.comments:
                if url.path == f"{base}/issues/comments/{comment['id']}":
                    comment["body"] = body["body"]
            return self.answer({})
        return self.answer({}, 404)

    do_GET = do_POST = do_PATCH = handle_any


def event(**changes):
    run = {"id": 5, "event": "pull_request", "head_sha": HEAD, "head_branch": "fix;`id`",
           "head_repository": {"full_name": FORK}, "pull_requests": []}
    return {"workflow_run": {**run, **changes}}


def archive_of(*members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in members:
            zipped.writestr(name, text)
    return packed.getvalue()


class Bench:
    def __init__(self, root, program, directory):
        self.root, self.directory = pathlib.Path(root), pathlib.Path(directory)
        tools = self.directory / "tools"
        tools.mkdir()
        (tools / "ci-comment").write_bytes((self.root / "tools/ci-comment").read_bytes())
        self.script("tools/run", f'exec "{program}" "$@"')
        self.script("bin/sudo", 'shift\nexec "$@"')
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def script(self, name, text):
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def golden(self, case="ordinary"):
        return (self.root / f"tests/golden/outputs/comparison-{case}.json").read_text()

    def run(self, state, what=None, status=0, sentence="", **environment):
        self.server.state = state
        path = self.directory / "event.json"
        path.write_text(json.dumps(event() if what is None else what))
        done = subprocess.run(
            ["/usr/bin/python3", str(self.directory / "tools/ci-comment")], timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.directory, check=False,
            env={"PATH": f"{self.directory}/bin:/usr/bin:/bin", "HOME": str(self.directory),
                 "GITHUB_EVENT_PATH": str(path), "GITHUB_REPOSITORY": REPOSITORY,
                 "GITHUB_API_URL": f"http://127.0.0.1:{self.server.server_port}",
                 "GITHUB_TOKEN": TOKEN, **environment})
        said = done.stderr.decode()
        expect(done.returncode == status, f"status {done.returncode}, not {status}: {said}")
        expect(sentence in said, f"'{sentence}' is not in: {said}")
        expect(TOKEN not in said + done.stdout.decode(), "the token is in the log")
        return said


def writes(state):
    return [(method, path) for method, path, _ in state.requests if method != "GET"]


def check_life(bench):
    """A comment is written, found again, kept and changed."""
    state = State(archive_of(("comparison.json", bench.golden()), ("number.txt", "3"),
                             ("event.json", "{}")))
    state.comments = [{"id": 50, "body": MARKER + "forged", "user": {"login": "stranger"}}]
    state.comments += [{"id": 60 + i, "body": "hello", "user": {"login": "a"}} for i in range(120)]
    bench.run(state, sentence="commented on pull request 7")
    expect(writes(state) == [("POST", f"/repos/{REPOSITORY}/issues/7/comments")], writes(state))
    body = state.comments[-1]["body"]
    expect(body.startswith(MARKER) and "outer burns cpu" in body, body)
    expect(f"{HEAD[:12]}" in body and "/actions/runs/5" in body, body)
    state.requests = []
    bench.run(state, sentence="says it already")
    expect(not writes(state), "a comment without a change was written")
    state.archive = archive_of(("comparison.json", bench.golden("trend")))
    state.comments[-1]["id"] = 900
    bench.run(state, sentence="updated the comment on pull request 7")
    expect(writes(state) == [("PATCH", f"/repos/{REPOSITORY}/issues/comments/900")], writes(state))
    expect(state.comments[0]["body"] == MARKER + "forged", "a comment of a stranger was changed")
    storage = [token for _, path, token in state.requests if path.startswith("/storage/")]
    expect(storage == [None] * len(storage) and storage, "the token left GitHub's API")


def check_names(bench):
    """No name of a test becomes markup, a mention or a link."""
    state = State(archive_of(("comparison.json", bench.golden("hostile"))))
    bench.run(state, sentence="commented")
    body = state.comments[-1]["body"][len(MARKER):]
    expect("@user" not in body and "<b>" not in body and "\n::" not in body, body)
    expect(not re.search(r"(?<!\\)`", body), body)


def check_events(bench):
    archive = archive_of(("comparison.json", bench.golden()))
    for changes, status, sentence in [
            ({"event": "push"}, 0, "not that of a pull request"),
            ({"head_sha": "f" * 40}, 0, "no open pull request has the commit"),
            ({"head_sha": "main; id"}, 1, "no valid commit"),
            ({"head_repository": {"full_name": "../../x"}}, 1, "no valid repository"),
            ({"head_repository": None}, 1, "no valid repository"),
            ({"id": "5/../../x"}, 1, "no valid id")]:
        state = State(archive)
        bench.run(state, event(**changes), status, sentence)
        expect(not writes(state), f"{changes}: {writes(state)}")
    state = State(archive)
    state.pulls = [pull(i, HEAD, "x/y") for i in range(100)] + state.pulls
    bench.run(state, sentence="commented on pull request 7")


def check_artifacts(bench):
    good = bench.golden()
    bomb = archive_of(("comparison.json", b" " * (17 << 20)))
    for archive, status, sentence in [
            (b"no archive", 1, "no archive that can be read"),
            (bomb, 1, "no comparison.json of a possible size"),
            (archive_of(("../comparison.json", good), ("/comparison.json", good)), 0,
             "holds no comparison.json"),
            (archive_of(("comparison.json", good[:-400])), 1, "was refused"),
            (archive_of(("comparison.json", good.replace('"pairs"', '"body"'))), 1, "was refused"),
            (archive_of(("comparison.json", "[" * 100000)), 1, "was refused")]:
        state = State(archive)
        bench.run(state, None, status, sentence)
        expect(not writes(state), f"{sentence}: {writes(state)}")
    for artifacts, status, sentence in [
            ([], 0, "left no artifact"),
            ([artifact(1, expired=True)], 0, "left no artifact"),
            ([artifact(1, name="other")], 0, "left no artifact"),
            ([artifact(1, size_in_bytes=1 << 40)], 1, "larger than 32 MiB")]:
        state = State(archive_of(("comparison.json", good)))
        state.artifacts = artifacts
        bench.run(state, None, status, sentence)
        expect(not writes(state), f"{sentence}: {writes(state)}")


def check_rights(bench):
    state = State(archive_of(("comparison.json", bench.golden())))
    state.refuse = "/comments"
    bench.run(state, None, 1, "GitHub says 403 (remedy: permissions: pull-requests: write")
    bench.run(state, None, 1, "GITHUB_TOKEN is empty", GITHUB_TOKEN="")
    bench.run(state, None, 1, "no https address", GITHUB_API_URL="http://example.org")
    bench.run(state, None, 1, "is no name", BPROF_CI_ARTIFACT="a/../b")


def main(root, program):
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(root, program, directory)
        for check in (check_life, check_names, check_events, check_artifacts, check_rights):
            before = len(problems)
            check(bench)
            problems[before:] = [f"{check.__name__}: {p}" for p in problems[before:]]
        bench.server.shutdown()
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
