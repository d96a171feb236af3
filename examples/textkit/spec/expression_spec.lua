-- SPDX-License-Identifier: MIT
local expression = require("textkit.expression")

describe("expression", function()
  describe("evaluate", function()
    local cases = {
      ["1"] = 1, ["1 + 2"] = 3, ["7 - 10"] = -3, ["2 * 3 + 4"] = 10, ["2 + 3 * 4"] = 14,
      ["(2 + 3) * 4"] = 20, ["10 / 4"] = 2.5, ["10 % 4"] = 2, ["2 ^ 10"] = 1024,
      ["2 ^ 3 ^ 2"] = 512, ["-2 ^ 2"] = -4, ["(-2) ^ 2"] = 4, ["--3"] = 3, ["1 - 2 - 3"] = -4,
      ["8 / 4 / 2"] = 1, ["1.5 * 2"] = 3, ["((((5))))"] = 5, ["2 * -3"] = -6,
    }
    local names = {}
    for source in pairs(cases) do
      names[#names + 1] = source
    end
    table.sort(names)
    for _, source in ipairs(names) do
      it(source, function()
        assert.equal(cases[source], expression.evaluate(source))
      end)
    end
  end)

  describe("sums", function()
    for left = 1, 8 do
      for right = 1, 8 do
        it(left .. " and " .. right, function()
          local scope = { a = left, b = right }
          assert.equal(left + right, expression.evaluate("a + b", scope))
          assert.equal(left * right - left, expression.evaluate("a * b - a", scope))
        end)
      end
    end
  end)

  describe("format", function()
    local cases = {
      { "1+2*3", "(1 + (2 * 3))" },
      { "1*2+3", "((1 * 2) + 3)" },
      { "a^b^c", "(a ^ (b ^ c))" },
      { "a-b-c", "((a - b) - c)" },
      { "-a*b", "((-a) * b)" },
      { "-a^b", "(-(a ^ b))" },
      { "f()", "f()" },
      { "f(x, 1 + 2)", "f(x, (1 + 2))" },
      { "f(g(h(1)))", "f(g(h(1)))" },
      { "2.50", "2.5" },
    }
    for _, case in ipairs(cases) do
      it("writes " .. case[1] .. " as " .. case[2], function()
        assert.equal(case[2], expression.format(expression.parse(case[1])))
      end)
      it("reads " .. case[2] .. " back", function()
        assert.same(expression.parse(case[1]), expression.parse(case[2]))
      end)
    end
  end)

  describe("names", function()
    local scope = { x = 3, y = 4, max = math.max, sqrt = math.sqrt, answer = function() return 42 end }

    it("looks names up", function()
      assert.equal(25, expression.evaluate("x*x + y*y", scope))
    end)

    it("calls functions", function()
      assert.equal(5, expression.evaluate("sqrt(x^2 + y^2)", scope))
      assert.equal(4, expression.evaluate("max(1, x, y)", scope))
      assert.equal(43, expression.evaluate("answer() + 1", scope))
    end)

    it("does not know others", function()
      assert.has_error(function() expression.evaluate("z", scope) end, "unknown name z")
      assert.has_error(function() expression.evaluate("z(1)", scope) end, "unknown function z")
    end)
  end)

  describe("errors", function()
    local cases = {
      { "", "expected an operand, found the end" },
      { "1 +", "expected an operand, found the end" },
      { "(1", 'expected ")", found the end' },
      { "1 2", 'expected the end, found "2"' },
      { "* 2", 'expected an operand, found "*"' },
      { "f(1", 'expected ")", found the end' },
      { "f(,)", 'expected an operand, found ","' },
      { "1 ? 2", 'line 1: cannot read "? 2"' },
    }
    for _, case in ipairs(cases) do
      it(string.format("of %q", case[1]), function()
        assert.has_error(function() expression.parse(case[1]) end, case[2])
      end)
    end
  end)

  describe("depth", function()
    local function nested(depth)
      return ("("):rep(depth) .. "1" .. (" + 1)"):rep(depth)
    end

    for _, depth in ipairs({ 1, 5, 10, 20, 40 }) do
      it("of " .. depth .. " brackets", function()
        assert.equal(depth + 1, expression.evaluate(nested(depth)))
      end)
    end

    it("evaluates one tree many times #slow", function()
      local tree = expression.parse("(x + 1) * (x - 1) + x ^ 2 / (x + 3) - f(x, 2)")
      local scope = { f = function(a, b) return a % b end }
      local sum = 0
      for x = 1, 4000 do
        scope.x = x
        sum = sum + expression.evaluate(tree, scope)
      end
      assert.is_true(sum > 0)
    end)
  end)
end)
