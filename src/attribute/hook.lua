-- SPDX-License-Identifier: MIT
-- Second half of the boundary hook: announces what busted runs, each boundary by one getenv().
--
-- busted.safe() calls busted.context.push and pop around everything it runs. Listening there adds no
-- frame to any stack that user code, a handler or a traceback can see, and needs no subscription that
-- could change the order of handlers. Pushes of a plain test: its scope, the start event, its body,
-- the end event; the two events stay silent, which leaves four announcements.
--
--	n<depth>\t<descriptor>\t<line>\t<length of source>\t<source>=<name>	a scope begins
--	+	the user's function of the open scope begins (a second one in a test: finally)
--	-<letter>	the latest of both ends: s(uccess), f(ailure), e(rror), p(ending)
--	s e r S	suite start, end, reset; start of a suite inside a test
--	x<where>	an error that belongs to no scope
--
-- collect is collectgarbage where no body shall pay for the garbage of the one before it, else nil.
-- "=<name>" is missing where there is no name. Nothing here may raise an error or call anything that
-- user code can have replaced.
-- skipped: spec files that are not run, as keys, else nil. They are turned away where busted's own
-- filters turn tests away. A busted that is created inside a test runs its files all the same.
-- The lines between "{count" and "}" are sent only where count is not nil.
-- count: from where the VM counts its instructions down, else nil. The count hook never comes due. PUC
-- Lua counts for each coroutine, so those are told: made ("C"), and has run ("c").
local core, getenv, collect, count, skipped = ...
if type(core) ~= 'function' then return core end
local type, sub, pcall = type, string.sub, pcall
-- {count
local function count_coroutines()
	local create, resume, wrap = coroutine.create, coroutine.resume, coroutine.wrap
	local running, tostring = coroutine.running, tostring
	local function told(thread, ...)
		if thread then getenv('bprof:c' .. tostring(thread)) end
		return ...
	end
	coroutine.create = function(body)
		local thread = create(body)
		getenv('bprof:C' .. tostring(thread))
		return thread
	end
	coroutine.resume = function(thread, ...)
		return told(type(thread) == 'thread' and thread, resume(thread, ...))
	end
	coroutine.wrap = function(body)
		local thread
		if type(body) ~= 'function' then return wrap(body) end
		local go = wrap(function(...)
			thread = running()
			getenv('bprof:C' .. tostring(thread))
			return body(...)
		end)
		return function(...) return told(thread, go(...)) end
	end
end
if count then
	local jit = package.loaded.jit
	if jit then
		jit.off()
		jit.flush()
	else
		count_coroutines()
	end
	debug.sethook(function() end, '', count)
end
-- }
local closing = { success = 'bprof:-s', failure = 'bprof:-f', error = 'bprof:-e', pending = 'bprof:-p' }
local fixture = {
	before_each = true, after_each = true, setup = true, teardown = true, strict_setup = true,
	strict_teardown = true, lazy_setup = true, lazy_teardown = true,
}
-- The context whose user code runs. A busted that is created and run inside a test stays silent.
local running
-- What announcements begin with, by descriptor and depth.
local heads = {}
local function head_of(descriptor, depth)
	if type(descriptor) ~= 'string' then descriptor = '?' end
	local known = heads[descriptor] or {}
	heads[descriptor] = known
	known[depth] = known[depth] or 'bprof:n' .. depth .. '\t' .. descriptor .. '\t'
	return known[depth]
end
-- The latest file and how it is announced: the tests of a file follow each other.
local latest, place
local function place_of(source, trace)
	if type(source) == 'string' and sub(source, 1, 1) == '@' then
		return '\t' .. #source - 1 .. '\t' .. sub(source, 2), source
	end
	local short = type(trace.short_src) == 'string' and trace.short_src or ''
	return '\t' .. #short .. '\t' .. short
end
local function announce(element, depth)
	local trace, name, descriptor = element.trace, element.name, element.descriptor
	local head, what = heads[descriptor], type(name)
	local line, where = 0, '\t0\t'
	head = head and head[depth] or head_of(descriptor, depth)
	if type(trace) == 'table' then
		local source = trace.source
		line = trace.currentline
		if type(line) ~= 'number' then line = 0 end
		if source == nil or source ~= latest then place, latest = place_of(source, trace) end
		where = place
	end
	if what == 'string' or what == 'number' then
		getenv(head .. line .. where .. '=' .. name)
	else
		getenv(head .. line .. where .. (name ~= nil and '=?' or ''))
	end
end
return function(...)
	local busted = core(...)
	local context = type(busted) == 'table' and busted.context
	local status = context and busted.status
	if not status or not context.push or not context.pop or not context.get then return busted end
	local push, pop, get = context.push, context.pop, context.get
	-- depth: of busted's own context stack; scope: the depth of the innermost scope, 0 = none. What is
	-- kept of a scope is kept by its depth.
	local depth, scope = 0, 0
	local kind, outer, elements, pushes, ended = {}, {}, {}, {}, {}
	local started, finished, last
	-- busted.safe() makes a status object right before it pops: that is how what it ran ended.
	busted.status = function(how)
		last = how
		return status(how)
	end
	local function suite(root)
		depth, scope, kind[1], elements = 1, 0, 'event', {}
		if root.starttick ~= started then
			started = root.starttick
			getenv('bprof:s')
		elseif root.endtick ~= finished then
			finished, kind[1] = root.endtick, 'suite'
		else
			getenv('bprof:r')
		end
	end
	context.push = function(element)
		if running and running ~= context then
			if element.descriptor == 'suite' and element.starttick ~= started then
				started = element.starttick
				getenv('bprof:S')
			end
			return push(element)
		end
		push(element)
		-- Most pushes are of the test that is open.
		if element == elements[scope] then
			local nth = pushes[scope] + 1
			depth, pushes[scope] = depth + 1, nth
			-- The first is the start event; the end event has set a new endtick.
			if nth == 1 or element.endtick ~= ended[scope] then
				kind[depth] = 'event'
				return
			end
			kind[depth], running = 'body', context
			-- The second ends what finalizers of the first have left; they may raise errors in 5.1.
			if collect then pcall(collect) pcall(collect) end
			getenv('bprof:+')
			return
		end
		local descriptor = element.descriptor
		if descriptor == 'suite' then return suite(element) end
		depth = depth + 1
		outer[depth], scope = scope, depth
		kind[depth], elements[depth], pushes[depth], ended[depth] = 'scope', element, 0, element.endtick
		if fixture[descriptor] then running = context end
		return announce(element, depth)
	end
	context.pop = function()
		if running and running ~= context then return pop() end
		local what = kind[depth]
		depth = depth - 1
		pop()
		if what == 'scope' or what == 'body' then
			if what == 'scope' then scope = outer[depth + 1] end
			running = nil
			getenv(closing[last] or 'bprof:-')
			return
		end
		if last ~= 'success' then getenv('bprof:xevent') end
		if what == 'suite' then getenv('bprof:e') end
	end
	if busted.subscribe and skipped then
		busted.subscribe({ 'register', 'file' }, function(name)
			return nil, running ~= nil or not skipped[name]
		end, { priority = 1 })
	end
	if busted.subscribe then
		-- A spec file that cannot be loaded has no scope. Only the predicate runs, and it declines.
		busted.subscribe({ 'error', 'file' }, function() return nil, true end, {
			predicate = function(element)
				if get() ~= element then getenv('bprof:xfile') end
				return false
			end,
		})
	end
	return busted
end
