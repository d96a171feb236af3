-- SPDX-License-Identifier: MIT
-- Truth: metamethods after calls whose function is left on the stack, for they have no result. No
-- JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local mt = {}
mt.__index = function(t, k)
  return 1
end
mt.__newindex = function(t, k, v)
  local w = v
end
mt.__add = function(a, b)
  return 1
end
mt.__concat = function(a, b)
  return "ab"
end
mt.__lt = function(a, b)
  return true
end
local function note(x)
  local y = x
end
local function tell(...)
  local y = ...
end
local a = setmetatable({}, mt)
local function work(n)
  local s
  for i = 1, n do
    note(i)
    s = a + a
    tell(i)
    s = a.name
    note(i)
    a.other = i
    tell(i, 2)
    s = a < a
    note(i)
    s = a .. a
    tell(i)
    note(i)
    tell(i, 2)
  end
  return s
end
repeat
  work(500)
until os.clock() > deadline
