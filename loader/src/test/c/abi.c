// SPDX-License-Identifier: Apache-2.0
// The C compiler's value of each constant of the loader. AbiTest compiles this file to assembly for each architecture
// and reads the values there, as the kernel's asm-offsets does. Nothing is run. The first argument is the Java field.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/net_namespace.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/xfrm.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <nftables/libnftables.h>

// The Java field must be equal to `value`.
#define VALUE(field, value) asm volatile("\n.ascii \"->" #field " = %c0\"" :: "i"((long)(value)))
#define OFFSET(field, type, member) VALUE(field, offsetof(type, member))
// The Java field is the size of a buffer for a structure, or for its members up to one; it must be at least `size`. The
// kernel and libbpf accept less or more of structures that grow.
#define ROOM(field, size) asm volatile("\n.ascii \"->" #field " >= %c0\"" :: "i"((long)(size)))
#define THROUGH(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

// Not in the headers of all releases on which csumbpf is built. The kernel never changes these numbers.
#define TCX_INGRESS 46
#define BPF_F_BEFORE_6_6 (1U << 3)
#define ENOTSUPP_INTERNAL 524

void constants(void)
{
	VALUE(Abi.oDirectory, O_DIRECTORY);
	VALUE(Abi.sysDeleteModule, SYS_delete_module);
	VALUE(host.Libc.O_RDONLY, O_RDONLY);
	VALUE(host.Libc.O_RDWR, O_RDWR);
	VALUE(host.Libc.O_CREAT, O_CREAT);
	VALUE(host.Libc.O_CLOEXEC, O_CLOEXEC);
	VALUE(host.Libc.O_PATH, O_PATH);
	VALUE(host.Libc.AF_UNIX, AF_UNIX);
	VALUE(host.Libc.AF_INET, AF_INET);
	VALUE(host.Libc.AF_INET6, AF_INET6);
	VALUE(host.Libc.AF_NETLINK, AF_NETLINK);
	VALUE(host.Libc.SOCK_DGRAM, SOCK_DGRAM);
	VALUE(host.Libc.SOCK_RAW, SOCK_RAW);
	VALUE(host.Libc.SOCK_CLOEXEC, SOCK_CLOEXEC);
	VALUE(host.Libc.SOL_SOCKET, SOL_SOCKET);
	VALUE(host.Libc.MSG_DONTWAIT, MSG_DONTWAIT);
	VALUE(host.Libc.POLLFD_SIZE, sizeof(struct pollfd));
	OFFSET(host.Libc.POLLFD_EVENTS, struct pollfd, events);
	OFFSET(host.Libc.POLLFD_REVENTS, struct pollfd, revents);
	VALUE(host.Libc.POLLIN, POLLIN);
	VALUE(host.KernelModule.O_NONBLOCK, O_NONBLOCK);
	VALUE(FileDescriptor.F_DUPFD_CLOEXEC, F_DUPFD_CLOEXEC);
	VALUE(host.Flock.LOCK_EX, LOCK_EX);
	VALUE(host.Flock.LOCK_NB, LOCK_NB);
	VALUE(host.Flock.LOCK_SH, LOCK_SH);
	VALUE(host.PrivateDirectory.TYPE, S_IFMT);
	VALUE(host.PrivateDirectory.DIRECTORY, S_IFDIR);
	VALUE(host.PrivateDirectory.SYMBOLIC_LINK, S_IFLNK);
	VALUE(host.PrivateDirectory.STICKY, S_ISVTX);
	VALUE(host.NetworkNamespace.CLONE_NEWNET, CLONE_NEWNET);
	VALUE(host.NetworkNamespace.NS_GET_NSTYPE, NS_GET_NSTYPE);
	VALUE(host.NetworkNamespace.NSFS_MAGIC, NSFS_MAGIC);
	ROOM(host.NetworkNamespace.STATFS_SIZE, sizeof(struct statfs));
	VALUE(host.NetworkNamespace.SO_NETNS_COOKIE, SO_NETNS_COOKIE);
	VALUE(host.NetworkNamespace.ENOPROTOOPT, ENOPROTOOPT);
	VALUE(host.MonotonicClock.CLOCK_MONOTONIC, CLOCK_MONOTONIC);
	VALUE(host.MonotonicClock.TIMESPEC_SIZE, sizeof(struct timespec));
	OFFSET(host.MonotonicClock.TV_SEC, struct timespec, tv_sec);
	OFFSET(host.MonotonicClock.TV_NSEC, struct timespec, tv_nsec);
	VALUE(host.Bpffs.BPF_FS_MAGIC, (int)BPF_FS_MAGIC);
	ROOM(host.Bpffs.STATFS_SIZE, sizeof(struct statfs));
	OFFSET(host.Bpffs.F_TYPE, struct statfs, f_type);
	OFFSET(host.Bpffs.STATFS_FLAGS, struct statfs, f_flags);
	VALUE(host.Bpffs.ST_RDONLY, ST_RDONLY);
	VALUE(host.Privileges.CAP_NET_ADMIN, CAP_NET_ADMIN);
	VALUE(host.Privileges.CAP_SYS_ADMIN, CAP_SYS_ADMIN);
	VALUE(host.Privileges.CAP_PERFMON, CAP_PERFMON);
	VALUE(host.Privileges.CAP_BPF, CAP_BPF);
}

