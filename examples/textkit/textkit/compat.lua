-- SPDX-License-Identifier: MIT
-- The few places where Lua 5.1 to 5.4 and LuaJIT differ and textkit cares.

local compat = {}

compat.unpack = table.unpack or unpack -- luacheck: ignore

--- Compiles `source` as a function that sees only `env`.
-- @return the function, or nil and a message
function compat.load(source, chunkname, env)
  if setfenv then -- luacheck: ignore
    local chunk, message = loadstring(source, chunkname) -- luacheck: ignore
    if not chunk then
      return nil, message
    end
    return setfenv(chunk, env) -- luacheck: ignore
  end
  return load(source, chunkname, "t", env)
end

--- True for a number without a fraction, whatever its representation.
function compat.is_integer(number)
  return type(number) == "number" and number == math.floor(number) and number - number == 0
end

--- The text of a number, the same on every version ("3", never "3.0").
function compat.number_text(number)
  if compat.is_integer(number) and math.abs(number) < 2 ^ 53 then
    return string.format("%.0f", number)
  end
  return string.format("%.14g", number)
end

--- Encodes one code point as UTF-8.
function compat.utf8_char(code)
  local char, floor = string.char, math.floor
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return char(
    0xF0 + floor(code / 0x40000),
    0x80 + floor(code / 0x1000) % 0x40,
    0x80 + floor(code / 0x40) % 0x40,
    0x80 + code % 0x40
  )
end

return compat
