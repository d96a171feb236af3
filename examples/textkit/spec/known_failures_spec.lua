-- SPDX-License-Identifier: MIT
-- Failing, erroring and pending tests, on purpose: a profiler must show them as busted does.
-- They make busted end with a status other than 0. `busted --run=green` leaves them out.

local json = require("textkit.json")

describe("known failures #broken", function()
  it("a failing assertion", function()
    assert.equal(1, json.decode("2"))
  end)

  it("a failing comparison of tables", function()
    assert.same({ a = { 1, 2, 3 } }, json.decode('{"a":[1,2,4]}'))
  end)

  it("an error", function()
    error("this error is expected")
  end)

  it("an error inside of the library", function()
    json.decode("[1,")
  end)

  it("a test that passes among them", function()
    assert.equal(2, json.decode("2"))
  end)

  pending("a test that nobody has written yet")

  pending("a test that waits for a decision", function()
    error("never called")
  end)

  it("a test that turns out to be pending", function()
    pending("it needs something that is not here")
  end)

  describe("in a describe whose before_each fails", function()
    before_each(function()
      error("this fixture fails on purpose")
    end)

    it("a test that never runs", function()
      error("never called")
    end)
  end)
end)
