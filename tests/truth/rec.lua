-- SPDX-License-Identifier: MIT
-- Truth: new chunks are loaded, run and compiled all the time; now and then all traces are flushed.
-- They are named after this file, and their lines begin at 101.
local deadline = os.clock() + tonumber(arg[1] or 3)
local load = loadstring or load
local text = ("\n"):rep(100) .. [[
local t, s = {}, 0
for i = 1, 200 do
  t[i % 7] = { i }
  s = s + #tostring(i) + (t[i % 7][1] or 0)
  if i % N == 0 then
    s = s * 2 % 1000003
  end
end
return s
]]
local function run(f)
  local x = f()
  return x
end
local n = 0
repeat
  n = n + 1
  local f = load(text:gsub("N", n % 5 + 2), "@rec.lua")
  run(f)
  run(f)
  if jit and n % 200 == 0 then jit.flush() end
until os.clock() > deadline
