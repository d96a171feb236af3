-- SPDX-License-Identifier: MIT
-- JSON: a strict decoder, and an encoder with sorted keys so that two runs give the same bytes.

local compat = require("textkit.compat")

local json = {}

--- Stands for null inside of tables, where nil would make a hole.
json.null = setmetatable({}, {
  __tostring = function()
    return "null"
  end,
})

local MAX_DEPTH = 200

-- ---- decoding ---------------------------------------------------------------------------------

local ESCAPES = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local Reader = {}
Reader.__index = Reader

function Reader:fail(message)
  local before = self.text:sub(1, self.position - 1)
  local _, line = before:gsub("\n", "")
  error(string.format("line %d: %s", line + 1, message), 0)
end

function Reader:skip_space()
  self.position = self.text:find("[^ \t\r\n]", self.position) or #self.text + 1
end

function Reader:take(pattern)
  local first, last = self.text:find("^" .. pattern, self.position)
  if not first then
    return nil
  end
  self.position = last + 1
  return self.text:sub(first, last)
end

function Reader:code_unit()
  local digits = self:take("%x%x%x%x")
  if not digits then
    self:fail("bad \\u escape")
  end
  return tonumber(digits, 16)
end

function Reader:unicode_escape()
  local code = self:code_unit()
  if code >= 0xD800 and code < 0xDC00 and self:take("\\u") then
    local low = self:code_unit()
    if low < 0xDC00 or low > 0xDFFF then
      self:fail("lone surrogate")
    end
    code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)
  end
  return compat.utf8_char(code)
end

function Reader:string()
  self.position = self.position + 1
  local parts = {}
  while true do
    parts[#parts + 1] = self:take('[^"\\%c]+')
    local stop = self.text:sub(self.position, self.position)
    if stop == '"' then
      self.position = self.position + 1
      return table.concat(parts)
    elseif stop ~= "\\" then
      self:fail(stop == "" and "unfinished string" or "control character in string")
    end
    local escape = self.text:sub(self.position + 1, self.position + 1)
    self.position = self.position + 2
    if escape == "u" then
      parts[#parts + 1] = self:unicode_escape()
    elseif ESCAPES[escape] then
      parts[#parts + 1] = ESCAPES[escape]
    else
      self:fail("bad escape")
    end
  end
end

function Reader:number()
  local text = self:take("%-?%d+%.?%d*[eE]?[-+]?%d*")
  local value = text and not text:find("^%-?0%d") and not text:find("%.$") and tonumber(text)
  if not value then
    self:fail("bad number")
  end
  return value
end

function Reader:array(depth)
  local list, length = {}, 0
  self.position = self.position + 1
  self:skip_space()
  if self:take("%]") then
    return list
  end
  repeat
    length = length + 1
    list[length] = self:value(depth + 1)
    self:skip_space()
  until not self:take(",")
  if not self:take("%]") then
    self:fail("expected , or ]")
  end
  return list
end

function Reader:object(depth)
  local object = {}
  self.position = self.position + 1
  self:skip_space()
  if self:take("}") then
    return object
  end
  repeat
    self:skip_space()
    if self.text:sub(self.position, self.position) ~= '"' then
      self:fail("expected a key")
    end
    local key = self:string()
    self:skip_space()
    if not self:take(":") then
      self:fail("expected :")
    end
    object[key] = self:value(depth + 1)
    self:skip_space()
  until not self:take(",")
  if not self:take("}") then
    self:fail("expected , or }")
  end
  return object
end

local WORDS = { { "true", true }, { "false", false }, { "null", json.null } }

function Reader:word()
  for _, word in ipairs(WORDS) do
    if self:take(word[1]) then
      return word[2]
    end
  end
  self:fail("unexpected character")
end

function Reader:value(depth)
  if depth > MAX_DEPTH then
    self:fail("nested too deeply")
  end
  self:skip_space()
  local first = self.text:sub(self.position, self.position)
  if first == '"' then
    return self:string()
  elseif first == "{" then
    return self:object(depth)
  elseif first == "[" then
    return self:array(depth)
  elseif first:find("[-%d]") then
    return self:number()
  end
  return self:word()
end

--- @return the value; raises "line N: reason" when `text` is not JSON
function json.decode(text)
  local reader = setmetatable({ text = text, position = 1 }, Reader)
  local value = reader:value(1)
  reader:skip_space()
  if reader.position <= #text then
    reader:fail("text after the value")
  end
  return value
end

-- ---- encoding ---------------------------------------------------------------------------------

local SHORT = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\\127]', function(char)
    return SHORT[char] or string.format("\\u%04x", char:byte())
  end) .. '"'
end

local function is_array(value)
  local count = 0
  for key in pairs(value) do
    if not compat.is_integer(key) or key < 1 then
      return false
    end
    count = count + 1
  end
  return count == #value
end

local write

local function write_array(out, list, depth)
  out[#out + 1] = "["
  for index, item in ipairs(list) do
    if index > 1 then
      out[#out + 1] = ","
    end
    write(out, item, depth + 1)
  end
  out[#out + 1] = "]"
end

local function write_object(out, object, depth)
  local keys = {}
  for key in pairs(object) do
    if type(key) ~= "string" then
      error("cannot encode a key of type " .. type(key), 0)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  out[#out + 1] = "{"
  for index, key in ipairs(keys) do
    out[#out + 1] = (index > 1 and "," or "") .. quote(key) .. ":"
    write(out, object[key], depth + 1)
  end
  out[#out + 1] = "}"
end

function write(out, value, depth)
  local kind = type(value)
  if depth > MAX_DEPTH then
    error("nested too deeply", 0)
  elseif value == json.null or kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "number" then
    if value - value ~= 0 then
      error("cannot encode " .. tostring(value), 0)
    end
    out[#out + 1] = compat.number_text(value)
  elseif kind == "string" then
    out[#out + 1] = quote(value)
  elseif kind ~= "table" then
    error("cannot encode a " .. kind, 0)
  elseif next(value) ~= nil and not is_array(value) then
    write_object(out, value, depth)
  else
    write_array(out, value, depth)
  end
end

--- The value as JSON without white space; an empty table is [].
function json.encode(value)
  local out = {}
  write(out, value, 1)
  return table.concat(out)
end

return json
