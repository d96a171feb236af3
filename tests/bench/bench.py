#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the profiler costs, by paired runs; prints Markdown for docs/PERFORMANCE.md.

    sudo tests/bench/bench.py [--pairs N] [--bprof PATH] [SECTION...]

Sections: target walk suite startup children boundaries report memory (default: all).

Two commands are compared by pairs in the order A B, B A, ...: the median of the ratios (or of the
differences) of the pairs, so that a machine that grows slower or faster spoils nothing. Run it on a
quiet machine.
"""

import argparse
import ctypes
import json
import os
import platform
import resource
import shlex
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
EXAMPLE = os.path.join(ROOT, "examples", "textkit")
FREQUENCY = 997
WALK_DEPTHS = (5, 10, 20, 30, 60, 120)
PR_SET_CHILD_SUBREAPER = 36

# Types and sizes of include/bprof/wire.h that making a long recording needs.
FILE_HEADER_BYTES = 32
RECORD_SAMPLE = 1


class Measurement:
    """One run of a command: its time, its CPU with that of every process it left behind."""

    def __init__(self, argv, cwd=HERE, statuses=(0,)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        result = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wall = time.monotonic() - started
        wait_for_orphans()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if result.returncode not in statuses:
            sys.exit("%s: status %d\n%s" % (" ".join(argv), result.returncode,
                                            result.stderr.decode(errors="replace")))
        self.own_cpu = self.cpu_said(result.stdout.decode(errors="replace"))

    @staticmethod
    def cpu_said(text):
        """The CPU seconds a program of ours says it took: its own, without the profiler's."""
        for line in text.splitlines():
            if line.startswith("CPU "):
                return float(line[4:])
        return None


