#!/bin/sh
# SPDX-License-Identifier: MIT
# Any CI, or a terminal: the suite against a base, with files for whoever reads them afterwards.
#
#	examples/ci/check.sh BASE COMMAND...
#
# BPROF_CI: where tools/ci of bprof-perf is (/opt/bprof-perf/tools/ci)
set -eu
base=$1
shift
status=0
BPROF_CI_BASE=$base BPROF_CI_OUTPUT=bprof-ci "${BPROF_CI:-/opt/bprof-perf/tools/ci}" "$@" || status=$?
case $status in
0) echo "as fast as $base, or not surely slower: bprof-ci/summary.md" ;;
3) echo "slower than $base: bprof-ci/summary.md" ;;
*) echo "the suite failed, or could not be compared (status $status)" ;;
esac
exit $status
