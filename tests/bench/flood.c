// SPDX-License-Identifier: Apache-2.0
/*
 * flood DEVICE COUNT [cpu] <frames: sends frames (hexadecimal, one a line) in turn, COUNT in all, as fast as it can, and prints
 * the seconds it took; with cpu, behind them the CPU seconds. On a veth the other end's work is done in the sender's time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FRAMES_MAX 64
#define FRAME_SIZE 9216

static unsigned char frames[FRAMES_MAX][FRAME_SIZE];
static struct iovec parts[FRAMES_MAX];
static struct mmsghdr messages[FRAMES_MAX];

static void fail(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) + (to->tv_nsec - from->tv_nsec) / 1e9;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll device = { .sll_family = AF_PACKET };
	char line[2 * FRAME_SIZE + 2];
	struct timespec began, ended, cpu_began, cpu_ended;
	long left, count = 0;
	int sock, bypass = 1;

	if (argc < 3 || argc > 4 || (left = atol(argv[2])) <= 0) {
		fprintf(stderr, "usage: flood DEVICE COUNT [cpu] <frames\n");
		return 2;
	}
	while (count < FRAMES_MAX && fgets(line, sizeof(line), stdin)) {
		size_t length = strspn(line, "0123456789abcdef") / 2;

		for (size_t i = 0; i < length; i++)
			sscanf(line + 2 * i, "%2hhx", &frames[count][i]);
		parts[count] = (struct iovec){ frames[count], length };
		messages[count].msg_hdr = (struct msghdr){ .msg_iov = &parts[count], .msg_iovlen = 1 };
		count++;
	}
	if (!count) {
		fprintf(stderr, "flood: no frames\n");
		return 2;
	}
	device.sll_ifindex = if_nametoindex(argv[1]);
	sock = socket(AF_PACKET, SOCK_RAW, 0);
	if (!device.sll_ifindex || sock < 0 || bind(sock, (struct sockaddr *)&device, sizeof(device)))
		fail(argv[1]);
	if (setsockopt(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)))
		fail("PACKET_QDISC_BYPASS");

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_began);
	clock_gettime(CLOCK_MONOTONIC, &began);
	while (left > 0) {
		int sent = sendmmsg(sock, messages, left < count ? left : count, 0);

		if (sent < 0 && errno != ENOBUFS && errno != EAGAIN)
			fail("send");
		left -= sent > 0 ? sent : 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_ended);
	printf("%.6f", seconds(&began, &ended));
	if (argc == 4)
		printf(" %.6f", seconds(&cpu_began, &cpu_ended));
	printf("\n");
	return 0;
}
