-- SPDX-License-Identifier: MIT
local expression = require("textkit.expression")
local json = require("textkit.json")

local function ackermann(m, n)
  if m == 0 then
    return n + 1
  elseif n == 0 then
    return ackermann(m - 1, 1)
  end
  return ackermann(m - 1, ackermann(m, n - 1))
end

local function descend(depth, work)
  if depth == 0 then
    return work()
  end
  local result = descend(depth - 1, work)
  return result + 1
end

local function busy()
  local sum = 0
  for index = 1, 40000 do
    sum = sum + index % 13
  end
  return sum - sum
end

describe("recursion", function()
  for _, depth in ipairs({ 1, 10, 50, 100, 150 }) do
    it("works at the bottom of " .. depth .. " frames #slow", function()
      for _ = 1, 5 do
        assert.equal(depth, descend(depth, busy))
      end
    end)
  end

  it("through pcall at every level", function()
    local function guarded(depth)
      if depth == 0 then
        return busy()
      end
      local ok, result = pcall(guarded, depth - 1)
      return ok and result + 1
    end
    assert.equal(60, guarded(60))
  end)

  it("of two arguments", function()
    assert.equal(61, ackermann(3, 3))
  end)

  it("in a parser", function()
    local source = ("("):rep(60) .. "1" .. (")"):rep(60)
    assert.equal(1, expression.evaluate(source))
  end)

  it("in a codec", function()
    local value = 1
    for _ = 1, 100 do
      value = { value }
    end
    assert.equal(("["):rep(100) .. "1" .. ("]"):rep(100), json.encode(value))
  end)

  it("stops at the limit of the codec", function()
    assert.has_error(function() json.decode(("["):rep(300)) end, "line 1: nested too deeply")
  end)
end)
