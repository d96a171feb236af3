#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What must hold for action.yml and the workflows, beside their being YAML.

    tests/ci/check_workflows.py FILE...

- nothing is put into a script by ${{ }}: what a pull request says would be run (names of branches, titles)
- actions of others are pinned by the hash of a commit
- workflows say what they may do, and take no credentials along
- a job that may write runs nothing but actions, keeps credentials only to push, and is never started by
  a pull request nor uses its commit
- no run that publishes waits in a group with others: GitHub drops all that wait but the newest
- inputs and outputs of steps that are used exist
"""

import re
import sys

import yaml

COMMIT = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
CONTEXTS = {"github", "runner", "inputs", "steps"}
OURS = {"./", "./.bprof-perf"}
TASKS_OF_WRITERS = {"comment", "publish", "sync"}


def steps_of(document):
    if "runs" in document:
        return document["runs"]["steps"]
    return [step for job in document["jobs"].values() for step in job["steps"]]


def expressions_of(value):
    if isinstance(value, str):
        return EXPRESSION.findall(value)
    if isinstance(value, dict):
        value = value.values()
    return [e for v in value for e in expressions_of(v)] if hasattr(value, "__iter__") else []


def may_write(job):
    return "write" in job.get("permissions", {}).values()


def complaints_of_step(step, is_action, may_push=False):
    if "run" in step:
        if "${{" in step["run"]:
            yield "an expression inside of run"
        if is_action and "shell" not in step:
            yield "a step of an action needs its shell"
    elif "uses" in step:
        if step["uses"] not in OURS and not COMMIT.match(step["uses"]):
            yield f"'{step['uses']}' is not pinned by a commit"
        if step["uses"].startswith("actions/checkout@") and not may_push:
            if step.get("with", {}).get("persist-credentials") is not False:
                yield "the checkout keeps its credentials"
    else:
        yield "neither run nor uses"


def triggers_of(document):
    # YAML 1.1 reads the key "on" as true
    return document.get("on", document.get(True)) or {}


def inputs_of(document):
    if "runs" in document:
        return document.get("inputs", {})
    call = triggers_of(document).get("workflow_call") or {}
    return call.get("inputs", {})


def complaints_of_writer(job, triggers):
    if "pull_request" in triggers:
        yield "it may write, and the code of a pull request starts it"
    for step in job["steps"]:
        if "run" in step:
            yield "it may write, and runs a script"
        if step.get("uses") in OURS and step.get("with", {}).get("task") not in TASKS_OF_WRITERS:
            yield "it may write, and runs the suite"
        if re.search(r"head_sha|head_ref|pull_request\.head|head\.sha", str(step)):
            yield "it may write, and uses the commit of a pull request"


def groups_of(document, job):
    for concurrency in (document.get("concurrency"), job.get("concurrency")):
        if concurrency:
            yield concurrency["group"] if isinstance(concurrency, dict) else concurrency


def complaints_of_publisher(document, job):
    if not any(step.get("with", {}).get("task") == "publish" for step in job["steps"]):
        return
    for group in groups_of(document, job):
        if not re.search(r"github\.(ref|ref_name|sha|run_id)\b", group):
            yield f"publishers share the group '{group}', in which only the newest waits"


def complaints_of_jobs(document, triggers):
    for name, job in document["jobs"].items():
        yield from (f"job '{name}': {c}" for c in complaints_of_publisher(document, job))
        if "timeout-minutes" not in job:
            yield f"job '{name}' may run for six hours"
        if may_write(job):
            yield from (f"job '{name}': {c}" for c in complaints_of_writer(job, triggers))
        may_push = job.get("permissions", {}).get("contents") == "write"
        for step in job["steps"]:
            for complaint in complaints_of_step(step, False, may_push):
                yield f"{step.get('name', '?')}: {complaint}"


def complaints_of_expressions(document, steps):
    ids = {step["id"] for step in steps if "id" in step}
    inputs = inputs_of(document)
    for expression in expressions_of(document):
        expression = re.sub("'[^']*'", "", expression)
        for name in re.findall(r"\binputs\.([\w-]+)", expression):
            if name not in inputs:
                yield f"there is no input '{name}'"
        for name in re.findall(r"\bsteps\.([\w-]+)", expression):
            if name not in ids:
                yield f"there is no step '{name}'"
        for context in re.findall(r"(?<![\w.'-])([a-z]+)\.", expression):
            if context not in CONTEXTS:
                yield f"'{context}' is not known"


def complaints(document):
    steps = steps_of(document)
    is_action = "runs" in document
    if is_action:
        for step in steps:
            for complaint in complaints_of_step(step, True):
                yield f"{step.get('name', '?')}: {complaint}"
    else:
        triggers = triggers_of(document)
        if not triggers:
            yield "no trigger"
        elif "pull_request_target" in triggers:
            yield "pull_request_target runs the code of strangers with our rights"
        if document.get("permissions") != {"contents": "read"}:
            yield "its permissions are not 'contents: read' alone; a job may have more"
        yield from complaints_of_jobs(document, triggers)
    yield from complaints_of_expressions(document, steps)


def main(paths):
    status = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for complaint in complaints(yaml.safe_load(file)):
                print(f"{path}: {complaint}", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
