#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What must hold for action.yml and the workflows, beside their being YAML.

    tests/ci/check_workflows.py FILE...

- nothing is put into a script by ${{ }}: what a pull request says would be run (names of branches, titles)
- actions of others are pinned by the hash of a commit
- workflows say what they may do, and take no credentials along
- inputs and outputs of steps that are used exist
"""

import re
import sys

import yaml

COMMIT = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.S)
CONTEXTS = {"github", "runner", "inputs", "steps"}


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


def complaints_of_step(step, is_action):
    if "run" in step:
        if "${{" in step["run"]:
            yield "an expression inside of run"
        if is_action and "shell" not in step:
            yield "a step of an action needs its shell"
    elif "uses" in step:
        if step["uses"] != "./" and not COMMIT.match(step["uses"]):
            yield f"'{step['uses']}' is not pinned by a commit"
        if step["uses"].startswith("actions/checkout@"):
            if step.get("with", {}).get("persist-credentials") is not False:
                yield "the checkout keeps its credentials"
    else:
        yield "neither run nor uses"


def complaints_of_expressions(document, steps):
    ids = {step["id"] for step in steps if "id" in step}
    inputs = document.get("inputs", {})
    for expression in expressions_of(document):
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
    if not is_action:
        # YAML 1.1 reads the key "on" as true
        triggers = document.get("on", document.get(True))
        if not triggers:
            yield "no trigger"
        elif "pull_request_target" in triggers:
            yield "pull_request_target runs the code of strangers with our rights"
        if "permissions" not in document:
            yield "no permissions"
        for name, job in document["jobs"].items():
            if "timeout-minutes" not in job:
                yield f"job '{name}' may run for six hours"
    for step in steps:
        for complaint in complaints_of_step(step, is_action):
            yield f"{step.get('name', '?')}: {complaint}"
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
