-- SPDX-License-Identifier: MIT
-- Truth: loops whose traces are flushed all the time, so that those of others take their numbers and
-- their memory; and one that is never compiled, for it makes closures: its traces are given up.
local deadline = os.clock() + tonumber(arg[1] or 3)
local function one(n)
  local s = 0
  for i = 1, n do
    s = s + i % 7
  end
  return s
end
local function add(x, i)
  local y = (x + i) % 1000003
  return y
end
local function two(n)
  local s = 0
  for i = 1, n do
    s = add(s, i)
  end
  return s
end
local function three(n)
  local s = 0
  for i = 1, n do
    if i % 3 == 0 then
      s = s + 1
    else
      s = s * 2 % 1000003
    end
  end
  return s
end
local function four(n)
  local t = {}
  for i = 1, n do
    t[i % 100 + 1] = i
  end
  return #t
end
local function never(n)
  local s = 0
  for i = 1, n do
    local f = function() return s end
    s = i
  end
  return s
end
local k = 0
repeat
  k = (k * 5 + 3) % 64
  if k % 3 == 0 then
    local x = one(3000)
    local y = two(2000)
  elseif k % 3 == 1 then
    local x = three(3000)
  else
    local x = four(3000)
    local y = never(300)
  end
  if k % 5 == 0 then jit.flush() end
until os.clock() > deadline
