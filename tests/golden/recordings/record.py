#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records the fixture suite under interpreters, after a change of the wire format.

    sudo tests/golden/recordings/record.py BPROF_PERF [INTERPRETER...]

Then bless what the outputs say about them: BLESS=1 build-dev/tests/test_recordings, and read the diff.
Each version of the format has recordings of its own: those of version 1 are in "luajit", "lua5.1" and so on,
later ones in "luajit-v2". Older ones stay as they are, because reports must go on to read them.

What identifies the machine (kernel release, CPU model) is replaced.
"""
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SUITE = os.path.join(HERE, "..", "..", "fixtures", "spec")
INTERPRETERS = ["luajit", "lua5.4"]
REPLACED = {b"kernel": b"6.1.0", b"cpu_model": b"Example CPU"}
FILE_HEADER, VERSION_AT, RECORD_HEADER, INFO = 32, 8, 16, 32


def replace_info(record):
    key_len, value_len = struct.unpack_from("<II", record, RECORD_HEADER)
    key = record[24:24 + key_len]
    if key not in REPLACED:
        return record
    value = REPLACED[key]
    body = struct.pack("<II", key_len, len(value)) + key + b"\0" + value
    size = (RECORD_HEADER + len(body) + 7) // 8 * 8
    return struct.pack("<II", INFO, size) + record[8:16] + body.ljust(size - RECORD_HEADER, b"\0")


def anonymous(recording):
    out, at = [recording[:FILE_HEADER]], FILE_HEADER
    while at < len(recording):
        kind, size = struct.unpack_from("<II", recording, at)
        record = recording[at:at + size]
        out.append(replace_info(record) if kind == INFO else record)
        at += size
    return b"".join(out)


def main():
    bprof_perf = os.path.abspath(sys.argv[1])
    path = ";;/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua"
    env = dict(os.environ, **{"LUA_PATH" + v: path for v in ["", "_5_2", "_5_3", "_5_4"]})
    for name in sys.argv[2:] or INTERPRETERS:
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([bprof_perf, "-q", "-o", directory, "--", name, "/usr/bin/busted", "suite"],
                           cwd=SUITE, env=env, stdout=subprocess.DEVNULL, check=False)
            with open(os.path.join(directory, "recording.bprof"), "rb") as f:
                recording = anonymous(f.read())
        name = "%s-v%d" % (name, struct.unpack_from("<I", recording, VERSION_AT)[0])
        os.makedirs(os.path.join(HERE, name), exist_ok=True)
        with open(os.path.join(HERE, name, "in.bprof"), "wb") as f:
            f.write(recording)
        print(name, len(recording), "bytes")


if __name__ == "__main__":
    main()
