-- SPDX-License-Identifier: MIT
-- An output handler for busted that writes what the live tests compare with: one line for each test,
-- "status<TAB>file<TAB>line<TAB>full name", and one for each error outside of a test. No times.
-- (busted 2.1's own json handler fails silently as soon as a suite has a pending block.)
--
--   busted -o tests/support/status_output.lua

local function one_line(text)
  return (tostring(text):gsub("\\", "\\\\"):gsub("\n", "\\n"):gsub("\t", "\\t"))
end

return function()
  local busted = require("busted")
  local handler = require("busted.outputHandlers.base")()

  local function file_of(element)
    while element and element.descriptor ~= "file" do
      element = busted.parent(element)
    end
    return element and element.name or "?"
  end

  local function line(status, element)
    local trace = element.trace or {}
    io.write(
      status, "\t", one_line(file_of(element)), "\t", tostring(trace.currentline or 0), "\t",
      one_line(handler.getFullName(element)), "\n"
    )
  end

  busted.subscribe({ "test", "end" }, function(element, _, status)
    line(status, element)
    return nil, true
  end)

  for _, event in ipairs({ "error", "failure" }) do
    busted.subscribe({ event }, function(element)
      if element.descriptor ~= "it" then
        line("outside", element)
      end
      return nil, true
    end)
  end

  return handler
end
