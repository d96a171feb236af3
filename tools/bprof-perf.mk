# SPDX-License-Identifier: MIT
# For the Makefile of a Lua project:
#
#	include bprof-perf.mk
#
#	make flamegraph OUT=directory		profiles the suite: flame graph, folded stacks, profile.json
#	make performance BASE=main		what became slower than that revision, in turns; fails if much did
#
# SUITE is the command that runs the suite, BPROF_PERF the program.
BPROF_PERF ?= sudo bprof-perf
SUITE ?= busted
OUT ?= bprof-out
BASE ?= main

.PHONY: flamegraph performance
flamegraph:
	$(BPROF_PERF) --output '$(OUT)' -- $(SUITE)
performance:
	$(BPROF_PERF) compare --gate --base '$(BASE)' -- $(SUITE)
