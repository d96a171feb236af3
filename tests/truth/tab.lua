-- SPDX-License-Identifier: MIT
-- Truth: three leaf functions in turn, each full of short C functions and table operations. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local t = {}
for i = 1, 5000 do t[i] = i end
local function cnt(t)
  local n = 0
  for i = 1, 50 do n = n + #t end
  return n
end
local function nx(t)
  local k, s = nil, 0
  for i = 1, 50 do
    k = next(t, k)
    s = s + k
  end
  return s
end
local function m(x)
  local s = 0
  for i = 1, 50 do
    s = s + math.log(x + i)
    s = s + math.fmod(x, 3) + x ^ 0.3
  end
  return s
end
repeat
  for _ = 1, 100 do
    local a = cnt(t)
    local b = nx(t)
    local c = m(3.3)
  end
until os.clock() > deadline
