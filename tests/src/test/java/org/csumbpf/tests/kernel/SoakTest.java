// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.HostCounters;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Minutes of mixed traffic while the attachment changes without pause. No more packets are lost than while the command
 * only reads, none has a wrong checksum, and nothing accumulates in the kernel.
 */
@Tag("soak")
@ExtendWith(KernelLog.class)
class SoakTest {
    private static final Duration WARM_UP = Duration.ofSeconds(5);
    private static final Duration CONTROL = Duration.ofSeconds(60);
    /** tests/vm/matrix sets how long. */
    private static final Duration LOOP = Duration.ofSeconds(
            Long.parseLong(Optional.ofNullable(System.getenv("SOAK_SECONDS")).orElse("300")));
    /**
     * On a busy machine an emulated guest loses some hundred datagrams in a minute or none, whatever csumbpf does. A
     * loss caused by a change recurs in each round.
     */
    private static final int ROUNDS = 3;

    /** SUnreclaim and Percpu vary by some hundred kB by themselves. A program with its maps takes about 5 MB. */
    private static final long SLACK_KB = 4096;

    @Test
    @DisplayName("changes under traffic")
    void changesUnderTraffic() throws Exception {
        // Buffers for what waits while an emulated processor is busy elsewhere for a second.
        Shell.run(
                        "sysctl",
                        "-qw",
                        "net.core.rmem_max=4194304",
                        "net.core.wmem_max=4194304",
                        "net.core.netdev_max_backlog=10000")
                .ok();
        try (EspLab lab = new EspLab()) {
            lab.attach("--vni", "4109");
            keepNeighbours(lab);
            Run control;
            Run loop;
            Run all = null;
            int round = 0;
            // The first run creates what is no leak, such as classes of the JVM.
            run(lab, WARM_UP, List.of("status"));
            Kernel before = Kernel.now();
            do {
                control = run(lab, CONTROL, List.of("status", "stats", "vni list"));
                loop = changes(
                        lab,
                        List.of(
                                "vni add eth0 5000-5100",
                                "attach eth0 --vni 4109,7,8",
                                "vni remove eth0 7",
                                "attach eth0 --vni 4109 --mode recompute",
                                "attach eth0 --vni 4109",
                                "vni add eth0 4109 --mode zero",
                                "attach eth0 --vni 4109"));
                System.out.println("only reading:   " + control);
                System.out.println("while changing: " + loop);
                all = all == null ? loop : all.plus(loop);
            } while (++round < ROUNDS && losesMore(loop, control));
            System.out.println("kernel before:  " + before);
            // The kernel frees programs and maps only after a grace period.
            Kernel after = Limit.await(
                    "kernel with as little in it as before",
                    Limit.seconds(60),
                    Kernel::now,
                    now -> now.objects.equals(before.objects) && now.memoryKb - before.memoryKb < SLACK_KB);
            System.out.println("kernel after " + all.commands + " changes: " + after);
            assertThat(all.badChecksums).as("packets that came by unrepaired").isZero();
            assertThat(loop.udpPackets).as("datagrams").isGreaterThan(10_000);
            assertThat(losesMore(loop, control))
                    .as("more datagrams lost, in %s rounds: last %s against %s", round, loop, control)
                    .isFalse();
            assertThat(loop.tcpBytes).as("bytes by TCP").isGreaterThan(10_000_000);
        }
    }

    private static boolean losesMore(Run loop, Run control) {
        return loop.lostOnTheWay() * control.udpPackets > control.lostOnTheWay() * loop.udpPackets;
    }

    /**
     * Makes neighbours permanent. If a busy machine stalls an emulated guest for some seconds, ARP gives up and drops
     * up to a hundred waiting packets at a time, which is no loss on the way.
     */
    private static void keepNeighbours(EspLab lab) {
        assertThat(lab.loss(lab.a, "10.0.9.2")).as("loss before").isZero();
        for (Host host : List.of(lab.a, lab.nat, lab.b)) {
            int kept = 0;
            for (JsonNode neighbour :
                    Host.parse(host.run("ip", "-4", "-j", "neigh").ok().out())) {
                if (neighbour.has("lladdr")) {
                    host.run(
                                    "ip",
                                    "neigh",
                                    "replace",
                                    neighbour.get("dst").asText(),
                                    "lladdr",
                                    neighbour.get("lladdr").asText(),
                                    "dev",
                                    neighbour.get("dev").asText(),
                                    "nud",
                                    "permanent")
                            .ok();
                    kept++;
                }
            }
            // a and b have the link to the NAT and the overlay; the NAT has two links.
            assertThat(kept).as("neighbours of %s", host.name).isEqualTo(2);
        }
    }

