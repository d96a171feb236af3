-- SPDX-License-Identifier: MIT
-- A tokenizer driven by a list of rules: the first rule whose pattern matches at the position wins.
--
--   local tokenizer = require("textkit.tokenizer")
--   local lexer = tokenizer.new({ { "number", "%d+" }, { "space", "%s+", skip = true } })
--   for token in lexer:tokens("1 22 333") do print(token.kind, token.text, token.line) end

local tokenizer = {}
local Lexer = {}
Lexer.__index = Lexer

--- @param rules  list of { kind, pattern, skip = boolean, convert = function(text) }
function tokenizer.new(rules)
  local compiled = {}
  for index, rule in ipairs(rules) do
    assert(type(rule[1]) == "string" and type(rule[2]) == "string", "rule " .. index .. " is malformed")
    compiled[index] = {
      kind = rule[1],
      pattern = "^" .. rule[2],
      skip = rule.skip,
      convert = rule.convert,
    }
  end
  return setmetatable({ rules = compiled }, Lexer)
end

local function count_lines(text)
  local _, lines = text:gsub("\n", "")
  return lines
end

--- Reads one token of `source` at `position`.
-- @return rule, first, last; nothing when no rule matches
function Lexer:match(source, position)
  for _, rule in ipairs(self.rules) do
    local first, last = source:find(rule.pattern, position)
    if first and last >= first then
      return rule, first, last
    end
  end
end

--- An iterator over the tokens of `source`: a coroutine, so that the caller may stop anywhere.
function Lexer:tokens(source)
  return coroutine.wrap(function()
    local position, line = 1, 1
    while position <= #source do
      local rule, first, last = self:match(source, position)
      if not rule then
        error(string.format("line %d: cannot read %q", line, source:sub(position, position + 9)), 0)
      end
      local text = source:sub(first, last)
      if not rule.skip then
        local value = text
        if rule.convert then
          value = rule.convert(text)
        end
        coroutine.yield({ kind = rule.kind, text = text, value = value, line = line, position = first })
      end
      line = line + count_lines(text)
      position = last + 1
    end
  end)
end

--- All tokens at once.
function Lexer:all(source)
  local list = {}
  for token in self:tokens(source) do
    list[#list + 1] = token
  end
  return list
end

return tokenizer
