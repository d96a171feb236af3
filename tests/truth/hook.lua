-- SPDX-License-Identifier: MIT
-- Truth: a count hook interrupts a loop and works itself. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function count(n)
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end
local function on_count()
  local s = count(50)
  return s
end
local function work(n)
  local s = 0
  for i = 1, n do s = s + i % 5 end
  return s
end
debug.sethook(on_count, "", 200)
repeat
  work(5000)
until os.clock() > deadline
