-- SPDX-License-Identifier: MIT
local tokenizer = require("textkit.tokenizer")

local function lua_lexer()
  return tokenizer.new({
    { "space", "%s+", skip = true },
    { "comment", "%-%-[^\n]*", skip = true },
    { "name", "[%a_][%w_]*" },
    { "number", "%d+%.?%d*", convert = tonumber },
    { "string", '"[^"\n]*"', convert = function(text) return text:sub(2, -2) end },
    { "string", "'[^'\n]*'", convert = function(text) return text:sub(2, -2) end },
    { "operator", "[-+*/%%^#=~<>(){}%[%];:,.]" },
  })
end

local function kinds(tokens)
  local list = {}
  for index, token in ipairs(tokens) do
    list[index] = token.kind
  end
  return table.concat(list, " ")
end

describe("tokenizer", function()
  local lexer

  before_each(function()
    lexer = lua_lexer()
  end)

  describe("kinds", function()
    local cases = {
      { "", "" },
      { "   ", "" },
      { "x", "name" },
      { "x1_y", "name" },
      { "12", "number" },
      { "12.5", "number" },
      { "x = 1", "name operator number" },
      { "f(x, 2)", "name operator name operator number operator" },
      { "'a' .. \"b\"", "string operator operator string" },
      { "-- a comment", "" },
      { "x -- a comment\ny", "name name" },
      { "a<b", "name operator name" },
      { "t[1]", "name operator number operator" },
      { "{}", "operator operator" },
      { "a.b.c", "name operator name operator name" },
    }
    for _, case in ipairs(cases) do
      it(string.format("of %q", case[1]), function()
        assert.equal(case[2], kinds(lexer:all(case[1])))
      end)
    end
  end)

  describe("values", function()
    for _, number in ipairs({ 0, 1, 7, 10, 42, 99, 100, 1000, 65535, 123456 }) do
      it("converts " .. number, function()
        assert.equal(number, lexer:all(tostring(number))[1].value)
      end)
    end

    it("removes the quotes of a string", function()
      assert.equal("hello", lexer:all("'hello'")[1].value)
      assert.equal("'hello'", lexer:all("'hello'")[1].text)
    end)
  end)

  describe("positions", function()
    for count = 1, 20 do
      it("counts line " .. count, function()
        local tokens = lexer:all(("\n"):rep(count - 1) .. "x")
        assert.equal(count, tokens[1].line)
        assert.equal(count, tokens[1].position)
      end)
    end

    it("counts the lines inside of skipped text", function()
      local tokens = lexer:all("a\n-- one\n-- two\nb")
      assert.equal(4, tokens[2].line)
    end)
  end)

  describe("errors", function()
    it("names the line of what it cannot read", function()
      assert.has_error(function() lexer:all("a\nb ?") end, 'line 2: cannot read "?"')
    end)

    it("refuses a malformed rule", function()
      assert.has_error(function() tokenizer.new({ { "name" } }) end, "rule 1 is malformed")
    end)

    it("does not stop at a pattern that matches nothing", function()
      local odd = tokenizer.new({ { "empty", "x*" }, { "any", "." } })
      assert.equal("empty any", kinds(odd:all("xxy")))
    end)
  end)

  describe("iterator", function()
    it("reads only as far as it is asked", function()
      local next_token = lexer:tokens("a b ?")
      assert.equal("a", next_token().text)
      assert.equal("b", next_token().text)
      assert.has_error(next_token)
    end)

    it("serves two sources at once", function()
      local left, right = lexer:tokens("a b c"), lexer:tokens("1 2 3")
      for index = 1, 3 do
        assert.equal(("abc"):sub(index, index), left().text)
        assert.equal(index, right().value)
      end
    end)

    it("reads a long program #slow", function()
      local source = ("local x = f(1, 'two', {3}) -- four\n"):rep(600)
      assert.equal(600 * 13, #lexer:all(source))
    end)
  end)
end)
