#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How often `bprof-perf compare` is wrong: the same code against itself, and with more work planted.

    sudo tests/bench/error_rates.py run RESULTS [--hours H] [--interpreter LUA,...] [--plant P,...]
                                       [--load N,...] [--pairs N] [--bprof PATH]
    tests/bench/error_rates.py table RESULTS [RESULTS...]

`run` makes a suite of 30 tests of 0.1 to 5 ms (arithmetic, strings, tables) in 10 files, compares it
with itself in turns, and adds a line of JSON to the file RESULTS for each comparison, until the hours are
over or Ctrl-C; it may be called again with the same file. A comparison takes some 10 to 30 seconds.
With a plant of 10, every fifth test of the head, and others each time, does 10 % more of the same work.
With a load of N, N processes are busy beside it; a load that is a word (builds) is only noted: what
runs beside it is yours to start. The next comparison is always of the combination that RESULTS has
the fewest of, so that a run that is cut short is of use.

Meanwhile the kernel's grace periods are expedited (/sys/kernel/rcu_expedited): half of the time of a
comparison is waiting for probes to be taken down, which no measured run does.

`table` prints what came out as Markdown, with 95 % intervals (Wilson).
"""

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUSTED = "/usr/bin/busted"
KINDS = ("arithmetic", "strings", "tables")
NOMINAL_MS = (0.1, 0.2, 0.3, 0.5, 1, 1, 1.5, 2, 3, 5)
PLANTED_EVERY = 5
FOUND_FROM_MS = 1.0  # the promise is of tests that cost at least this
# too noisy; too few runs, or none at all, because neighbours disturbed the others
NOT_CALLED = ("noisy", "trend", "left out")
MOST_FAILURES = 3  # comparisons in a row that could not be made

# One unit of each kind; the loops are outside, so that twice the units are twice the work.
WORK = """
local work = {}
function work.arithmetic(units)
  local x = 0
  for i = 1, units * 200 do x = (x * 31 + i) % 1000003 end
  return x
end
function work.strings(units)
  local n = 0
  for i = 1, units * 4 do
    local s = tostring(i) .. ":" .. (i * 7)
    n = n + #s:gsub("%d", "x") + #s:upper()
  end
  return n
end
function work.tables(units)
  local n = 0
  for i = 1, units do
    local t = {}
    for k = 1, 20 do t[k] = { k, i } end
    table.sort(t, function(a, b) return a[1] > b[1] end)
    n = n + #t
  end
  return n
end
return work
"""

# Seconds of CPU time per unit, the least of some tries.
CALIBRATE = """
local work = dofile("work.lua")
for _, kind in ipairs({ "arithmetic", "strings", "tables" }) do
  local least, units = math.huge, 2000
  for _ = 1, 5 do
    local start = os.clock()
    work[kind](units)
    least = math.min(least, (os.clock() - start) / units)
  end
  print(kind, string.format("%.12f", least))
end
"""

# PLANT is "3=10,8=10": per cent more units, by the number of the test.
SPEC = """
local work = dofile("work.lua")
local plant = {}
for index, percent in (os.getenv("PLANT") or ""):gmatch("(%%d+)=(%%d+)") do
  plant[tonumber(index)] = tonumber(percent)
