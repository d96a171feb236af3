-- SPDX-License-Identifier: MIT
-- Child processes through io.popen.

local process = {}

--- Quotes `text` for a POSIX shell.
function process.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Runs a shell command.
-- @return its standard output without the last newline
function process.capture(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("\n$", ""))
end

--- True when the command ended with status 0 (os.execute gives that in two ways).
function process.succeeds(command)
  local result = os.execute(command)
  return result == true or result == 0
end

--- The interpreter that runs this program: the first word of its command line.
function process.interpreter()
  local words = arg or {}
  local index = 0
  while words[index - 1] do
    index = index - 1
  end
  return index < 0 and words[index] or "lua"
end

--- Runs `code` in a new interpreter and returns what it printed.
function process.lua(code)
  return process.capture(process.quote(process.interpreter()) .. " -e " .. process.quote(code))
end

return process
