-- SPDX-License-Identifier: MIT
-- Truth: metamethods, tail calls, varargs, pcall and iterators inside of one loop. On LuaJIT all of
-- them are compiled into it; a side trace begins in the callee.
local deadline = os.clock() + tonumber(arg[1] or 3)
local mt = {}
mt.__index = function(t, k)
  local v = k % 5
  return v
end
mt.__add = function(a, b)
  local n = b * 2 % 1000
  return n
end
local function va(...)
  local n = select("#", ...)
  local a, b = ...
  return a + b + n
end
local function ends(x)
  if x % 3 == 0 then
    return x + 1
  end
  return x - 1
end
local function tail(x)
  local y = x % 1000
  return ends(y)
end
local function body(x)
  local a = tail(x)
  return a
end
local t = setmetatable({}, mt)
local function loop(n)
  local s = 0
  for i = 1, n do
    s = s + t[i]
    s = s + (t + i)
    s = s + va(i, 1, 2)
    local ok, r = pcall(body, i)
    s = (s + r) % 1000003
  end
  return s
end
local list = {}
for i = 1, 100 do list[i] = i % 7 end
local function each(n)
  local s = 0
  for _ = 1, n do
    for i, v in ipairs(list) do
      s = s + v * i
    end
  end
  return s
end
repeat
  loop(5000)
  each(300)
until os.clock() > deadline
