-- SPDX-License-Identifier: MIT
-- A fixed amount of work below 26 Lua frames; says at the end how much CPU it took.
--
--   luajit fixed.lua MODE COUNT     MODE: interpreter (no JIT) or compiled

local mode, count = arg[1], tonumber(arg[2])
if jit and mode == "interpreter" then
  jit.off()
end

local function leaf(n)
  local sum = 0
  for index = 1, n do
    sum = sum + index % 7
  end
  return sum
end

local function descend(depth, n)
  if depth == 0 then
    return leaf(n)
  end
  local result = descend(depth - 1, n)
  return result + 1
end

local started = os.clock()
for _ = 1, count do
  descend(23, 20000)
end
io.stdout:write(string.format("CPU %.6f\n", os.clock() - started))
