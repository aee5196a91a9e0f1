// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Tests the parsers of files in /proc and of module indexes, on recorded text. */
class HostTextTest {
    @Test
    void kernelReleases() {
        assertThat(KernelRelease.parse("6.1.0-56-amd64").atLeast(6, 1)).isTrue();
        assertThat(KernelRelease.parse("6.1.0-56-amd64").atLeast(6, 6)).isFalse();
        assertThat(KernelRelease.parse("5.10.0-46-cloud-amd64").atLeast(5, 9)).isTrue();
        assertThat(KernelRelease.parse("7.3+deb13-amd64").atLeast(6, 12)).isTrue();
        assertThatThrownBy(() -> KernelRelease.parse("linux")).hasMessageContaining("'linux'");
    }

    @Test
    void modulesByFile() {
        String dep = """
                kernel/net/ipv4/esp4.ko: kernel/net/xfrm/xfrm_algo.ko kernel/net/ipv4/tunnel4.ko
                kernel/net/ipv4/esp4_offload.ko.xz: kernel/net/ipv4/esp4.ko.xz
                """;
        assertThat(KernelModule.contains(dep, "esp4_offload")).isTrue();
        assertThat(KernelModule.contains(dep, "esp4")).isTrue();
        assertThat(KernelModule.contains(dep, "xfrm_algo"))
                .as("only a dependency")
                .isFalse();
        assertThat(KernelModule.contains(dep, "esp6_offload")).isFalse();
        assertThat(KernelModule.contains(dep, "tunnel4"))
                .as("the last dependency")
                .isFalse();
        assertThat(KernelModule.contains("", "esp4")).isFalse();
        assertThat(KernelModule.contains("kernel/net/ipv4/esp4-offload.ko", "esp4_offload"))
                .isTrue();
        assertThat(KernelModule.contains("kernel/net/ipv4/esp4.kobold\n", "esp4"))
                .isFalse();
    }

    @Test
    void mountsThatFollowAnotherNamespace() {
        List<String> unit = List.of(
                "300 299 254:0 / / ro,relatime master:1 - ext4 /dev/vda rw",
                "310 300 0:21 / /sys rw,nosuid master:7 - sysfs sysfs rw",
                "311 310 0:30 / /sys/fs/bpf rw shared:40 master:9 - bpf bpf rw",
                "312 300 0:5 / /system rw - tmpfs tmpfs rw");
        assertThat(Bpffs.isSlave(unit, "/sys/fs/bpf")).isTrue();
        assertThat(Bpffs.isSlave(unit.subList(0, 2), "/sys/fs/bpf")).isTrue();
        assertThat(Bpffs.isSlave(unit, "/system/x")).isFalse();
        List<String> apart =
                List.of("300 299 254:0 / / rw - ext4 /dev/vda rw", "310 300 0:21 / /sys rw - sysfs sysfs rw");
        assertThat(Bpffs.isSlave(apart, "/sys/fs/bpf")).isFalse();
        assertThat(Bpffs.isSlave(List.of("nonsense", ""), "/sys/fs/bpf")).isFalse();
    }

    @Test
    void capabilities() {
        assertThat(Privileges.canAttach(List.of("Name:\tx", "CapEff:\t000001ffffffffff")))
                .isTrue();
        String all = "CapEff:\t000000c000001000";
        assertThat(Privileges.canAttach(List.of(all)))
                .as("BPF, PERFMON, NET_ADMIN")
                .isTrue();
        String withoutPerfmon = "CapEff:\t0000008000001000";
        assertThat(Privileges.canAttach(List.of(withoutPerfmon))).isFalse();
        assertThat(Privileges.canRead(List.of(withoutPerfmon))).isTrue();
        assertThat(Privileges.canAttach(List.of("CapEff:\t0000000000201000")))
                .as("SYS_ADMIN and NET_ADMIN")
                .isTrue();
        for (String alone : List.of("0000000000001000", "0000008000000000", "0000000000200000")) {
            assertThat(Privileges.canRead(List.of("CapEff:\t" + alone)))
                    .as(alone)
                    .isFalse();
        }
        assertThat(Privileges.canAttach(List.of("CapEff:\t0000000000000000"))).isFalse();
    }

    @Test
    void netStatistics() {
        List<String> snmp = List.of(
                "Ip: Forwarding DefaultTTL ReasmReqds ReasmOKs ReasmFails",
                "Ip: 1 64 12 6 0",
                "UdpLite: InDatagrams InCsumErrors",
                "UdpLite: 1 99",
                "Udp: InDatagrams NoPorts InErrors InCsumErrors",
                "Udp: 100 2 7 7");
        List<String> snmp6 = List.of("Ip6ReasmOKs                     \t3", "Udp6InCsumErrors                \t5");
        List<String> xfrm = List.of("XfrmInError             \t0", "XfrmInNoStates          \t4", "XfrmOutError \t1");
        String udp4 =
                "12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 73576 2 000000009f2cba83 ";
        List<String> sockets = List.of(
                "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
                " 5597: 00000000:" + udp4 + "6         ",
                " 5597: 0100007F:" + udp4 + "1         ",
                "  481: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7 2 0 0",
                "  482: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7 2 0 -2",
                " 5597: 00000000000000000000000000000000:12B5 00000000000000000000000000000000:0000 07 00000000:00000000"
                        + " 00:00000000 00000000     0        0 122801 2 000000000dc40f3f 40");
        assertThat(NetStatistics.parse(snmp, snmp6, xfrm, sockets))
                .isEqualTo(new NetStatistics(
                        new NetStatistics.FamilyCounts(7, 6),
                        new NetStatistics.FamilyCounts(5, 3),
                        Map.of("XfrmInError", 0L, "XfrmInNoStates", 4L),
                        Map.of(4789, 47L, 68, 4294967294L)));
        assertThat(NetStatistics.parse(snmp, List.of(), List.of(), List.of()).ipv6())
                .isEqualTo(NetStatistics.FamilyCounts.NONE);
        NetStatistics statistics = NetStatistics.parse(snmp, snmp6, xfrm, sockets);
        assertThat(statistics.udpChecksumErrors(4789))
                .as("not more than there were checksum errors")
                .isEqualTo(12);
        assertThat(statistics.udpChecksumErrors(4790)).isZero();
        assertThat(NetStatistics.read().ipv4().reassembled()).isNotNegative();
    }

