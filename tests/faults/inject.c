// SPDX-License-Identifier: Apache-2.0
/*
 * inject LOG [STEP ERRNO|kill] -- COMMAND ...
 *
 * Runs a command, numbers its steps, which are the system calls that change something on the host, and writes each into LOG as
 * "NUMBER NAME DETAIL". Step STEP fails with the errno, or the process is killed before it; everything else goes its way.
 *
 * By seccomp's user notification and not by strace: strace's when=N counts each thread by itself, and the command works in one
 * thread for each namespace that it enters, so that one fault would hit several steps.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/rtnetlink.h and linux/netfilter/nfnetlink.h; their headers do not go together with all of libc's. */
enum { RTM_NEWQDISC = 36, RTM_DELQDISC = 37, RTM_NEWTFILTER = 44, RTM_DELTFILTER = 45, NFNL_BATCH_BEGIN = 16 };

static const int watched[] = {
	SYS_bpf, SYS_mount, SYS_umount2, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_sendto, SYS_sendmsg,
	SYS_execve, SYS_flock, SYS_setns, SYS_delete_module, SYS_clone3, SYS_exit_group,
#ifdef SYS_mkdir /* amd64; arm64 has the calls with "at" alone */
	SYS_mkdir, SYS_unlink, SYS_rmdir, SYS_rename, SYS_vfork,
#endif
};

static FILE *steps;
static pid_t child;
static int at; /* the step to harm; 0: none */
static int fault; /* an errno; 0: kill */

static void die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int load(pid_t pid, uint64_t from, void *to, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)(uintptr_t)from, size };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -1;
}

/* A string may end just before a page that is not there. */
static void text(pid_t pid, uint64_t from, char *to, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size; i++)
		if (load(pid, from + i, to + i, 1) || !to[i])
			break;
	to[i] = 0;
}

static int ours(const char *path)
{
	return !strncmp(path, "/sys/fs/bpf", 11) || !strncmp(path, "/run/csumbpf", 12);
}

static int descriptor_ours(pid_t pid, int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
	size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return 0;
	path[size] = 0;
	return ours(path);
}

/* 1: a step, with its name and what it is done to. */
static int bpf(pid_t pid, const uint64_t *args, const char **name, char *detail, size_t size)
{
	union bpf_attr attr = { 0 };
	size_t known = args[2] < sizeof(attr) ? args[2] : sizeof(attr);

	if (load(pid, args[1], &attr, known))
		return 0;
	switch (args[0]) {
	case BPF_MAP_CREATE:
		*name = "bpf-map-create";
		snprintf(detail, size, "%.16s", attr.map_name);
		return 1;
	case BPF_MAP_UPDATE_ELEM:
		*name = "bpf-map-update";
		return 1;
	case BPF_MAP_UPDATE_BATCH:
		*name = "bpf-map-update-batch";
		return 1;
	case BPF_MAP_DELETE_ELEM:
		*name = "bpf-map-delete";
		return 1;
	case BPF_MAP_DELETE_BATCH:
		*name = "bpf-map-delete-batch";
		return 1;
	case BPF_PROG_LOAD: /* others are libbpf's questions what the kernel can do */
		*name = "bpf-prog-load";
		snprintf(detail, size, "%.16s", attr.prog_name);
		return attr.prog_type == BPF_PROG_TYPE_SCHED_CLS && !strncmp(attr.prog_name, "csumbpf", 7);
	case BPF_BTF_LOAD:
		*name = "bpf-btf-load";
		return attr.btf_size > 1024;
	case BPF_OBJ_PIN:
		*name = "bpf-obj-pin";
		text(pid, attr.pathname, detail, size);
		return 1;
	case BPF_PROG_BIND_MAP:
		*name = "bpf-prog-bind-map";
		return 1;
	case BPF_LINK_CREATE:
		*name = "bpf-link-create";
		return 1;
	case BPF_LINK_UPDATE:
		*name = "bpf-link-update";
		return 1;
	case BPF_LINK_DETACH:
		*name = "bpf-link-detach";
		return 1;
	default:
		return 0;
	}
}

static int message(pid_t pid, uint64_t from, const char **name)
{
	struct nlmsghdr header;

	if (load(pid, from, &header, sizeof(header)))
		return 0;
	switch (header.nlmsg_type) {
	case RTM_NEWQDISC:
		*name = "rtnetlink-qdisc-add";
		return 1;
	case RTM_DELQDISC:
		*name = "rtnetlink-qdisc-del";
		return 1;
	case RTM_NEWTFILTER:
		*name = "rtnetlink-filter-add";
		return 1;
	case RTM_DELTFILTER:
		*name = "rtnetlink-filter-del";
		return 1;
	case NFNL_BATCH_BEGIN:
		*name = "nftables-transaction";
		return 1;
	default:
		return 0;
	}
}

static int path_step(pid_t pid, uint64_t path, char *detail, size_t size)
{
	text(pid, path, detail, size);
	return ours(detail);
}

