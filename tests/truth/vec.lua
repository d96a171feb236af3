-- SPDX-License-Identifier: MIT
-- Truth: metamethods, a sort callback, a tail call, pcall in a coroutine, xpcall, a gsub callback, a
-- vararg function; all the time at the bottom, in block(). No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function block()
  local s = 0
  for i = 1, 300000 do s = s + i % 7 end
  return s
end
local function va(...)
  local x = block(...)
  return x
end
local mt = {}
mt.__index = function(t, k)
  local v = va(k, 1, 2, 3)
  return v
end
mt.__add = function(a, b)
  local q = setmetatable({}, mt).foo
  return q
end
local function cmp(a, b)
  local z = setmetatable({}, mt) + 1
  return a < b
end
local function sorter()
  local t = { 3, 1 }
  table.sort(t, cmp)
end
local function tail() return sorter() end
local function inco()
  local ok = pcall(tail)
  return ok
end
local function outer()
  local w = coroutine.wrap(inco)
  w()
end
local function gs()
  local s = string.gsub("a", "a", function(c)
    local ok = xpcall(outer, function(e) return e end)
    return "b"
  end)
  return s
end
repeat
  gs()
until os.clock() > deadline