void errors(void)
{
	VALUE(Errno.EPERM, EPERM);
	VALUE(Errno.ENOENT, ENOENT);
	VALUE(Errno.EINTR, EINTR);
	VALUE(Errno.EIO, EIO);
	VALUE(Errno.E2BIG, E2BIG);
	VALUE(Errno.EBADF, EBADF);
	VALUE(Errno.EAGAIN, EAGAIN);
	VALUE(Errno.ENOMEM, ENOMEM);
	VALUE(Errno.EACCES, EACCES);
	VALUE(Errno.EBUSY, EBUSY);
	VALUE(Errno.EEXIST, EEXIST);
	VALUE(Errno.ENODEV, ENODEV);
	VALUE(Errno.ENOTDIR, ENOTDIR);
	VALUE(Errno.EINVAL, EINVAL);
	VALUE(Errno.ENFILE, ENFILE);
	VALUE(Errno.EMFILE, EMFILE);
	VALUE(Errno.ENOSPC, ENOSPC);
	VALUE(Errno.EROFS, EROFS);
	VALUE(Errno.EPIPE, EPIPE);
	VALUE(Errno.ERANGE, ERANGE);
	VALUE(Errno.ENOLCK, ENOLCK);
	VALUE(Errno.ENOSYS, ENOSYS);
	VALUE(Errno.ENOLINK, ENOLINK);
	VALUE(Errno.EOPNOTSUPP, EOPNOTSUPP);
	VALUE(Errno.ENETDOWN, ENETDOWN);
	VALUE(Errno.ENETUNREACH, ENETUNREACH);
	VALUE(Errno.EHOSTUNREACH, EHOSTUNREACH);
	VALUE(Errno.ENOBUFS, ENOBUFS);
	VALUE(Errno.EPROTONOSUPPORT, EPROTONOSUPPORT);
	VALUE(Errno.ENOTSUPP, ENOTSUPP_INTERNAL);
}

