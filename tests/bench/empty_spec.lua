-- SPDX-License-Identifier: MIT
-- Many tests that do nothing: what is left is busted's own work and the price of the boundaries.

local COUNT = 4000

describe("empty", function()
  local started

  setup(function() started = os.clock() end)
  teardown(function()
    io.stdout:write(string.format("CPU %.6f\n", os.clock() - started))
  end)

  for index = 1, COUNT do
    it("test " .. index, function() end)
  end
end)
