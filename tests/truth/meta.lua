-- SPDX-License-Identifier: MIT
-- Truth: metamethods of every kind, short and called all the time. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local mt = {}
mt.__index = function(t, k)
  local v = k .. "x"
  return #v
end
mt.__newindex = function(t, k, v)
  local w = v + 1
  rawset(t, 1, w)
end
mt.__call = function(t, a)
  local b = a + 1
  return b
end
mt.__add = function(a, b)
  local n = 1
  return n
end
mt.__concat = function(a, b)
  local s = "ab"
  return s
end
mt.__lt = function(a, b)
  local c = false
  return c
end
mt.__eq = function(a, b)
  local c = true
  return c
end
local a, b = setmetatable({}, mt), setmetatable({}, mt)
local function work(n)
  local s = 0
  for i = 1, n do
    s = s + a.name
    a.other = i
    s = s + a(i)
    s = s + (a + b)
    local t = a .. b
    if a < b then s = s + 1 end
    if a == b then s = s + 1 end
  end
  return s
end
repeat
  work(500)
until os.clock() > deadline