    @Test
    void protocolsWithMalformedLines() {
        assertThat(NetStatistics.values(List.of(
                        "junk",
                        "Ip: A B C",
                        "Ip: 1 x 99999999999999999999",
                        "",
                        "Icmp: A",
                        "Udp: A B",
                        "Udp: 7",
                        "Tcp: MaxConn InSegs",
                        "Tcp: -1 18446744073709551615 3",
                        "Tcp: last")))
                .isEqualTo(Map.of("Ip:A", 1L, "Udp:A", 7L, "Tcp:MaxConn", -1L, "Tcp:InSegs", -1L));
        assertThat(NetStatistics.parse(
                                List.of(),
                                List.of("Udp6InCsumErrors x", "", "Ip6ReasmOKs 1 2"),
                                List.of("Xfrm"),
                                List.of())
                        .ipv6())
                .isEqualTo(NetStatistics.FamilyCounts.NONE);
    }

    @Test
    void packetsThatConnectionTrackingFoundInvalid() {
        String columns = "entries  clashres found new invalid ignore delete";
        assertThat(NetStatistics.conntrackInvalid(List.of(
                        columns,
                        "00000003  00000000 00000000 00000000 0000000a 00000000 00000000",
                        "00000003  00000000 00000000 00000000 ffffffff 00000000 00000000",
                        "00000003  00000000 00000000 00000000 zz",
                        "00000003")))
                .hasValue(0xffffffffL + 10);
        assertThat(NetStatistics.conntrackInvalid(List.of(columns))).hasValue(0);
        assertThat(NetStatistics.conntrackInvalid(List.of("entries found"))).isEmpty();
        assertThat(NetStatistics.conntrackInvalid(List.of())).isEmpty();
    }

    @Test
    void countersOfThisNamespace() {
        assertThat(NetStatistics.counters())
                .containsKeys("UdpInCsumErrors", "IpReasmFails", "IpFragCreates", "TcpExtIPReversePathFilter");
        assertThat(NetStatistics.counters().keySet()).allMatch(name -> name.matches("[A-Za-z0-9_]+"));
    }

    @Test
    void receiveDrops() {
        List<String> netstat = List.of(
                "TcpExt: SyncookiesSent IPReversePathFilter TCPTimeWaitOverflow",
                "TcpExt: 1 5 9",
                "IpExt: InNoRoutes",
                "IpExt: 3");
        List<String> sockets = List.of(
                "   sl  local_address rem_address   st",
                "  481: 00000000:12B5 00000000:0000 07",
                "  482: 00000000000000000000000000000000:0044 00000000000000000000000000000000:0000 07");
        assertThat(ReceiveDrops.parse(netstat, sockets, List.of("filter")))
                .isEqualTo(new ReceiveDrops(5, Set.of(4789, 68), true));
        assertThat(ReceiveDrops.parse(List.of(), List.of(), List.of())).isEqualTo(new ReceiveDrops(0, Set.of(), false));
    }

    @Test
    void theSysfsThatIpNetnsExecMounts() {
        String usual = "22 27 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw";
        String exec = "614 590 0:68 / /sys rw,relatime - sysfs csumbpf-a rw";
        assertThat(Bpffs.sysfsSource(List.of(usual))).contains("sysfs");
        assertThat(Bpffs.sysfsSource(List.of(usual, exec))).contains("csumbpf-a");
        assertThat(Bpffs.sysfsSource(List.of("27 1 254:0 / / rw - ext4 /dev/vda rw", "junk")))
                .isEmpty();
    }

    @Test
    void devicesWithIpv6AddressesByScope() {
        List<String> lines = List.of(
                "fd000000000000000000000000000002 04 40 00 82     eth0",
                "00000000000000000000000000000001 01 80 10 80       lo",
                "20010db8000000000000000000000001 0a 40 00 80  eth0.100",
                "fe8000000000000000fc00fffe000001 05 40 20 80     eth1");
        assertThat(Inet6Addresses.devices(lines, 0x00)).containsExactly(4, 10);
        assertThat(Inet6Addresses.devices(lines, 0x10)).containsExactly(1);
        assertThat(Inet6Addresses.devices(List.of(), 0x00)).isEmpty();
    }

    @Test
    void confinement() {
        assertThat(Container.confinement("docker-default (enforce)\n")).contains("docker-default (enforce)");
        assertThat(Container.confinement("system_u:system_r:container_t:s0:c1,c2\0"))
                .contains("system_u:system_r:container_t:s0:c1,c2");
        assertThat(Container.confinement("unconfined\n")).isEmpty();
        assertThat(Container.confinement("unconfined_u:unconfined_r:unconfined_t:s0\0"))
                .isEmpty();
        assertThat(Container.confinement("\0")).isEmpty();
    }
}
