#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads the golden outputs as other programs do: check_outputs.py schema|trace|folded|report|ci|comparison ROOT

Exit status: 0, 1 with a message for every broken rule, 77 if a module is missing.
"""
import glob
import json
import os
import re
import sys
import unicodedata
import xml.etree.ElementTree

FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
problems = []


def complain(path, message):
    problems.append("%s: %s" % (os.path.basename(path), message))


def goldens(root, pattern):
    paths = sorted(glob.glob(os.path.join(root, "tests/golden/outputs", pattern)))
    if not paths:
        problems.append("no golden matches " + pattern)
    return paths


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def keys_of(schema):
    """Every key that a schema names, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    keys = set(schema.get("properties", {}))
    return keys.union(*map(keys_of, schema.values()))


def check_documented(root, schema, page):
    with open(os.path.join(root, page), encoding="utf-8") as file:
        words = set(re.findall(r"[a-z0-9_]+", file.read()))
    for key in sorted(keys_of(schema) - words):
        problems.append("%s does not mention the key %s" % (page, key))


def apply_schema(root, name, page, pattern):
    try:
        import jsonschema
    except ImportError:
        sys.exit(77)
    with open(os.path.join(root, name), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    check_documented(root, schema, page)
    validator = jsonschema.Draft7Validator(schema)
    for path in goldens(root, pattern):
        for error in validator.iter_errors(json.loads(read(path))):
            complain(path, "%s: %s" % ("/".join(map(str, error.path)), error.message[:200]))


def check_schema(root):
    apply_schema(root, "docs/profile.schema.json", "docs/PROFILE.md", "*.profile.json")


# ---- trace events: the rules of speedscope, Perfetto and Tracy

def microseconds(path, event, key):
    if not re.fullmatch(r"\d+\.\d{3}", event[key]):
        complain(path, "%s is not an integer with three decimals: %s" % (key, event[key]))
    whole, decimals = event[key].split(".")
    return int(whole + decimals)


def check_event(path, event):
    if not isinstance(event.get("pid"), str) or not isinstance(event.get("tid"), str):
        complain(path, "no pid or tid: %s" % event)
    elif not event["pid"].isdigit() or not event["tid"].isdigit():
        complain(path, "pid or tid is not an unsigned number: %s" % event)
    if not isinstance(event.get("name"), str):
        complain(path, "no name: %s" % event)
    elif FORBIDDEN.search(event["name"]) or len(event["name"]) > 5000:
        complain(path, "unsafe name: %r" % event["name"][:100])
    if event["ph"] == "E" and "args" in event:
        complain(path, "E with args")
    if event["ph"] == "B" and "args" in event:
        complain(path, "a frame with args")
    if event["ph"] not in "MXBEC":
        complain(path, "unexpected ph %s" % event["ph"])


def spans_of(path, events):
    """(start, end, order) of every span of one thread; B and E are balanced by a stack."""
    stack, spans, last, last_end = [], [], -1, -1
    for order, event in enumerate(events):
        if event["ph"] not in "XBE":
            continue
        start = microseconds(path, event, "ts")
        if event["ph"] == "X":
            spans.append((start, start + microseconds(path, event, "dur"), order))
            continue
        if start < last:
            complain(path, "B and E are not in order")
        last = start
        if event["ph"] == "B":
            if start == last_end:  # speedscope may take the begin first
                complain(path, "a span begins where another one ends")
            stack.append((event["name"], start, order))
            continue
        if not stack or stack[-1][0] != event["name"]:
            complain(path, "E without its B: %s" % event["name"][:60])
            continue
        spans.append((stack.pop()[1], start, order))
        last_end = start
    if stack:
        complain(path, "%d spans never end" % len(stack))
    return spans


def check_nesting(path, spans):
    ends = []
    for start, end, _ in sorted(spans, key=lambda s: (s[0], -s[1], s[2])):
        while ends and ends[-1] <= start:
            ends.pop()
        if ends and end > ends[-1]:
            complain(path, "spans overlap without nesting at %d ns" % start)
        ends.append(end)


def check_trace(root):
    for path in goldens(root, "*.flamegraph.json"):
        json.loads(read(path))
        # Numbers as text: 12.300 must not become 12.3 before it was looked at.
        trace = json.loads(read(path), parse_float=str, parse_int=str)
        events = trace["traceEvents"]
        if set(trace) != {"displayTimeUnit", "traceEvents", "otherData"}:
            complain(path, "unexpected keys %s" % list(trace))
        first = events[0]
        if first["ph"] != "M" or first["name"] != "process_name" or "cat" in first:
            complain(path, "the first event is not a bare process_name")
        threads, owners = {}, {}
        for event in events:
            check_event(path, event)
            threads.setdefault((event["pid"], event["tid"]), []).append(event)
            if owners.setdefault(event["tid"], event["pid"]) != event["pid"]:
                complain(path, "two processes share the tid " + event["tid"])
        for thread in threads.values():
            check_nesting(path, spans_of(path, thread))
        if "sampled" not in trace["otherData"]["frames"]:
            complain(path, "does not say that frames are sampled")


# ---- folded

def check_folded(root):
    for path in goldens(root, "*.tracing.folded"):
        text = read(path)
        if "\r" in text or (text and not text.endswith("\n")):
            complain(path, "line ends")
        stacks = []
        for line in text.splitlines() if text else []:
            match = re.fullmatch(r"(.+) (\d+)", line)
            if not match:
                complain(path, "not 'stack count': %r" % line[:100])
                continue
            stacks.append(match.group(1))
            for frame in match.group(1).split(";"):
                if not frame:
                    complain(path, "an empty frame in %r" % line[:100])
                if re.search(r" [0-9.]+$", frame):
                    complain(path, "a frame ends in a number: %r" % frame[-40:])
                if FORBIDDEN.search(frame):
                    complain(path, "a control character in %r" % frame[:100])
        if len(set(stacks)) != len(stacks):
            complain(path, "equal lines are not merged")
        if stacks != sorted(stacks, key=lambda s: s.encode()):
            complain(path, "not sorted")


# ---- reports

def columns(line):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def check_report(root):
    for path in goldens(root, "*.txt"):
        coloured = os.path.basename(path).startswith("colour")
        limit = 72 if coloured else 100
        text = read(path)
        if coloured:
            text = re.sub("\x1b\\[[0-9]*m", "", text)
        for line in text.split("\n"):
            if FORBIDDEN.search(line):
                complain(path, "a control character in %r" % line)
            if columns(line) > limit:
                complain(path, "%d columns: %s" % (columns(line), line))
            if line != line.rstrip():
                complain(path, "spaces at the end of %r" % line)


# ---- comparisons: their schema, GitHub's workflow commands, tables of GFM

ANNOTATION = re.compile(
    "::(error|warning|notice) ((file|line|title)=[^:,\\r\\n]*,?)+::[^\\r\\n]*$")


def check_annotations(path):
    lines = read(path).split("\n")[:-1]
    if sum(line.startswith("::notice") for line in lines) != 1 or len(lines) > 11:
        complain(path, "not one notice, or too many annotations")
    for line in lines:
        if not ANNOTATION.match(line) or FORBIDDEN.search(line):
            complain(path, "no workflow command: %r" % line)
        if re.search("%(?!(25|0D|0A|3A|2C))", line):
            complain(path, "a bare %% in %r" % line)


def check_markdown(path):
    cells = None
    for line in read(path).split("\n"):
        bare = re.sub(r"\\.", "", line)
        if FORBIDDEN.search(line):
            complain(path, "a control character in %r" % line)
        if line.startswith("| verdict"):
            cells = bare.count("|")
        if line.startswith("|") and bare.count("|") != cells:
            complain(path, "not as many cells as its header: %r" % line)
        # one between the name of a test and its place
        if re.search(r"@|<(?!/?(details|summary)>|br>)", bare) or bare.count("<br>") > 1:
            complain(path, "a mention or HTML in %r" % line)


# ---- what other CI systems read

def check_junit(path):
    counts = {"failure": 0, "error": 0, "skipped": 0}
    top = xml.etree.ElementTree.fromstring(read(path).encode())
    cases = list(top.iter("testcase"))
    for case in cases:
        for kind in counts:
            counts[kind] += len(case.findall(kind))
        names = [p.get("name") for p in case.iter("property")]
        if len(set(names)) != len(names) or not all(p.get("value").isdigit()
                                                    for p in case.iter("property")):
            complain(path, "properties are doubled or no numbers")
        if FORBIDDEN.search(case.get("name") + case.get("classname")):
            complain(path, "unsafe name: %r" % case.get("name"))
    said = [int(top.get(k)) for k in ("tests", "failures", "errors", "skipped")]
    if said != [len(cases), counts["failure"], counts["error"], counts["skipped"]]:
        complain(path, "the counts are not those of the tests")


def check_benchmark(path):
    """As extractCustomBenchmarkResult() and its schema want it."""
    entries = json.loads(read(path))
    for entry in entries:
        if not {"name", "unit", "value"} <= set(entry) <= {"name", "unit", "value", "range", "extra"}:
            complain(path, "keys %s" % list(entry))
        if type(entry["value"]) not in (int, float) or not isinstance(entry["unit"], str):
            complain(path, "no number with a unit: %s" % entry)
    if len({e["name"] for e in entries}) != len(entries):
        complain(path, "a name is there twice")


def check_ci(root):
    for path in goldens(root, "*.junit.xml"):
        check_junit(path)
    for path in goldens(root, "*.benchmark.json"):
        check_benchmark(path)


def check_comparison(root):
    for path in goldens(root, "comparison-*.log"):
        check_annotations(path)
    for path in goldens(root, "comparison-*.md"):
        check_markdown(path)
    apply_schema(root, "docs/comparison.schema.json", "docs/COMPARE.md", "comparison-*.json")


CHECKS = {"schema": check_schema, "trace": check_trace, "folded": check_folded,
          "report": check_report, "ci": check_ci, "comparison": check_comparison}

if __name__ == "__main__":
    CHECKS[sys.argv[1]](sys.argv[2])
    for problem in problems[:40]:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)
