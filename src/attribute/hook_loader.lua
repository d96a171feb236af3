-- SPDX-License-Identifier: MIT
-- First half of the boundary hook: runs in every interpreter that reads LUA_INIT, before its script.
--
-- It must cost next to nothing where busted is never loaded, so the second half (hook.lua) is only a
-- string here and is compiled when busted.core is required. package.preload is the way in, not a
-- searcher: nothing moves in package.searchers, no global appears, require stays what it was.
-- The real module is found by require itself, so any searcher may serve it.
--
-- luarocks.loader puts its own searcher before the one for package.preload; once it has done so, a
-- searcher for busted.core alone goes before that.
--
-- Rules for both halves: Lua 5.1 to 5.5 and LuaJIT; a comment has its line to itself (hook.c drops
-- such lines and joins the others: an error in the user's own LUA_INIT keeps its line number).
do
	local preload, loaded, require, pcall, error = package.preload, package.loaded, require, pcall, error
	local load, insert, getenv, collect = loadstring or load, table.insert, os.getenv, HOOK_COLLECT
	local count, skipped = HOOK_COUNT, HOOK_SKIPPED
	local function real(name)
		local ours = preload[name]
		preload[name], loaded[name] = nil, nil
		local found, module = pcall(require, name)
		preload[name] = ours
		if found then return module end
		error(module, 0)
	end
	preload['busted.core'] = function(name)
		return load(HOOK_LUA, '=bprof')(real(name), getenv, collect, count, skipped)
	end
	preload['luarocks.loader'] = function(name)
		local module = real(name)
		insert(package.searchers or package.loaders, 1, function(wanted)
			if wanted == 'busted.core' then return preload[wanted] end
		end)
		return module
	end
end
