-- SPDX-License-Identifier: MIT
-- Checksums in plain arithmetic, no bit operators: the same on every version, and tight loops that
-- a compiler likes.

local checksum = {}

--- Adler-32 (RFC 1950).
function checksum.adler32(text)
  local a, b = 1, 0
  for index = 1, #text do
    a = (a + text:byte(index)) % 65521
    b = (b + a) % 65521
  end
  return b * 65536 + a
end

--- A multiplicative hash of bytes modulo a prime.
function checksum.rolling(text)
  local hash = 7
  for index = 1, #text do
    hash = (hash * 257 + text:byte(index)) % 1000003
  end
  return hash
end

--- The number of steps a Collatz sequence needs to reach 1.
function checksum.collatz(start)
  local steps, value = 0, start
  while value ~= 1 do
    if value % 2 == 0 then
      value = value / 2
    else
      value = 3 * value + 1
    end
    steps = steps + 1
  end
  return steps
end

--- The primes up to `limit`.
function checksum.primes(limit)
  local composite, list = {}, {}
  for candidate = 2, limit do
    if not composite[candidate] then
      list[#list + 1] = candidate
      for multiple = candidate * candidate, limit, candidate do
        composite[multiple] = true
      end
    end
  end
  return list
end

return checksum
