-- SPDX-License-Identifier: MIT
-- Truth: short functions called with pcall, xpcall, varargs and as tail calls; errors thrown and
-- handled. Nothing but calls. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function va(...)
  local a, b = ...
  return a + b
end
local function ends(x)
  local y = x + 1
  return y
end
local function tail(x)
  local y = x * 2
  return ends(y)
end
local function fails(x)
  if x % 8 == 0 then error("no") end
  return x
end
local function handler(e)
  local m = e
  return m
end
local function body(x)
  local a = tail(x)
  local b = va(a, 1, x)
  return a + b
end
local function run(n)
  local s = 0
  for i = 1, n do
    local _, a = pcall(body, i)
    local _, b = xpcall(function()
      local r = fails(i)
      return r
    end, handler)
    local ok = pcall(fails, i)
    s = s + a
  end
  return s
end
repeat
  run(500)
until os.clock() > deadline