    /** Runs for the length of the soak, and longer if a slow machine has not made each change by then. */
    private static Run changes(EspLab lab, List<String> commands) throws Exception {
        Run all = run(lab, LOOP, commands);
        while (all.commands < commands.size()) {
            all = all.plus(run(lab, CONTROL, commands.subList(all.commands, commands.size())));
        }
        return all;
    }

    /**
     * @param overruns packets dropped because a queue was full
     * @param xfrmErrors the sum of all counters in /proc/net/xfrm_stat
     */
    private record Run(
            int commands,
            long udpPackets,
            long udpLost,
            Overruns overruns,
            long xfrmErrors,
            long tcpBytes,
            long retransmits,
            long badChecksums) {

        Run plus(Run other) {
            return new Run(
                    commands + other.commands,
                    udpPackets + other.udpPackets,
                    udpLost + other.udpLost,
                    overruns.plus(other.overruns),
                    xfrmErrors + other.xfrmErrors,
                    tcpBytes + other.tcpBytes,
                    retransmits + other.retransmits,
                    badChecksums + other.badChecksums);
        }

        /** Packets lost for another reason than a slow machine. */
        long lostOnTheWay() {
            return Math.max(0, udpLost - overruns.all());
        }
    }

    /**
     * Packets that the kernel dropped because a queue was full: in sockets, in the processors' backlogs, before devices
     * and in them. Drops by a filter are not included: the clsact qdisc counts them, or nothing does.
     */
    private record Overruns(long sockets, long backlogs, long devices) {
        static Overruns now(EspLab lab) throws IOException {
            long sockets = 0;
            long devices = 0;
            for (Host host : List.of(lab.a, lab.nat, lab.b)) {
                sockets += HostCounters.snmp(host, "UdpRcvbufErrors");
                for (JsonNode device :
                        Host.parse(host.run("ip", "-s", "-j", "link").ok().out())) {
                    devices += device.at("/stats64/rx/dropped").asLong()
                            + device.at("/stats64/tx/dropped").asLong();
                }
                for (JsonNode qdisc :
                        Host.parse(host.run("tc", "-s", "-j", "qdisc").ok().out())) {
                    devices +=
                            qdisc.path("root").asBoolean() ? qdisc.get("drops").asLong() : 0;
                }
            }
            long backlogs = 0;
            for (String processor : Files.readAllLines(Path.of("/proc/net/softnet_stat"))) {
                backlogs += Long.parseLong(processor.split(" ")[1], 16);
            }
            return new Overruns(sockets, backlogs, devices);
        }

        Overruns plus(Overruns other) {
            return new Overruns(sockets + other.sockets, backlogs + other.backlogs, devices + other.devices);
        }

        Overruns since(Overruns before) {
            return new Overruns(sockets - before.sockets, backlogs - before.backlogs, devices - before.devices);
        }

        long all() {
            return sockets + backlogs + devices;
        }
    }