void sockets(void)
{
	VALUE(host.Ethtool.SIOCETHTOOL, SIOCETHTOOL);
	VALUE(host.Ethtool.ETHTOOL_GGRO, ETHTOOL_GGRO);
	VALUE(host.Ethtool.ETHTOOL_SGRO, ETHTOOL_SGRO);
	VALUE(host.Ethtool.VALUE_SIZE, sizeof(struct ethtool_value));
	OFFSET(host.Ethtool.VALUE_CMD, struct ethtool_value, cmd);
	OFFSET(host.Ethtool.VALUE_DATA, struct ethtool_value, data);
	VALUE(host.Ethtool.IFNAMSIZ, offsetof(struct ifreq, ifr_data));
	VALUE(host.Ethtool.IFREQ_SIZE, sizeof(struct ifreq));
	VALUE(host.SystemdNotify.MSG_NOSIGNAL, MSG_NOSIGNAL);
	OFFSET(host.SystemdNotify.PATH_OFFSET, struct sockaddr_un, sun_path);
	VALUE(host.SystemdNotify.PATH_SIZE, sizeof(((struct sockaddr_un *)0)->sun_path));
	VALUE(host.Nftables.NETLINK_NETFILTER, NETLINK_NETFILTER);
	VALUE(host.Libnftables.OUTPUT_JSON, NFT_CTX_OUTPUT_JSON);
	VALUE(host.Libnftables.OUTPUT_NUMERIC, NFT_CTX_OUTPUT_NUMERIC_ALL);
	VALUE(host.Libnftables.OUTPUT_TERSE, NFT_CTX_OUTPUT_TERSE);
	VALUE(host.Rtnetlink.NETLINK_ROUTE, NETLINK_ROUTE);
	VALUE(host.Rtnetlink.RTM_GETLINK, RTM_GETLINK);
	VALUE(host.Rtnetlink.RTM_GETADDR, RTM_GETADDR);
	VALUE(host.NetlinkMessages.RTM_NEWADDR, RTM_NEWADDR);
	VALUE(host.NetlinkMessages.IFADDRMSG_SIZE, sizeof(struct ifaddrmsg));
	VALUE(host.NetlinkMessages.IFA_ADDRESS, IFA_ADDRESS);
	VALUE(host.NetlinkMessages.IFA_LOCAL, IFA_LOCAL);
	VALUE(host.Rtnetlink.RTM_GETQDISC, RTM_GETQDISC);
	VALUE(host.Rtnetlink.RTM_GETTFILTER, RTM_GETTFILTER);
	VALUE(host.Netlink.NLM_F_REQUEST, NLM_F_REQUEST);
	VALUE(host.Netlink.NLM_F_DUMP, NLM_F_DUMP);
	VALUE(host.Rtnetlink.PARENT_CLSACT, (int)TC_H_CLSACT);
	VALUE(host.Rtnetlink.PARENT_INGRESS, (int)TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
	VALUE(host.Rtnetlink.PARENT_EGRESS, (int)TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
	VALUE(host.NetlinkMonitor.NETLINK_ROUTE, NETLINK_ROUTE);
	VALUE(host.NetlinkMonitor.NETLINK_XFRM, NETLINK_XFRM);
	VALUE(host.NetlinkMonitor.NETLINK_NETFILTER, NETLINK_NETFILTER);
	VALUE(host.NetlinkMonitor.RTNLGRP_LINK, RTNLGRP_LINK);
	VALUE(host.NetlinkMonitor.RTNLGRP_TC, RTNLGRP_TC);
	VALUE(host.NetlinkMonitor.RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_IFADDR);
	VALUE(host.NetlinkMonitor.RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_ROUTE);
	VALUE(host.NetlinkMonitor.RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_IFADDR);
	VALUE(host.NetlinkMonitor.RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_ROUTE);
	VALUE(host.NetlinkMonitor.XFRMNLGRP_SA, XFRMNLGRP_SA);
	VALUE(host.NetlinkMonitor.XFRMNLGRP_POLICY, XFRMNLGRP_POLICY);
	VALUE(host.NetlinkMonitor.NFNLGRP_NFTABLES, NFNLGRP_NFTABLES);
	VALUE(host.NetlinkMonitor.SOCKADDR_SIZE, sizeof(struct sockaddr_nl));
	OFFSET(host.NetlinkMonitor.SOCKADDR_GROUPS, struct sockaddr_nl, nl_groups);
	VALUE(host.NetlinkMonitor.RTM_DELQDISC, RTM_DELQDISC);
	VALUE(host.NetlinkMonitor.RTM_DELTFILTER, RTM_DELTFILTER);
	VALUE(host.NetlinkMonitor.NFT_NEWGEN, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN);
	VALUE(host.NetlinkMonitor.NFGENMSG_SIZE, sizeof(struct nfgenmsg));
	VALUE(host.NetlinkMonitor.NFTA_GEN_PROC_PID, NFTA_GEN_PROC_PID);
	VALUE(host.NetlinkMonitor.NFTA_GEN_PROC_NAME, NFTA_GEN_PROC_NAME);
	VALUE(host.PacketSockets.AF_PACKET, AF_PACKET);
	VALUE(host.PacketSockets.SO_RCVBUF, SO_RCVBUF);
	VALUE(host.PacketSockets.SO_ATTACH_FILTER, SO_ATTACH_FILTER);
	VALUE(host.PacketSockets.ETH_P_IP, ETH_P_IP);
	VALUE(host.PacketSockets.ETH_P_IPV6, ETH_P_IPV6);
	VALUE(host.PacketSockets.SOCKADDR_SIZE, sizeof(struct sockaddr_ll));
	OFFSET(host.PacketSockets.SOCKADDR_PROTOCOL, struct sockaddr_ll, sll_protocol);
	OFFSET(host.PacketSockets.SOCKADDR_IFINDEX, struct sockaddr_ll, sll_ifindex);
	OFFSET(host.PacketSockets.SOCKADDR_PKTTYPE, struct sockaddr_ll, sll_pkttype);
	VALUE(host.PacketSockets.PACKET_HOST, PACKET_HOST);
	VALUE(host.PacketSockets.PACKET_OTHERHOST, PACKET_OTHERHOST);
	VALUE(host.PacketSockets.PACKET_OUTGOING, PACKET_OUTGOING);
	VALUE(host.PacketSockets.PACKET_LOOPBACK, PACKET_LOOPBACK);
	VALUE(host.PacketSockets.ETH_P_ALL, ETH_P_ALL);
	VALUE(host.PacketSockets.SOL_PACKET, SOL_PACKET);
	VALUE(host.PacketSockets.PACKET_STATISTICS, PACKET_STATISTICS);
	VALUE(host.PacketSockets.STATISTICS_SIZE, sizeof(struct tpacket_stats));
	OFFSET(host.PacketSockets.STATISTICS_DROPS, struct tpacket_stats, tp_drops);
	VALUE(host.IpPacket.UDP, IPPROTO_UDP);
	VALUE(host.IpPacket.IPV4_FRAGMENT_OFFSET, IP_OFFMASK);
	VALUE(host.IpPacket.IPV4_SIZE, sizeof(struct iphdr));
	VALUE(host.IpPacket.IPV6_SIZE, sizeof(struct ip6_hdr));
	VALUE(host.PacketSampler.UDP_SIZE, sizeof(struct udphdr));
	OFFSET(host.PacketSampler.UDP_DESTINATION, struct udphdr, dest);
	OFFSET(host.PacketSampler.UDP_LENGTH, struct udphdr, len);
	VALUE(host.PacketFilter.LOAD_WORD, BPF_LD | BPF_W | BPF_ABS);
	VALUE(host.PacketFilter.LOAD_HALF, BPF_LD | BPF_H | BPF_ABS);
	VALUE(host.PacketFilter.LOAD_BYTE, BPF_LD | BPF_B | BPF_ABS);
	VALUE(host.PacketFilter.LOAD_HALF_BEHIND, BPF_LD | BPF_H | BPF_IND);
	VALUE(host.PacketFilter.LOAD_LENGTH, BPF_LDX | BPF_B | BPF_MSH);
	VALUE(host.PacketFilter.IF_EQUAL, BPF_JMP | BPF_JEQ | BPF_K);
	VALUE(host.PacketFilter.IF_SET, BPF_JMP | BPF_JSET | BPF_K);
	VALUE(host.PacketFilter.RETURN, BPF_RET | BPF_K);
	VALUE(host.PacketFilter.IFINDEX, SKF_AD_OFF + SKF_AD_IFINDEX);
	VALUE(host.PacketFilter.PROTOCOL, SKF_AD_OFF + SKF_AD_PROTOCOL);
	VALUE(host.PacketFilter.PKTTYPE, SKF_AD_OFF + SKF_AD_PKTTYPE);
	VALUE(host.PacketFilter.INSTRUCTION_SIZE, sizeof(struct sock_filter));
	VALUE(host.PacketFilter.FPROG_SIZE, sizeof(struct sock_fprog));
	OFFSET(host.PacketFilter.FPROG_FILTER, struct sock_fprog, filter);
	VALUE(host.Xfrm.NETLINK_XFRM, NETLINK_XFRM);
	VALUE(host.Xfrm.XFRM_MSG_NEWSA, XFRM_MSG_NEWSA);
	VALUE(host.Xfrm.XFRM_MSG_GETSA, XFRM_MSG_GETSA);
	VALUE(host.Xfrm.SA_SIZE, sizeof(struct xfrm_usersa_info));
	OFFSET(host.Xfrm.SA_DESTINATION, struct xfrm_usersa_info, id.daddr);
	OFFSET(host.Xfrm.SA_SPI, struct xfrm_usersa_info, id.spi);
	OFFSET(host.Xfrm.SA_SOURCE, struct xfrm_usersa_info, saddr);
	OFFSET(host.Xfrm.SA_PROTOCOL, struct xfrm_usersa_info, id.proto);
	OFFSET(host.Xfrm.SA_FAMILY, struct xfrm_usersa_info, family);
	OFFSET(host.Xfrm.SA_MODE, struct xfrm_usersa_info, mode);
	OFFSET(host.Xfrm.SA_BYTES, struct xfrm_usersa_info, curlft.bytes);
	OFFSET(host.Xfrm.SA_PACKETS, struct xfrm_usersa_info, curlft.packets);
	OFFSET(host.Xfrm.SA_LATE, struct xfrm_usersa_info, stats.replay_window);
	OFFSET(host.Xfrm.SA_REPLAYS, struct xfrm_usersa_info, stats.replay);
	OFFSET(host.Xfrm.SA_INTEGRITY_FAILURES, struct xfrm_usersa_info, stats.integrity_failed);
	OFFSET(host.Xfrm.SA_REQID, struct xfrm_usersa_info, reqid);
	VALUE(host.Xfrm.XFRMA_ENCAP, XFRMA_ENCAP);
	VALUE(host.Xfrm.XFRMA_ALG_AEAD, XFRMA_ALG_AEAD);
	VALUE(host.Xfrm.XFRMA_ALG_AUTH_TRUNC, XFRMA_ALG_AUTH_TRUNC);
	VALUE(host.Xfrm.XFRMA_MARK, XFRMA_MARK);
	OFFSET(host.Xfrm.MARK_VALUE, struct xfrm_mark, v);
	OFFSET(host.Xfrm.AEAD_ICV_BITS, struct xfrm_algo_aead, alg_icv_len);
	OFFSET(host.Xfrm.AUTH_TRUNC_BITS, struct xfrm_algo_auth, alg_trunc_len);
	VALUE(host.Xfrm.XFRM_MSG_NEWPOLICY, XFRM_MSG_NEWPOLICY);
	VALUE(host.Xfrm.XFRM_MSG_GETPOLICY, XFRM_MSG_GETPOLICY);
	VALUE(host.Xfrm.POLICY_SIZE, sizeof(struct xfrm_userpolicy_info));
	OFFSET(host.Xfrm.POLICY_DESTINATION_PORT, struct xfrm_userpolicy_info, sel.dport);
	OFFSET(host.Xfrm.POLICY_DESTINATION_PORT_MASK, struct xfrm_userpolicy_info, sel.dport_mask);
	OFFSET(host.Xfrm.POLICY_PROTOCOL, struct xfrm_userpolicy_info, sel.proto);
	OFFSET(host.Xfrm.POLICY_DIRECTION, struct xfrm_userpolicy_info, dir);
	OFFSET(host.Xfrm.POLICY_DESTINATION, struct xfrm_userpolicy_info, sel.daddr);
	OFFSET(host.Xfrm.POLICY_SOURCE, struct xfrm_userpolicy_info, sel.saddr);
	OFFSET(host.Xfrm.POLICY_FAMILY, struct xfrm_userpolicy_info, sel.family);
	OFFSET(host.Xfrm.POLICY_DESTINATION_LENGTH, struct xfrm_userpolicy_info, sel.prefixlen_d);
	OFFSET(host.Xfrm.POLICY_SOURCE_LENGTH, struct xfrm_userpolicy_info, sel.prefixlen_s);
	VALUE(host.Xfrm.XFRM_POLICY_MAX, XFRM_POLICY_MAX);
	VALUE(host.Xfrm.XFRMA_TMPL, XFRMA_TMPL);
	VALUE(host.Xfrm.TEMPLATE_SIZE, sizeof(struct xfrm_user_tmpl));
	OFFSET(host.Xfrm.TEMPLATE_PROTOCOL, struct xfrm_user_tmpl, id.proto);
	OFFSET(host.Xfrm.TEMPLATE_MODE, struct xfrm_user_tmpl, mode);
	VALUE(host.SecurityAssociation.TRANSPORT, XFRM_MODE_TRANSPORT);
	VALUE(host.IpsecPolicy.UDP, IPPROTO_UDP);
	VALUE(host.SecurityAssociation.ESP, IPPROTO_ESP);
	VALUE(host.SecurityAssociation.COMP, IPPROTO_COMP);
	VALUE(host.DeviceNode.SYS_FSOPEN, SYS_fsopen);
	VALUE(host.DeviceNode.SYS_FSCONFIG, SYS_fsconfig);
	VALUE(host.DeviceNode.SYS_FSMOUNT, SYS_fsmount);
	VALUE(host.DeviceNode.FSOPEN_CLOEXEC, FSOPEN_CLOEXEC);
	VALUE(host.DeviceNode.FSCONFIG_CMD_CREATE, FSCONFIG_CMD_CREATE);
	VALUE(host.DeviceNode.FSMOUNT_CLOEXEC, FSMOUNT_CLOEXEC);
	VALUE(host.NetlinkMessages.HEADER_SIZE, sizeof(struct nlmsghdr));
	VALUE(host.NetlinkMessages.NLMSG_ERROR, NLMSG_ERROR);
	VALUE(host.NetlinkMessages.NLMSG_DONE, NLMSG_DONE);
	VALUE(host.NetlinkMessages.RTM_NEWLINK, RTM_NEWLINK);
	OFFSET(host.NetlinkMessages.HEADER_TYPE, struct nlmsghdr, nlmsg_type);
	OFFSET(host.NetlinkMessages.HEADER_PORT, struct nlmsghdr, nlmsg_pid);
	VALUE(host.NetlinkMessages.RTM_NEWQDISC, RTM_NEWQDISC);
	VALUE(host.NetlinkMessages.RTM_NEWTFILTER, RTM_NEWTFILTER);
	VALUE(host.NetlinkMessages.IFLA_IFNAME, IFLA_IFNAME);
	VALUE(host.NetlinkMessages.IFLA_MTU, IFLA_MTU);
	VALUE(host.NetlinkMessages.IFLA_LINK, IFLA_LINK);
	VALUE(host.NetlinkMessages.IFLA_MASTER, IFLA_MASTER);
	VALUE(host.NetlinkMessages.IFLA_LINKINFO, IFLA_LINKINFO);
	VALUE(host.NetlinkMessages.IFLA_INFO_KIND, IFLA_INFO_KIND);
	VALUE(host.NetlinkMessages.IFLA_INFO_DATA, IFLA_INFO_DATA);
	VALUE(host.NetlinkMessages.IFLA_STATS64, IFLA_STATS64);
	OFFSET(host.NetlinkMessages.RX_PACKETS, struct rtnl_link_stats64, rx_packets);
	OFFSET(host.NetlinkMessages.TX_PACKETS, struct rtnl_link_stats64, tx_packets);
	OFFSET(host.NetlinkMessages.TX_ERRORS, struct rtnl_link_stats64, tx_errors);
	OFFSET(host.NetlinkMessages.TX_DROPPED, struct rtnl_link_stats64, tx_dropped);
	OFFSET(host.NetlinkMessages.IFINFOMSG_FLAGS, struct ifinfomsg, ifi_flags);
	VALUE(host.NetlinkMessages.IFF_UP, IFF_UP);
	VALUE(host.NetlinkMessages.RTM_NEWNEIGH, RTM_NEWNEIGH);
	VALUE(host.NetlinkMessages.NDMSG_SIZE, sizeof(struct ndmsg));
	VALUE(host.NetlinkMessages.NDA_DST, NDA_DST);
	VALUE(host.NetlinkMessages.NDA_LLADDR, NDA_LLADDR);
	VALUE(host.NetlinkMessages.NDA_CACHEINFO, NDA_CACHEINFO);
	VALUE(host.NetlinkMessages.UPDATED, offsetof(struct nda_cacheinfo, ndm_updated));
	VALUE(host.NetlinkMessages.NUD_PERMANENT, NUD_PERMANENT);
	VALUE(host.Rtnetlink.RTM_GETNEIGH, RTM_GETNEIGH);
	VALUE(host.Rtnetlink.AF_BRIDGE, AF_BRIDGE);
	VALUE(host.Rtnetlink.RTM_GETROUTE, RTM_GETROUTE);
	VALUE(host.Rtnetlink.ATTRIBUTE_HEADER, sizeof(struct rtattr));
	VALUE(host.Rtnetlink.RTA_DST, RTA_DST);
	VALUE(host.NetlinkMessages.RTM_NEWROUTE, RTM_NEWROUTE);
	VALUE(host.NetlinkMessages.RTMSG_SIZE, sizeof(struct rtmsg));
	VALUE(host.NetlinkMessages.RTA_OIF, RTA_OIF);
	VALUE(host.NetlinkMessages.IFLA_LINK_NETNSID, IFLA_LINK_NETNSID);
	VALUE(host.NetlinkMessages.RTM_NEWNSID, RTM_NEWNSID);
	VALUE(host.NetlinkMessages.RTGENMSG_SIZE, NLMSG_ALIGN(sizeof(struct rtgenmsg)));
	VALUE(host.NetlinkMessages.NETNSA_NSID, NETNSA_NSID);
	VALUE(host.Rtnetlink.RTM_GETNSID, RTM_GETNSID);
	VALUE(host.Rtnetlink.NETNSA_FD, NETNSA_FD);
	VALUE(host.NetlinkMessages.IFLA_XDP, IFLA_XDP);
	VALUE(host.NetlinkMessages.IFLA_XDP_ATTACHED, IFLA_XDP_ATTACHED);
	VALUE(host.NetlinkMessages.IFLA_PROP_LIST, IFLA_PROP_LIST);
	VALUE(host.NetlinkMessages.IFLA_ALT_IFNAME, IFLA_ALT_IFNAME);
	VALUE(host.NetlinkMessages.IFINFOMSG_SIZE, sizeof(struct ifinfomsg));
	VALUE(host.NetlinkMessages.TCMSG_SIZE, sizeof(struct tcmsg));
	VALUE(host.NetlinkMessages.TCA_KIND, TCA_KIND);
}

void bpf(void)
{
	VALUE(Libbpf.BPF_TCX_INGRESS, TCX_INGRESS);
	VALUE(TcxLink.BPF_F_BEFORE, BPF_F_BEFORE_6_6);
	VALUE(RawMap.PERCPU_HASH, BPF_MAP_TYPE_PERCPU_HASH);
	VALUE(RawMap.PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY);
	VALUE(RawMap.LRU_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	VALUE(RawMap.PERCPU_CGROUP_STORAGE, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	VALUE(RawMap.RINGBUF, BPF_MAP_TYPE_RINGBUF);

	ROOM(RawMap.INFO_SIZE, THROUGH(struct bpf_map_info, map_extra));
	OFFSET(RawMap.INFO_TYPE, struct bpf_map_info, type);
	OFFSET(RawMap.INFO_ID, struct bpf_map_info, id);
	OFFSET(RawMap.INFO_KEY_SIZE, struct bpf_map_info, key_size);
	OFFSET(RawMap.INFO_VALUE_SIZE, struct bpf_map_info, value_size);
	OFFSET(RawMap.INFO_MAX_ENTRIES, struct bpf_map_info, max_entries);
	OFFSET(RawMap.INFO_MAP_FLAGS, struct bpf_map_info, map_flags);
	OFFSET(RawMap.INFO_NAME, struct bpf_map_info, name);

	ROOM(BpfProgram.INFO_SIZE, THROUGH(struct bpf_prog_info, run_cnt));
	OFFSET(BpfProgram.INFO_ID, struct bpf_prog_info, id);
	OFFSET(BpfProgram.INFO_TAG, struct bpf_prog_info, tag);
	OFFSET(BpfProgram.INFO_LOAD_TIME, struct bpf_prog_info, load_time);
	OFFSET(BpfProgram.INFO_NR_MAP_IDS, struct bpf_prog_info, nr_map_ids);
	OFFSET(BpfProgram.INFO_MAP_IDS, struct bpf_prog_info, map_ids);
	OFFSET(BpfProgram.INFO_NAME, struct bpf_prog_info, name);
	OFFSET(BpfProgram.INFO_RUN_TIME, struct bpf_prog_info, run_time_ns);
	OFFSET(BpfProgram.INFO_RUN_COUNT, struct bpf_prog_info, run_cnt);

	ROOM(BpfProgram.RUN_OPTS_SIZE, THROUGH(struct bpf_test_run_opts, duration));
	OFFSET(BpfProgram.RUN_DATA_IN, struct bpf_test_run_opts, data_in);
	OFFSET(BpfProgram.RUN_DATA_OUT, struct bpf_test_run_opts, data_out);
	OFFSET(BpfProgram.RUN_DATA_SIZE_IN, struct bpf_test_run_opts, data_size_in);
	OFFSET(BpfProgram.RUN_DATA_SIZE_OUT, struct bpf_test_run_opts, data_size_out);
	OFFSET(BpfProgram.RUN_CTX_IN, struct bpf_test_run_opts, ctx_in);
	OFFSET(BpfProgram.RUN_CTX_OUT, struct bpf_test_run_opts, ctx_out);
	OFFSET(BpfProgram.RUN_CTX_SIZE_IN, struct bpf_test_run_opts, ctx_size_in);
	OFFSET(BpfProgram.RUN_CTX_SIZE_OUT, struct bpf_test_run_opts, ctx_size_out);
	OFFSET(BpfProgram.RUN_RETVAL, struct bpf_test_run_opts, retval);
	OFFSET(BpfProgram.RUN_REPEAT, struct bpf_test_run_opts, repeat);
	OFFSET(BpfProgram.RUN_DURATION, struct bpf_test_run_opts, duration);

	VALUE(BpfProgram.SK_BUFF_SIZE, sizeof(struct __sk_buff));
	OFFSET(BpfProgram.SK_BUFF_PRIORITY, struct __sk_buff, priority);
	OFFSET(BpfProgram.SK_BUFF_GSO_SEGS, struct __sk_buff, gso_segs);
	OFFSET(BpfProgram.SK_BUFF_GSO_SIZE, struct __sk_buff, gso_size);

	ROOM(BpfObject.OPTS_SIZE, THROUGH(struct bpf_object_open_opts, kernel_log_size));
	OFFSET(BpfObject.OPTS_NAME, struct bpf_object_open_opts, object_name);
	OFFSET(BpfObject.OPTS_LOG_BUF, struct bpf_object_open_opts, kernel_log_buf);
	OFFSET(BpfObject.OPTS_LOG_SIZE, struct bpf_object_open_opts, kernel_log_size);

	ROOM(TcxLink.CREATE_OPTS_SIZE, THROUGH(struct bpf_link_create_opts, flags));
	OFFSET(TcxLink.CREATE_FLAGS, struct bpf_link_create_opts, flags);
	ROOM(TcxLink.QUERY_OPTS_SIZE, THROUGH(struct bpf_prog_query_opts, prog_cnt));
	OFFSET(TcxLink.QUERY_PROG_IDS, struct bpf_prog_query_opts, prog_ids);
	OFFSET(TcxLink.QUERY_PROG_CNT, struct bpf_prog_query_opts, prog_cnt);
	ROOM(TcxLink.INFO_SIZE, THROUGH(struct bpf_link_info, xdp));
	OFFSET(TcxLink.INFO_ID, struct bpf_link_info, id);
	OFFSET(TcxLink.INFO_PROG_ID, struct bpf_link_info, prog_id);
	OFFSET(TcxLink.INFO_IFINDEX, struct bpf_link_info, xdp.ifindex);

	VALUE(ClsactFilter.INGRESS, BPF_TC_INGRESS);
	VALUE(ClsactFilter.EGRESS, BPF_TC_EGRESS);
	VALUE(ClsactFilter.REPLACE, BPF_TC_F_REPLACE);
	VALUE(ClsactFilter.HOOK_SIZE, sizeof(struct bpf_tc_hook));
	OFFSET(ClsactFilter.HOOK_IFINDEX, struct bpf_tc_hook, ifindex);
	OFFSET(ClsactFilter.HOOK_ATTACH_POINT, struct bpf_tc_hook, attach_point);
	ROOM(ClsactFilter.OPTS_SIZE, THROUGH(struct bpf_tc_opts, priority));
	OFFSET(ClsactFilter.OPTS_PROG_FD, struct bpf_tc_opts, prog_fd);
	OFFSET(ClsactFilter.OPTS_FLAGS, struct bpf_tc_opts, flags);
	OFFSET(ClsactFilter.OPTS_PROG_ID, struct bpf_tc_opts, prog_id);
	OFFSET(ClsactFilter.OPTS_HANDLE, struct bpf_tc_opts, handle);
	OFFSET(ClsactFilter.OPTS_PRIORITY, struct bpf_tc_opts, priority);

	VALUE(Btf.KIND_STRUCT, BTF_KIND_STRUCT);
	VALUE(Btf.KIND_ENUM, BTF_KIND_ENUM);
	VALUE(Btf.TYPE_SIZE, sizeof(struct btf_type));
	VALUE(Btf.MEMBER_SIZE, sizeof(struct btf_member));
	VALUE(Btf.ENUMERATOR_SIZE, sizeof(struct btf_enum));
}
