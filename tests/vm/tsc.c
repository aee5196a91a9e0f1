// SPDX-License-Identifier: Apache-2.0
// Prints the rate, in kHz, of the counter that qemu gives an emulated x86 processor as its TSC: the host's own
// (cpu_get_host_ticks), which on x86 is the TSC. Measures the rate against CLOCK_MONOTONIC_RAW over a tenth of a second.
// The clock is read between two readings of the counter, and only the closest pair of many tries counts, so that a busy
// host can make the result late but not wrong.
#include <stdint.h>
#include <stdio.h>
#include <time.h>

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return nanoseconds(); // what qemu uses if there is no such counter
#endif
}

struct moment {
	uint64_t ticks, nanoseconds;
};

static struct moment now(void)
{
	struct moment best = {};
	uint64_t tightest = UINT64_MAX;

	for (int n = 0; n < 1000; n++) {
		uint64_t before = ticks(), between = nanoseconds(), after = ticks();

		if (after - before < tightest) {
			tightest = after - before;
			best = (struct moment){before + (after - before) / 2, between};
		}
	}
	return best;
}

int main(void)
{
	struct moment first = now(), second;

	nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	second = now();
	printf("%.0f\n", (second.ticks - first.ticks) * 1e6 / (second.nanoseconds - first.nanoseconds));
	return 0;
}
