-- SPDX-License-Identifier: MIT
-- Truth: four functions whose work is in the ratio 1:2:4:8. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local function burn(n)
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end
local function one(n)
  local s = burn(n)
  return s
end
local function two(n)
  local s = burn(2 * n)
  return s
end
local function four(n)
  local s = burn(4 * n)
  return s
end
local function eight(n)
  local s = burn(8 * n)
  return s
end
repeat
  one(5000)
  two(5000)
  four(5000)
  eight(5000)
until os.clock() > deadline
