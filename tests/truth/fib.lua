-- SPDX-License-Identifier: MIT
-- Truth: recursion that is compiled, and a method that is inlined into a loop.
local deadline = os.clock() + tonumber(arg[1] or 3)
local function fib(n)
  if n < 2 then return n end
  local a = fib(n - 1)
  local b = fib(n - 2)
  return a + b
end
local Counter = {}
Counter.__index = Counter
function Counter:step(x)
  self.v = self.v + x
  if self.v > 1e6 then self.v = 0 end
  return self.v
end
local function drive(o, n)
  local s = 0
  for i = 1, n do
    local v = o:step(i % 3)
    s = s + v + #tostring(i)
  end
  return s
end
repeat
  local f = fib(18)
  local d = drive(setmetatable({ v = 0 }, Counter), 2000)
until os.clock() > deadline