static int is_step(const struct seccomp_notif *call, const char **name, char *detail, size_t size)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	pid_t pid = call->pid;
	struct msghdr header;
	struct iovec iov;
	struct clone_args clone = { 0 };
	struct ifreq request;
	uint32_t command;
	int exits;

	*detail = 0;
	switch (call->data.nr) {
	case SYS_bpf:
		return bpf(pid, args, name, detail, size);
	case SYS_sendto:
		return message(pid, args[1], name);
	case SYS_sendmsg:
		return !load(pid, args[1], &header, sizeof(header)) &&
		       !load(pid, (uintptr_t)header.msg_iov, &iov, sizeof(iov)) &&
		       message(pid, (uintptr_t)iov.iov_base, name);
	case SYS_ioctl:
		*name = "ethtool-set";
		return !load(pid, args[2], &request, sizeof(request)) &&
		       !load(pid, (uintptr_t)request.ifr_data, &command, sizeof(command)) &&
		       (command == ETHTOOL_SFEATURES || command == ETHTOOL_SGRO);
	case SYS_mount:
		*name = "mount";
		text(pid, args[1], detail, size);
		return 1;
	case SYS_umount2:
		*name = "umount";
		text(pid, args[0], detail, size);
		return 1;
	case SYS_openat:
		*name = "open";
		return path_step(pid, args[1], detail, size);
	case SYS_mkdirat:
		*name = "mkdir";
		return path_step(pid, args[1], detail, size);
	case SYS_unlinkat:
		*name = args[2] ? "rmdir" : "unlink";
		return path_step(pid, args[1], detail, size);
	case SYS_renameat:
	case SYS_renameat2:
		*name = "rename";
		return path_step(pid, args[1], detail, size);
#ifdef SYS_mkdir
	case SYS_mkdir:
		*name = "mkdir";
		return path_step(pid, args[0], detail, size);
	case SYS_unlink:
		*name = "unlink";
		return path_step(pid, args[0], detail, size);
	case SYS_rmdir:
		*name = "rmdir";
		return path_step(pid, args[0], detail, size);
	case SYS_rename:
		*name = "rename";
		return path_step(pid, args[0], detail, size);
	case SYS_vfork:
		*name = "fork";
		return 1;
#endif
	case SYS_flock:
		*name = "flock";
		return (args[1] & 8) == 0 && descriptor_ours(pid, args[0]); /* 8: LOCK_UN */
	case SYS_setns:
		*name = "setns";
		return 1;
	case SYS_delete_module:
		*name = "delete-module";
		return 1;
	case SYS_clone3: /* a thread is the JVM's business */
		*name = "fork";
		return !load(pid, args[0], &clone, args[1] < sizeof(clone) ? args[1] : sizeof(clone)) &&
		       !(clone.flags & CLONE_THREAD);
	case SYS_execve:
		*name = "execve";
		text(pid, args[0], detail, size);
		return strstr(detail, "modprobe") != NULL;
	case SYS_exit_group: /* behind the last step: nothing can fail any more */
		*name = "exit";
		snprintf(detail, size, "/proc/%d/task/%d", child, pid);
		exits = !access(detail, F_OK);
		*detail = 0;
		return exits;
	default:
		return 0;
	}
}

static int filtered(void)
{
	enum { N = sizeof(watched) / sizeof(*watched) };
	struct sock_filter code[2 * N + 16], *c = code;
	struct sock_fprog program = { .filter = code };
	size_t i;

#define NR offsetof(struct seccomp_data, nr)
#define ARG(n) offsetof(struct seccomp_data, args[n]) /* the lower half: both architectures are little-endian */
	*c++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR);
	for (i = 0; i < N; i++) {
		*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, watched[i], 0, 1);
		*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	/* Of these a JVM makes thousands. */
	*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3);
	*c++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(1));
	*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIOCETHTOOL, 0, 5);
	*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3);
	*c++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(2));
	*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT, 0, 1);
	*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = c - code;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* The file table is shared until the execve, so the parent has the listener by the same number. */
static int start(char **command)
{
	int ends[2], listener = -1;

	if (pipe2(ends, O_CLOEXEC))
		die("pipe");
	child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (child < 0)
		die("clone");
	if (!child) {
		setpgid(0, 0);
		listener = filtered();
		if (write(ends[1], &listener, sizeof(listener)) != sizeof(listener) || listener < 0)
			_exit(125);
		execvp(command[0], command);
		_exit(127);
	}
	if (read(ends[0], &listener, sizeof(listener)) != sizeof(listener) || listener < 0)
		die("seccomp filter");
	return listener;
}

int main(int argc, char **argv)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer;
	struct pollfd ready;
	char detail[PATH_MAX];
	const char *name = "";
	int listener, status, number = 0, words = 2;

	if (argc > 5 && strcmp(argv[2], "--")) {
		at = atoi(argv[2]);
		fault = strcmp(argv[3], "kill") ? atoi(argv[3]) : 0;
		words = 4;
	}
	if (argc < words + 2 || strcmp(argv[words], "--")) {
		fprintf(stderr, "usage: inject LOG [STEP ERRNO|kill] -- COMMAND ...\n");
		return 125;
	}
	steps = fopen(argv[1], "we");
	if (!steps)
		die(argv[1]);
	listener = start(argv + words + 1);
	for (;;) {
		ready = (struct pollfd){ .fd = listener, .events = POLLIN };
		if (poll(&ready, 1, 50) > 0 && !(ready.revents & POLLIN))
			break; /* nobody is left whom the filter watches */
		if (!(ready.revents & POLLIN)) {
			if (waitpid(child, &status, WNOHANG) == child)
				goto ended;
			continue;
		}
		memset(&call, 0, sizeof(call));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			continue; /* it was killed meanwhile */
		memset(&answer, 0, sizeof(answer));
		answer.id = call.id;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (is_step(&call, &name, detail, sizeof(detail))) {
			fprintf(steps, "%d %s %s\n", ++number, name, detail);
			fflush(steps);
			if (number == at && fault) {
				answer.flags = 0;
				answer.error = -fault;
			} else if (number == at) {
				kill(child, SIGKILL);
				if (waitpid(child, &status, 0) == child)
					goto ended;
			}
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	if (waitpid(child, &status, 0) != child)
		die("wait");
ended:
	fclose(steps);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
