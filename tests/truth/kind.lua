-- SPDX-License-Identifier: MIT
-- What kind of Lua this is, as enum truth_kind of tests/support/truth.h calls them.
io.write(not jit and "puc" or jit.status() and "jit" or "luajit", "\n")
