# SPDX-License-Identifier: Apache-2.0
# Sourced. CSUMBPF_TIME_SCALE: how much slower this machine is than the one for which the limits were set; 1 without it.

# Seconds until something is taken for a hang, on a machine of the usual speed -> seconds here.
limit() { awk -v seconds="$1" -v scale="${CSUMBPF_TIME_SCALE:-1}" 'BEGIN { printf "%d\n", seconds * scale + 0.999 }'; }