    /** Runs traffic in four streams, and commands on b one after the other as long as it flows. */
    private static Run run(EspLab lab, Duration duration, List<String> commands) throws Exception {
        List<Process> servers = new ArrayList<>();
        List<Process> clients = new ArrayList<>();
        List<Path> reports = new ArrayList<>();
        long bad = badChecksums(lab);
        Overruns overruns = Overruns.now(lab);
        long xfrmErrors = xfrmErrors(lab);
        List<String> streams =
                List.of("-b 3M -w 400k", "-b 3M -w 400k -R", "-u -b 400k -l 200 -w 4M", "-u -b 800k -l 1390 -w 4M -R");
        try {
            for (int i = 0; i < streams.size(); i++) {
                String port = Integer.toString(5201 + i);
                servers.add(new ProcessBuilder(lab.b.in("iperf3", "-s", "-1", "-J", "-p", port))
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start());
            }
            Limit.await(
                    "four servers of iperf3",
                    Limit.seconds(60),
                    () -> lab.b
                            .run("ss", "-Hltn", "sport >= :5201 and sport <= :" + (5200 + streams.size()))
                            .ok()
                            .out(),
                    listening -> listening.lines().count() == streams.size());
            for (int i = 0; i < streams.size(); i++) {
                Path report = Files.createTempFile("iperf3", ".json");
                reports.add(report);
                String line = "iperf3 -J --get-server-output -c 10.0.9.2 -p " + (5201 + i) + " -t "
                        + duration.toSeconds() + " " + streams.get(i);
                clients.add(new ProcessBuilder(lab.a.in(line.split(" ")))
                        .redirectOutput(report.toFile())
                        .start());
            }
            int done = 0;
            while (clients.stream().allMatch(Process::isAlive)) {
                lab.b.csumbpf(commands.get(done % commands.size()).split(" ")).ok();
                done++;
            }
            long packets = 0;
            long lost = 0;
            long bytes = 0;
            long retransmits = 0;
            for (int i = 0; i < streams.size(); i++) {
                clients.get(i).waitFor();
                JsonNode report = Host.parse(Files.readString(reports.get(i)));
                assertThat(report.has("error"))
                        .as("iperf3 %s: %s", streams.get(i), report.get("error"))
                        .isFalse();
                JsonNode end = report.get("end");
                if (streams.get(i).startsWith("-u")) {
                    packets += end.at("/sum/packets").asLong();
                    lost += end.at("/sum/lost_packets").asLong();
                    System.out.println("lost of '" + streams.get(i) + "':" + whenLost(report));
                } else {
                    bytes += end.at("/sum_received/bytes").asLong();
                    retransmits += end.at("/sum_sent/retransmits").asLong();
                }
            }
            return new Run(
                    done,
                    packets,
                    lost,
                    Overruns.now(lab).since(overruns),
                    xfrmErrors(lab) - xfrmErrors,
                    bytes,
                    retransmits,
                    badChecksums(lab) - bad);
        } finally {
            clients.forEach(Process::destroy);
            servers.forEach(Process::destroy);
            for (Path report : reports) {
                Files.delete(report);
            }
        }
    }

    /** How many datagrams were lost in which seconds, as the receiver knows. */
    private static String whenLost(JsonNode report) {
        StringBuilder lost = new StringBuilder();
        for (JsonNode intervals : List.of(report.path("intervals"), report.at("/server_output_json/intervals"))) {
            for (JsonNode interval : intervals) {
                // If datagrams overtake one another, iperf3 subtracts them again, even below 0.
                double count = interval.at("/sum/lost_packets").asDouble();
                if (count > 0 && count < Integer.MAX_VALUE) {
                    lost.append(' ')
                            .append((long) count)
                            .append(" at ")
                            .append(interval.at("/sum/start").asInt())
                            .append(" s");
                }
            }
        }
        return lost.isEmpty() ? " none" : lost.toString();
    }

    private static long badChecksums(EspLab lab) {
        return HostCounters.snmp(lab.a, "UdpInCsumErrors") + HostCounters.snmp(lab.b, "UdpInCsumErrors");
    }

    private static long xfrmErrors(EspLab lab) {
        long errors = 0;
        for (Host host : List.of(lab.a, lab.b)) {
            for (String counter :
                    host.run("cat", "/proc/net/xfrm_stat").ok().out().split("\n")) {
                errors += Long.parseLong(counter.replaceAll("\\D+", ""));
            }
        }
        return errors;
    }

    /** What changes may accumulate in the kernel. */
    private record Kernel(List<Integer> objects, long memoryKb) {
        static Kernel now() {
            List<Integer> objects = new ArrayList<>();
            for (String kind : List.of("prog", "map", "link")) {
                objects.add(
                        Host.parse(Shell.run("bpftool", "-j", kind, "list").ok().out())
                                .size());
            }
            long memory = 0;
            for (String line : Shell.run("cat", "/proc/meminfo").ok().out().split("\n")) {
                if (line.startsWith("SUnreclaim:") || line.startsWith("Percpu:")) {
                    memory += Long.parseLong(line.replaceAll("\\D+", ""));
                }
            }
            return new Kernel(objects, memory);
        }
    }
}
