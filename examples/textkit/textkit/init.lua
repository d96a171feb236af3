-- SPDX-License-Identifier: MIT
-- textkit: tools for text. Each module loads when it is first used.

local textkit = { version = "1.2.0" }

return setmetatable(textkit, {
  __index = function(self, name)
    local ok, module = pcall(require, "textkit." .. name)
    if not ok then
      return nil
    end
    rawset(self, name, module)
    return module
  end,
})
