local function leaf(a, b)
	local x = a % 7
	if x > 3 then
		x = x + b
	end
	return x
end
local function middle(a, b)
	local x = leaf(a, b)
	local y = leaf(b, a)
	return x + y
end
local mt = {}
mt.__index = function(t, k)
	local v = k % 5
	return v
end
mt.__add = function(a, b)
	return leaf(b, 2)
end
local object = setmetatable({}, mt)
local function va(...)
	local n = select("#", ...)
	return n + leaf(n, ...)
end
local function tail(a)
	return leaf(a, a)
end
local function protected(a)
	local r = tail(a)
	return r
end
local function calls(n)
	local s = 0
	for i = 1, n do
		s = s + middle(i, s % 11)
		s = s + object[i]
		s = s + (object + i)
		s = s + va(i, 3)
		local ok, r = pcall(protected, i)
		s = (s + r) % 1000003
	end
	return s
end
local function rec(n)
	if n < 2 then return 1 end
	local a = rec(n - 1)
	return a + rec(n - 2)
end
local list = {}
for i = 1, 12 do list[i] = i % 7 end
local function each()
	local s = 0
	for i, v in ipairs(list) do
		if v > 2 then s = s + v else s = s - i end
		s = s + #(v .. "x")
	end
	return s
end
local function add(list, n)
	for i = 1, n do list[i] = leaf(i, n) end
	return list
end
io.stdout:write("ready\n") io.stdout:flush() io.read(1)
while true do
	calls(30)
	rec(4)
	each()
	add({}, 15)
end
