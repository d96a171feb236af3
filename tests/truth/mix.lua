-- SPDX-License-Identifier: MIT
-- Truth: Lua called back from C (sort, gsub), and short C functions called from Lua. No JIT.
local deadline = os.clock() + tonumber(arg[1] or 3)
if jit then jit.off() end
local t = {}
for i = 1, 300 do t[i] = tostring(i) .. 'x' end
local function cmp(a, b)
  return a < b
end
local function work(n)
  local u = {}
  for i = 1, n do u[i] = t[(i * 7) % 300 + 1] end
  table.sort(u, cmp)
  local s = 0
  for _, v in pairs(u) do s = s + #v + #u end
  for i = 1, 20 do
    u['k' .. i] = i
    s = s + math.sin(i) + math.floor(i / 3)
  end
  local str = table.concat(u, ','):gsub('%d+', function(x)
    return x .. 'y'
  end)
  return s + #str
end
local function run()
  local x = work(200)
  return x
end
repeat
  for _ = 1, 50 do run() end
until os.clock() > deadline
