-- SPDX-License-Identifier: MIT
-- Truth: a hook of calls, returns and lines is called many times for each line of work.
local deadline = os.clock() + tonumber(arg[1] or 3)
local events = 0
local function on_event()
  events = events + 1
end
local function leaf(x)
  local y = x % 7
  return y
end
local function work(n)
  local s = 0
  for i = 1, n do
    s = s + leaf(i)
  end
  return s
end
debug.sethook(on_event, "crl")
repeat
  work(100)
until os.clock() > deadline