def wait_for_orphans():
    """Children of the tool that outlived it have become ours."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def pairs_of(plain, other, count, what, **options):
    """[(plain, other)] values of `what` ("cpu", "wall", "own_cpu"), in the order A B, B A."""
    values = []
    for index in range(count):
        runs = {}
        for name, argv in sorted([("a", plain), ("b", other)], reverse=index % 2 == 1):
            runs[name] = getattr(Measurement(argv, **options), what)
        values.append((runs["a"], runs["b"]))
    return values


def spread(values, form):
    if len(values) < 4:
        return form % statistics.median(values)
    quarters = statistics.quantiles(values, n=4)
    return "%s (%s to %s)" % tuple(form % v for v in (statistics.median(values), quarters[0], quarters[2]))


def ratio(values):
    return spread([b / a for a, b in values], "%.3f")


def difference_ms(values, divisor=1):
    return spread([(b - a) / divisor * 1e3 for a, b in values], "%.2f ms")


def table(title, head, rows):
    print("### %s\n" % title)
    print("| %s |" % " | ".join(str(cell) for cell in head))
    print("|%s" % ("---|" * len(head)))
    for row in rows:
        print("| %s |" % " | ".join(str(cell) for cell in row))
    print(flush=True)


class Bench:
    def __init__(self, options, work):
        self.pairs = options.pairs
        self.bprof = os.path.abspath(options.bprof)
        self.work = work
        self.empty = os.path.join(work, "empty_sampler")
        self.samples = options.samples
        self.seconds = options.seconds
        self.rounds = options.rounds

    def profiled(self, argv, *options):
        out = os.path.join(self.work, "out")
        return [self.bprof, "-q", "-o", out, "-F", str(FREQUENCY), *options, "--", *argv]

    def perf(self, argv, *options):
        data = os.path.join(self.work, "perf.data")
        return ["perf", "record", "-q", "-F", str(FREQUENCY), *options, "-o", data, "--", *argv]

    def build_empty(self):
        source = os.path.join(HERE, "empty_sampler.c")
        subprocess.run(["gcc", "-O2", "-o", self.empty, source, "-lbpf"], check=True)

    # ---- the target's own CPU ----------------------------------------------------------------

    def target(self):
        self.build_empty()
        rows = []
        for name, argv in [
            ("LuaJIT, interpreter", ["luajit", "fixed.lua", "interpreter", "13000"]),
            ("LuaJIT, compiled", ["luajit", "fixed.lua", "compiled", "17000"]),
            ("Lua 5.1", ["lua5.1", "fixed.lua", "interpreter", "8000"]),
            ("Lua 5.4", ["lua5.4", "fixed.lua", "interpreter", "10000"]),
        ]:
            rows.append((name, *self.target_row(argv)))
        table("The target slowed: ratio of its own CPU, 26 Lua frames, %d Hz" % FREQUENCY,
              ("program", "bprof-perf", "an empty BPF program", "perf record -g"), rows)
        self.against_luajit()

    def target_row(self, argv):
        tools = [self.profiled(argv), [self.empty, str(FREQUENCY), *argv]]
        if shutil.which("perf"):
            tools.append(self.perf(argv, "-g"))
        cells = [ratio(pairs_of(argv, tool, self.pairs, "own_cpu")) for tool in tools]
        return cells + ["no perf here"] * (3 - len(cells))

    def against_luajit(self):
        """jit.p asks for 1 ms and gets a tick of the kernel: compare at that rate."""
        hz = os.sysconf("SC_CLK_TCK")
        kernel_hz = 250 if hz == 100 else hz
        rows = []
        for mode, count in (("interpreter", "13000"), ("compiled", "17000")):
            argv = ["luajit", "fixed.lua", mode, count]
            ours = self.profiled(argv)
            ours[ours.index("-F") + 1] = str(kernel_hz)
            theirs = ["luajit", "-jp=fi1", *argv[1:]]
            rows.append((mode, ratio(pairs_of(argv, ours, self.pairs, "own_cpu")),
                         ratio(pairs_of(argv, theirs, self.pairs, "own_cpu"))))
        table("Against LuaJIT's own profiler: ratio of the target's CPU at %d Hz" % kernel_hz,
              ("program", "bprof-perf", "luajit -jp=fi1"), rows)

    # ---- the walk of one stack ---------------------------------------------------------------

    def walk(self):
        """What the kernel's clock says of the sampling program, by the depth of the stack."""
        rows = []
        for interpreter in ("luajit", "lua5.1", "lua5.2", "lua5.3", "lua5.4"):
            for kind, what in (("same", "one function"), ("other", "another in each frame")):
                costs = {depth: self.walk_cost(interpreter, kind, depth) for depth in WALK_DEPTHS}
                slope, _ = statistics.linear_regression(list(costs), list(costs.values()))
                rows.append((interpreter, what, *("%.1f" % (cost / 1e3) for cost in costs.values()),
                             "**%.0f ns**" % slope))
        table("The sampling program by the depth of the stack, us per sample; medians of %d runs"
              % self.rounds, ("interpreter", "frames of", *WALK_DEPTHS, "per frame"), rows)

    def walk_cost(self, interpreter, kind, depth):
        """ns per sample: from the interrupt's first line to its last, walk and shipment."""
        argv = self.profiled([interpreter, "depth.lua", kind, str(depth), "0.7"], "--boundaries=none")
        costs = []
        for _ in range(self.rounds):
            Measurement(argv)
            with open(os.path.join(self.work, "out", "profile.json"), "rb") as file:
                counters = json.load(file)["counters"]
            costs.append(counters["walk_ns"] / counters["taken"])
        return statistics.median(costs)

    # ---- everything, the tool included -------------------------------------------------------

    def suite(self):
        rows = []
        for name, interpreter in (("LuaJIT", "luajit"), ("Lua 5.4", "lua5.4")):
            argv = [interpreter, "/usr/bin/busted", "-o", "TAP", "--run=green"]
            options = {"cwd": EXAMPLE}
            row = [name]
            for what in ("cpu", "wall"):
                row.append(ratio(pairs_of(argv, self.profiled(argv), self.pairs, what, **options)))
            if shutil.which("perf"):
                row.append(ratio(pairs_of(argv, self.perf(argv, "-g"), self.pairs, "cpu", **options)))
            rows.append(row + ["no perf here"] * (4 - len(row)))
        table("The whole cost on a suite of about one second, the tool included",
              ("suite", "CPU, bprof-perf", "wall, bprof-perf", "CPU, perf record -g"), rows)

    def startup(self):
        rows = []
        for argv in (["true"], ["luajit", "-e", ""], ["lua5.4", "-e", ""]):
            tools = [("bprof-perf", self.profiled(argv))]
            if shutil.which("perf"):
                tools.append(("perf record -g", self.perf(argv, "-g")))
            for name, tool in tools:
                rows.append(("`%s`" % shlex.join(argv), name,
                             difference_ms(pairs_of(argv, tool, self.pairs, "wall")),
                             difference_ms(pairs_of(argv, tool, self.pairs, "cpu"))))
        table("Start-up and shutdown added to a run", ("command", "tool", "wall", "CPU"), rows)

    def children(self):
        count = 200
        rows = []
        for interpreter in ("luajit", "lua5.4"):
            loop = "for i in $(seq %%d); do %s -e ''; done" % interpreter
            many, one = ["sh", "-c", loop % count], ["sh", "-c", loop % 1]
            per_child = []
            for what in ("wall", "cpu"):
                big = pairs_of(many, self.profiled(many), self.pairs, what)
                small = pairs_of(one, self.profiled(one), self.pairs, what)
                added = [(b - a) - (d - c) for (a, b), (c, d) in zip(big, small)]
                per_child.append(spread([v / (count - 1) * 1e3 for v in added], "%.3f ms"))
            rows.append((interpreter, *per_child))
        table("One more child interpreter", ("child", "wall", "CPU"), rows)

    def boundaries(self):
        rows = []
        for name, interpreter in (("LuaJIT", "luajit"), ("Lua 5.1", "lua5.1"), ("Lua 5.4", "lua5.4")):
            argv = [interpreter, "/usr/bin/busted", "-o", "TAP", os.path.join(HERE, "empty_spec.lua")]
            without = self.profiled(argv, "--boundaries=none")
            with_hook = self.profiled(argv, "--boundaries=hook")
            values = pairs_of(without, with_hook, self.pairs, "own_cpu")
            rows.append((name, spread([(b - a) / 4000 * 1e6 for a, b in values], "%.2f us")))
        table("The boundaries of a test: CPU of the target per test (four announcements)",
              ("interpreter", "per test"), rows)

    # ---- the report, memory, losses ----------------------------------------------------------

    def record_example(self, frequency):
        out = os.path.join(self.work, "recorded")
        Measurement([self.bprof, "-q", "-o", out, "-F", str(frequency), "--", "luajit", "/usr/bin/busted",
                     "-o", "TAP", "--run=green"], cwd=EXAMPLE)
        return os.path.join(out, "recording.bprof")

    def multiply(self, source, target, wanted):
        """Repeats every sample of a recording until there are `wanted`."""
        with open(source, "rb") as file:
            content = file.read()
        total = sum(1 for kind, _, _ in records(content) if kind == RECORD_SAMPLE)
        copies, made = -(-wanted // total), 0
        with open(target, "wb") as file:
            file.write(content[:FILE_HEADER_BYTES])
            for kind, start, end in records(content):
                repeat = min(copies, max(wanted - made, 1)) if kind == RECORD_SAMPLE else 1
                made += repeat if kind == RECORD_SAMPLE else 0
                file.write(content[start:end] * repeat)
        return made

    def report(self):
        source = self.record_example(9999)
        target = os.path.join(self.work, "long.bprof")
        made = self.multiply(source, target, self.samples)
        out = os.path.join(self.work, "reported")
        walls = [Measurement([self.bprof, "report", "-q", "-o", out, target]).wall for _ in range(5)]
        table("Rendering a recording again", ("samples", "time"), [(made, spread(walls, "%.2f s"))])

    def watched_run(self, argv):
        """The highest resident memory of the tool itself, in MiB, and its profile."""
        process = subprocess.Popen(argv, cwd=os.path.join(ROOT, "tests", "truth"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        highest = 0
        while process.poll() is None:
            highest = max(highest, high_water(process.pid))
            time.sleep(0.1)
        with open(os.path.join(self.work, "out", "profile.json"), "rb") as file:
            return highest / 1024, json.load(file)

    def memory(self):
        rows = []
        for frequency in (FREQUENCY, 9999):
            argv = self.profiled(["luajit", "mix.lua", str(self.seconds)])
            argv[argv.index("-F") + 1] = str(frequency)
            mebibytes, profile = self.watched_run(argv)
            samples = profile["samples"]
            rows.append((frequency, samples["taken"], "%.1f MiB" % mebibytes, samples["lost"],
                         samples["unresolved"]))
        table("Memory and losses in %s s" % self.seconds,
              ("Hz", "samples", "highest resident memory", "lost", "unresolved"), rows)


def high_water(pid):
    try:
        with open("/proc/%d/status" % pid) as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def records(content):
    """(type, start, end) of every record of a recording."""
    position = FILE_HEADER_BYTES
    while position + 16 <= len(content):
        kind, size = struct.unpack_from("<II", content, position)
        if size < 16 or position + size > len(content):
            return
        yield kind, position, position + size
        position += size


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return "%s, %d CPUs, Linux %s" % (models[0] if models else platform.machine(), os.cpu_count(),
                                      platform.release())


def main():
    sections = ["target", "walk", "suite", "startup", "children", "boundaries", "report", "memory"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10, help="pairs of runs per figure (10)")
    parser.add_argument("--bprof", default=os.path.join(ROOT, "build", "bprof-perf"))
    parser.add_argument("--samples", type=int, default=1000000, help="samples of the long recording")
    parser.add_argument("--seconds", type=int, default=60, help="length of the memory runs")
    parser.add_argument("--rounds", type=int, default=3, help="runs per depth of a stack (3)")
    parser.add_argument("sections", nargs="*", metavar="SECTION", choices=[[], *sections])
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("profiling with BPF needs root. Run: sudo tests/bench/bench.py")
    for name in ("SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND"):
        os.environ.pop(name, None)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    print("Measured on %s; medians of %d pairs, in brackets the middle half.\n"
          % (machine(), options.pairs))
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(options, work)
        for name in options.sections or sections:
            getattr(bench, name)()


if __name__ == "__main__":
    main()
