-- SPDX-License-Identifier: MIT
-- Templates that are compiled to Lua functions.
--
--   {{ expression }}   its value, with &, <, > and quotes escaped
--   {- expression -}   its value as it is
--   {% statement %}    Lua code

local compat = require("textkit.compat")

local template = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

function template.escape(value)
  return (tostring(value):gsub("[&<>\"']", ENTITIES))
end

local CLOSERS = { ["{{"] = "}}", ["{-"] = "-}", ["{%"] = "%}" }
local WRITERS = {
  ["{{"] = function(code) return "_write(_escape(" .. code .. "))" end,
  ["{-"] = function(code) return "_write(_text(" .. code .. "))" end,
  ["{%"] = function(code) return code end,
}

--- The Lua source of a template.
function template.translate(source)
  local out, position = {}, 1
  while true do
    local open = source:find("{[{%%-]", position)
    local literal = source:sub(position, (open or 0) - 1)
    if literal ~= "" then
      out[#out + 1] = string.format("_write(%q)", literal)
    end
    if not open then
      break
    end
    local opener = source:sub(open, open + 1)
    local close, last = source:find(CLOSERS[opener], open + 2, true)
    if not close then
      error("unfinished " .. opener, 0)
    end
    out[#out + 1] = WRITERS[opener](source:sub(open + 2, close - 1))
    position = last + 1
  end
  return table.concat(out, " ")
end

--- Compiles `source`; the result takes a table of values and returns the text.
function template.compile(source, name)
  local code = template.translate(source)
  local env = {}
  local chunk, message = compat.load(code, "=" .. (name or "template"), env)
  if not chunk then
    error(message, 0)
  end
  local globals = { ipairs = ipairs, pairs = pairs, string = string, table = table, tostring = tostring }
  return function(values)
    local parts = {}
    local scope = {
      _write = function(text) parts[#parts + 1] = text end,
      _escape = template.escape,
      _text = tostring,
    }
    setmetatable(env, {
      __index = function(_, key)
        local value = scope[key]
        if value == nil then
          value = values and values[key]
        end
        if value == nil then
          value = globals[key]
        end
        return value
      end,
    })
    chunk()
    return table.concat(parts)
  end
end

function template.render(source, values)
  return template.compile(source)(values)
end

return template
