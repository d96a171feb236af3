-- SPDX-License-Identifier: MIT
-- Truth: the collector works where the program allocates, in fill() and in close().
local deadline = os.clock() + tonumber(arg[1] or 3)
local keep = {}
local function fill(n)
  for i = 1, n do
    keep[i % 5000 + 1] = { i, tostring(i) }
  end
end
local function close(n)
  local last
  for i = 1, n do
    last = function() return i end
  end
  return last
end
repeat
  fill(4000)
  local f = close(4000)
until os.clock() > deadline
