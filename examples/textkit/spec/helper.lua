-- SPDX-License-Identifier: MIT
-- Debian keeps luacheck under /usr/share/lua/5.1 for every version: it runs on all of them.

for _, pattern in ipairs({ "/usr/share/lua/5.1/?.lua", "/usr/share/lua/5.1/?/init.lua" }) do
  if not package.path:find(pattern, 1, true) then
    package.path = package.path .. ";" .. pattern
  end
end
