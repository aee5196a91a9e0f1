# SPDX-License-Identifier: Apache-2.0
# Sourced. CSUMBPF_TIME_SCALE: how much slower this machine is than the one for which the limits were set (default 1).

# limit SECONDS: prints a time limit for this machine, from one for a machine of usual speed. Both in seconds.
limit() { awk -v seconds="$1" -v scale="${CSUMBPF_TIME_SCALE:-1}" 'BEGIN { printf "%d\n", seconds * scale + 0.999 }'; }
