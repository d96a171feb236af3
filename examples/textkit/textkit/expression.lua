-- SPDX-License-Identifier: MIT
-- Arithmetic expressions: a Pratt parser over textkit.tokenizer, an evaluator and a printer.

local tokenizer = require("textkit.tokenizer")
local compat = require("textkit.compat")

local expression = {}

local lexer = tokenizer.new({
  { "space", "%s+", skip = true },
  { "number", "%d+%.?%d*", convert = tonumber },
  { "name", "[%a_][%w_]*" },
  { "operator", "[-+*/%%^(),]" },
})

-- Left binding power; the right-associative operator binds its right side one weaker.
local POWER = { ["+"] = 10, ["-"] = 10, ["*"] = 20, ["/"] = 20, ["%"] = 20, ["^"] = 40 }
local UNARY_POWER = 30

local Parser = {}
Parser.__index = Parser

function Parser:advance()
  local token = self.token
  self.token = self.next()
  return token
end

function Parser:fail(wanted)
  local found = self.token and string.format("%q", self.token.text) or "the end"
  error(string.format("expected %s, found %s", wanted, found), 0)
end

function Parser:expect(text)
  if not self.token or self.token.text ~= text then
    self:fail(string.format("%q", text))
  end
  return self:advance()
end

function Parser:arguments()
  local list = {}
  self:expect("(")
  if self.token and self.token.text ~= ")" then
    repeat
      list[#list + 1] = self:parse(0)
      local more = self.token and self.token.text == ","
      if more then
        self:advance()
      end
    until not more
  end
  self:expect(")")
  return list
end

function Parser:operand()
  local token = self.token
  if not token then
    self:fail("an operand")
  end
  if token.kind == "number" then
    self:advance()
    return { type = "number", value = token.value }
  elseif token.kind == "name" then
    self:advance()
    if self.token and self.token.text == "(" then
      return { type = "call", name = token.text, arguments = self:arguments() }
    end
    return { type = "name", name = token.text }
  elseif token.text == "(" then
    self:advance()
    local inside = self:parse(0)
    self:expect(")")
    return inside
  elseif token.text == "-" then
    self:advance()
    return { type = "negate", operand = self:parse(UNARY_POWER) }
  end
  self:fail("an operand")
end

function Parser:parse(minimum)
  local left = self:operand()
  while self.token do
    local operator = self.token.text
    local power = self.token.kind == "operator" and POWER[operator]
    if not power or power <= minimum then
      break
    end
    self:advance()
    local right = self:parse(operator == "^" and power - 1 or power)
    left = { type = "binary", operator = operator, left = left, right = right }
  end
  return left
end

--- @return the tree of `source`; raises a message when it is malformed
function expression.parse(source)
  local parser = setmetatable({ next = lexer:tokens(source) }, Parser)
  parser:advance()
  local tree = parser:parse(0)
  if parser.token then
    parser:fail("the end")
  end
  return tree
end

local BINARY = {
  ["+"] = function(a, b) return a + b end,
  ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end,
  ["/"] = function(a, b) return a / b end,
  ["%"] = function(a, b) return a % b end,
  ["^"] = function(a, b) return a ^ b end,
}

local evaluate = {}

local function value_of(node, scope)
  return evaluate[node.type](node, scope)
end

function evaluate.number(node)
  return node.value
end

function evaluate.name(node, scope)
  local value = scope[node.name]
  if value == nil then
    error("unknown name " .. node.name, 0)
  end
  return value
end

function evaluate.negate(node, scope)
  return -value_of(node.operand, scope)
end

function evaluate.binary(node, scope)
  return BINARY[node.operator](value_of(node.left, scope), value_of(node.right, scope))
end

function evaluate.call(node, scope)
  local called = scope[node.name]
  if type(called) ~= "function" then
    error("unknown function " .. node.name, 0)
  end
  local values = {}
  for index, argument in ipairs(node.arguments) do
    values[index] = value_of(argument, scope)
  end
  return called(compat.unpack(values))
end

--- The value of a source text or of a parsed tree.
function expression.evaluate(source, scope)
  local tree = type(source) == "string" and expression.parse(source) or source
  return value_of(tree, scope or {})
end

--- The tree as text with every pair of brackets written out.
function expression.format(node)
  if node.type == "number" then
    return compat.number_text(node.value)
  elseif node.type == "name" then
    return node.name
  elseif node.type == "negate" then
    return "(-" .. expression.format(node.operand) .. ")"
  elseif node.type == "binary" then
    return string.format(
      "(%s %s %s)",
      expression.format(node.left),
      node.operator,
      expression.format(node.right)
    )
  end
  local list = {}
  for index, argument in ipairs(node.arguments) do
    list[index] = expression.format(argument)
  end
  return node.name .. "(" .. table.concat(list, ", ") .. ")"
end

return expression