end
local tests = { %s }
describe("suite", function()
  for at, test in ipairs(tests) do
    local index = %d + at
    local units = math.floor(test.units * (100 + (plant[index] or 0)) / 100 + 0.5)
    it(index .. " " .. test.kind, function() work[test.kind](units) end)
  end
end)
"""


def calibrated(directory, interpreter):
    said = subprocess.run([interpreter, "calibrate.lua"], cwd=directory, check=True,
                          stdout=subprocess.PIPE, universal_newlines=True).stdout
    return {kind: float(seconds) for kind, seconds in map(str.split, said.splitlines())}


def write_file(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)


def make_suite(directory, interpreter):
    write_file(directory, "work.lua", WORK)
    write_file(directory, "calibrate.lua", CALIBRATE)
    cost = calibrated(directory, interpreter)
    tests = [(kind, ms) for ms in NOMINAL_MS for kind in KINDS]
    rows = ["{ kind = %r, units = %d }" % (kind, max(20, round(ms / 1000 / cost[kind])))
            for kind, ms in tests]
    os.mkdir(os.path.join(directory, "spec"))
    for first in range(0, len(rows), len(KINDS)):
        write_file(directory, "spec/rates%02d_spec.lua" % (first // len(KINDS)),
                   SPEC % (", ".join(rows[first:first + len(KINDS)]), first))
    return len(tests)


def planted(number, percent):
    """{index: percent}: every fifth test, by chance."""
    if percent == 0:
        return {}
    return {index: percent for index in random.sample(range(1, number + 1), number // PLANTED_EVERY)}


def compare(options, directory, interpreter, plant):
    """One comparison: its JSON, or None where it was stopped."""
    text = ",".join("%d=%d" % item for item in sorted(plant.items()))
    command = [options.bprof, "compare", "--json", "--quiet", "--gate", "--no-count",
               "--base-command", "exec %s %s" % (interpreter, BUSTED)]
    if options.pairs:
        command += ["--pairs", str(options.pairs)]
    command += ["--", "env", "PLANT=" + text, interpreter, BUSTED]
    result = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode not in (0, 3):
        print(result.stderr.decode(errors="replace"), file=sys.stderr)
        return None
    comparison = json.loads(result.stdout)
    comparison["status"] = result.returncode
    return comparison


def outcome(comparison, interpreter, percent, plant, load, seconds):
    """What is kept of a comparison: a row for each test."""
    tests = []
    for element in comparison["elements"]:
        if element["kind"] != "test":
            continue
        index = int(element["name"].split()[1])
        tests.append({"index": index, "planted": plant.get(index, 0), "ms": element["base"] / 1e6,
                      "verdict": element["verdict"], "fails": element["fails"],
                      "ratio": element["ratio"]})
    for left_out in comparison["left_out"]:
        index = int(left_out["name"].split()[1])
        tests.append({"index": index, "planted": plant.get(index, 0),
                      "ms": NOMINAL_MS[(index - 1) // len(KINDS)], "verdict": "left out",
                      "fails": False, "ratio": None})
    return {"interpreter": interpreter, "plant": percent, "load": load, "unit": comparison["unit"],
            "pairs": comparison["pairs"], "whole_pairs": comparison["whole_pairs"],
            "gate": comparison["status"] == 3, "seconds": seconds, "tests": tests}


class Load:
    """Processes that allocate beside the comparison, as a neighbour on a CI runner does."""

    PROGRAM = "while true do local t = {} for i = 1, 1e5 do t[i] = { i } end end"

    def __init__(self, number, interpreter):
        self.processes = [subprocess.Popen([interpreter, "-e", self.PROGRAM])
                          for _ in range(number)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def read_rows(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def cell_of(row):
    return row["interpreter"], row["plant"], row["load"]


def next_cell(done):
    """Of the cells with the fewest comparisons, one by chance."""
    least = min(done.values())
    return random.choice([cell for cell, number in done.items() if number == least])


def compare_once(options, suite, cell):
    """The row of one comparison, or None."""
    interpreter, percent, load = cell
    directory, number = suite
    started = time.monotonic()
    plant = planted(number, percent)
    with Load(load if isinstance(load, int) else 0, interpreter):
        comparison = compare(options, directory, interpreter, plant)
    if comparison is None:
        return None
    return outcome(comparison, interpreter, percent, plant, load, time.monotonic() - started)


def run_until(options, suites, done, results, until):
    failures = 0
    while time.monotonic() < until and failures < MOST_FAILURES:
        cell = next_cell(done)
        row = compare_once(options, suites[cell[0]], cell)
        if row is None:
            failures += 1
            continue
        failures = 0
        done[cell] += 1
        results.write(json.dumps(row) + "\n")
        results.flush()
        print("%s, +%d %%, %s busy: %d pairs (%d whole), gate %s, %.0f s" % (
            cell + (row["pairs"], row["whole_pairs"], row["gate"], row["seconds"])),
            file=sys.stderr)
    return 1 if failures else 0


class Expedited:
    """The kernel hurries with its grace periods; as before afterwards."""

    PATH = "/sys/kernel/rcu_expedited"

    def write(self, text):
        try:
            with open(self.PATH, "w", encoding="ascii") as file:
                file.write(text)
        except OSError as error:
            print("%s: %s" % (self.PATH, error.strerror), file=sys.stderr)

    def __enter__(self):
        self.write("1")

    def __exit__(self, *_):
        self.write("0")


def stop(*_):
    raise KeyboardInterrupt


def run(options):
    signal.signal(signal.SIGTERM, stop)
    until = time.monotonic() + options.hours * 3600
    done = {(interpreter, percent, load): 0 for interpreter in options.interpreter
            for percent in options.plant for load in options.load}
    for row in read_rows(options.results[0]):
        if cell_of(row) in done:
            done[cell_of(row)] += 1
    with tempfile.TemporaryDirectory() as top, \
            open(options.results[0], "a", encoding="utf-8") as results:
        suites = {}
        for interpreter in options.interpreter:
            directory = os.path.join(top, os.path.basename(interpreter))
            os.mkdir(directory)
            suites[interpreter] = directory, make_suite(directory, interpreter)
        try:
            with Expedited():
                return run_until(options, suites, done, results, until)
        except KeyboardInterrupt:
            return 130


# ---- the table

def share(part, whole):
    """"3.1 % (1.2 .. 7.9)": Wilson's interval."""
    if whole == 0:
        return "-"
    z, p = 1.96, part / whole
    middle = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(p * (1 - p) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return "%.1f %% (%.1f .. %.1f)" % (100 * p, 100 * max(0, middle - half),
                                       100 * min(1, middle + half))


COLUMNS = ("interpreter", "busy neighbours", "planted", "comparisons", "seconds each", "pairs, mean",
           "builds failed falsely", "same code called slower", "same code not called",
           "planted tests >= %g ms" % FOUND_FROM_MS, "found", "failed", "not called",
           "called same or faster")


def count(tests, *verdicts):
    return sum(test["verdict"] in verdicts for test in tests)


def rates(rows):
    same = [test for row in rows for test in row["tests"] if not test["planted"]]
    more = [test for row in rows for test in row["tests"]
            if test["planted"] and test["ms"] >= FOUND_FROM_MS]
    fails = sum(any(test["fails"] and not test["planted"] for test in row["tests"])
                for row in rows)
    return (share(fails, len(rows)), share(count(same, "slower"), len(same)),
            share(count(same, *NOT_CALLED), len(same)), str(len(more)),
            share(count(more, "slower"), len(more)),
            share(sum(test["fails"] for test in more), len(more)),
            share(count(more, *NOT_CALLED), len(more)),
            share(count(more, "same", "faster"), len(more)))


def mean(rows, key):
    return sum(row[key] for row in rows) / len(rows)


def table_row(rows, interpreter, load, plant):
    print("| %s | %s | %s | %d | %.0f | %.0f | %s |" % (
        interpreter, load, plant, len(rows), mean(rows, "seconds"), mean(rows, "pairs"),
        " | ".join(rates(rows))))


def table(options):
    rows = [row for path in options.results for row in read_rows(path)]
    print("| %s |\n|---|%s" % (" | ".join(COLUMNS), "--:|" * (len(COLUMNS) - 1)))
    for interpreter, load in sorted({(row["interpreter"], row["load"]) for row in rows}, key=str):
        chosen = [row for row in rows if (row["interpreter"], row["load"]) == (interpreter, load)]
        for plant in sorted({row["plant"] for row in chosen}):
            table_row([row for row in chosen if row["plant"] == plant], interpreter, load,
                      "+%d %%" % plant if plant else "nothing")
        table_row(chosen, interpreter, load, "any")
    print("\n%d comparisons, %.2f hours. In brackets: 95 %% intervals. A build that fails falsely has a "
          "test that fails without a plant. Not called: too noisy, or disturbed too often." % (
              len(rows), sum(row["seconds"] for row in rows) / 3600))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "table"))
    parser.add_argument("results", nargs="+")
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--interpreter", type=lambda text: text.split(","),
                        default=["luajit", "lua5.4"])
    parser.add_argument("--plant", type=lambda text: [int(word) for word in text.split(",")],
                        default=[0, 5, 10, 20])
    parser.add_argument("--load", type=lambda text: [int(word) if word.isdigit() else word
                                                     for word in text.split(",")],
                        default=[0, 2])
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--bprof", default=os.path.join(ROOT, "build", "bprof-perf"))
    options = parser.parse_args()
    options.bprof = os.path.realpath(options.bprof)
    return table(options) if options.action == "table" else run(options)


if __name__ == "__main__":
    sys.exit(main())
