-- SPDX-License-Identifier: MIT
-- Truth: Lua called back from a C function that was called through the FFI, and FFI calls in a loop.
local deadline = os.clock() + tonumber(arg[1] or 3)
local ffi = require("ffi")
ffi.cdef [[
void qsort(void *, size_t, size_t, int (*)(const int *, const int *));
int abs(int);
]]
local a = ffi.new("int[2000]")
local function compare(x, y)
  local d = x[0] - y[0]
  return d > 0 and 1 or d < 0 and -1 or 0
end
local callback = ffi.cast("int (*)(const int *, const int *)", compare)
local function sort()
  for i = 0, 1999 do a[i] = (i * 7919) % 2000 end
  ffi.C.qsort(a, 2000, 4, callback)
end
local function calls(n)
  local s = 0
  for i = 1, n do
    s = s + ffi.C.abs(-i)
  end
  return s
end
repeat
  sort()
  calls(20000)
until os.clock() > deadline
