-- SPDX-License-Identifier: MIT
-- Much Lua, deep stacks: luacheck over the sources of Penlight and of textkit itself.

local lfs = require("lfs")
local found, luacheck = pcall(require, "luacheck")

local function directory_of(name)
  for pattern in package.path:gmatch("[^;]+") do
    local path = pattern:gsub("%?", (name:gsub("%.", "/")))
    if lfs.attributes(path, "mode") == "file" then
      return (path:gsub("/[^/]*$", ""))
    end
  end
end

local function lua_files(directory)
  local list = {}
  for name in lfs.dir(directory) do
    if name:find("%.lua$") then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("luacheck", function()
  if not found then
    pending("is not installed for " .. _VERSION)
    return
  end

  for _, name in ipairs({ "pl.utils", "textkit.json" }) do
    local directory = directory_of(name)
    describe("on the directory of " .. name .. " #slow", function()
      if not directory then
        pending("cannot find " .. name)
        return
      end
      for _, file in ipairs(lua_files(directory)) do
        it("checks " .. file, function()
          local report = luacheck.check_strings({ read(directory .. "/" .. file) })
          assert.equal(0, report.fatals)
        end)
      end
    end)
  end
end)
