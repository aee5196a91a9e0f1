// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.csumbpf.doctor.HostState.Attachment;
import org.csumbpf.doctor.HostState.Device;
import org.csumbpf.doctor.HostState.Drop;
import org.csumbpf.doctor.HostState.Problem;
import org.csumbpf.doctor.HostState.Socket;
import org.csumbpf.snapshot.Fix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the doctor lets csumbpf itself do, and that it is nothing else. */
class FixTest {
    private static final Fix RESTORE = new Fix.Restore("", "eth0");
    private static final Fix GRO = new Fix.SwitchGroOn("", "eth0");

    private static Case wrongChecksums() {
        Case host = new Case();
        host.received = 0;
        host.counters.put("UdpInDatagrams", 0L);
        host.counters.put("UdpInCsumErrors", 10L);
        host.sockets.put(4789, new Socket(10, false));
        return host;
    }

    private static Case withoutSas() {
        Case host = new Case();
        host.received = 0;
        host.in = 0;
        host.out = 0;
        host.seen = List.of();
        host.saInGone = true;
        host.saOutGone = true;
        return host;
    }

    private static Problem problem(String id, Fix fix) {
        return new Problem(id, "gone", List.of("csumbpf", "restore", "eth0"), fix);
    }

    /** The fixes that are due, as 'csumbpf doctor --fix' takes them. */
    private static List<Fix> fixes(Case host) {
        return host.findings().stream()
                .filter(DoctorFinding::isToBeMended)
                .map(DoctorFinding::fix)
                .filter(fix -> fix != null)
                .toList();
    }

    @Test
    void attachesWhereNothingIsAttached() {
        assertThat(fixes(wrongChecksums())).containsExactly(new Fix.Attach("", "eth0", 4789));
    }

    @Test
    void leavesAloneWhatMayBeAttachedAndCouldNotBeRead() {
        Case host = wrongChecksums();
        host.notRead.put("attachments", "Operation not permitted");
        assertThat(fixes(host)).isEmpty();
        assertThat(host.findings().get(0).evidence()).doesNotContain("not attached");
    }

    @Test
    void attachesToNoDeviceByWhichOnlyOthersEspCame() {
        Case host = wrongChecksums();
        host.devices = List.of(
                new Device(2, "eth0", "", 1500, List.of(Case.OWN)),
                new Device(3, "eth1", "", 1500, List.of("10.5.0.1")));
        host.seen = List.of(
                new Seen("eth1", false, "198.51.100.9", "10.5.0.9", "0x0000aaaa", -1, 100, 152),
                new Seen("eth1", false, "198.51.100.9", Case.OWN, "0x0000aaaa", -1, 100, 152));
        assertThat(fixes(host)).containsExactly(new Fix.Attach("", "eth0", 4789));
    }

    @Test
    void attachesToNoneOfSeveralDevicesAndToNoDummy() {
        Case host = wrongChecksums();
        host.devices = List.of(
                new Device(2, "eth0", "", 1500, List.of()),
                new Device(3, "eth1", "", 1500, List.of()),
                new Device(4, "dummy0", "dummy", 1500, List.of(Case.OWN)));
        assertThat(fixes(host)).containsExactly(new Fix.Attach("", "eth0", 4789));
        host.seen = List.of(
                Case.esp(false, Case.PEER, Case.OWN, "0x00001001", 5),
                new Seen("eth1", false, Case.PEER, Case.OWN, "0x00001001", -1, 5, 152));
        assertThat(fixes(host)).isEmpty();
        host.seen = List.of();
        assertThat(fixes(host)).isEmpty();
    }

    @Test
    void attachesWithThePortOfTheOverlayAndInTheNamespaceThatIsJudged() {
        Case host = wrongChecksums();
        host.place = "n";
        host.port = 7789;
        host.policyPort = 7789;
        host.sockets.put(7789, new Socket(10, false));
        assertThat(fixes(host)).containsExactly(new Fix.Attach("n", "eth0", 7789));
        assertThat(host.findings().get(0).remedy())
                .isEqualTo(fixes(host).get(0).command())
                .containsExactly("csumbpf", "--netns", "n", "attach", "eth0", "--port", "7789");
    }

    @Test
    void attachesBeforeConntrackDrops() {
        Case host = new Case();
        host.received = 0;
        host.drops.add(new Drop("inet fw in", "ct state invalid counter packets 10 bytes 1340 drop", 10, false, true));
        assertThat(fixes(host)).containsExactly(new Fix.Attach("", "eth0", 4789));
    }

    @Test
    void doesNotGuessTheDevice() {
        Case host = wrongChecksums();
        host.seen = List.of();
        host.devices = List.of(
                new Device(2, "eth0", "", 1500, List.of(Case.OWN)), new Device(3, "eth1", "", 1500, List.of(Case.OWN)));
        assertThat(fixes(host)).isEmpty();
        assertThat(host.findings().get(0).remedy()).containsExactly("csumbpf", "attach", "eth0");
    }

    @Test
    void leavesAnAttachmentThatSomebodyWantsToObserve() {
        Case host = wrongChecksums();
        host.before.add(Case.attachment(0));
        host.attachments.add(new Attachment(
                "eth0",
                4789,
                true,
                0,
                10,
                0,
                0,
                null,
                List.of(problem("module_not_loaded", RESTORE)),
                List.of(),
                List.of()));
        assertThat(host.errors()).containsExactly("nat-checksum");
        assertThat(fixes(host)).isEmpty();
    }

    @Test
    void clearsTheWayToTheProgram() {
        Case host = wrongChecksums();
        host.attachments.add(Case.attachment(0, problem("module_not_loaded", RESTORE)));
        assertThat(fixes(host)).containsExactly(RESTORE);
        // restore refuses without GRO.
        host.attachments.add(Case.attachment(0, problem("gro_off", GRO)));
        assertThat(fixes(host)).containsExactly(GRO);
    }

    @Test
    void isNothingToAnAttachmentThatRepairs() {
        Case host = new Case();
        host.attachments.add(Case.attachment(10, problem("gro_off", GRO)));
        assertThat(fixes(host)).isEmpty();
    }

    @Test
    void restoresWhatIsLost() {
        for (String id : List.of("hook_lost", "pin_missing", "backstop_lost", "program_before", "module_harms")) {
            Case host = new Case();
            host.attachments.add(Case.attachment(0, problem(id, RESTORE)));
            assertThat(fixes(host)).as(id).containsExactly(RESTORE);
            host.attachments.set(0, Case.attachment(0, problem(id, null)));
            assertThat(fixes(host)).as(id + ", for a person").isEmpty();
        }
    }

    @Test
    void mendsTheCauseOnly() {
        Case host = wrongChecksums();
        host.attachments.add(Case.attachment(0, problem("hook_lost", RESTORE)));
        assertThat(host.findings()).anySatisfy(finding -> {
            assertThat(finding.check()).isEqualTo(Check.NAT_CHECKSUM);
            assertThat(finding.isToBeMended()).isFalse();
        });
        assertThat(fixes(host)).containsExactly(RESTORE);
    }

    @Test
    void loadsTheModuleOfMissingSas() {
        Case host = withoutSas();
        host.modules.put("esp4", "loadable");
        assertThat(host.errors()).containsExactly("sa-missing");
        assertThat(fixes(host)).containsExactly(new Fix.LoadModule("esp4"));
        host.disabled.put("esp4", "/etc/modprobe.d/x.conf: blacklist esp4");
        assertThat(fixes(host)).isEmpty();
    }

    @Test
    void aModuleThatIsThereIsNotWhatIsMissing() {
        for (String state : List.of("loaded", "built_in", "unavailable", "unknown")) {
            Case host = withoutSas();
            host.modules.put("esp4", state);
            assertThat(fixes(host)).as(state).isEmpty();
        }
    }

    /** What is a firewall's, Docker's, IPsec's or a device's is for a person. */
    @ParameterizedTest(name = "{index} {0}")
    @MethodSource("org.csumbpf.doctor.DoctorTest#breakages")
    void leavesAllElseToAPerson(String id, Consumer<Case> how) {
        Case host = new Case();
        how.accept(host);
        boolean attach = Set.of("nat-checksum", "conntrack-invalid").contains(id);
        assertThat(fixes(host))
                .containsExactlyElementsOf(attach ? List.of(new Fix.Attach("", "eth0", 4789)) : List.of());
    }

    @Test
    void aBundleCarriesNone(@TempDir Path folder) throws IOException {
        Case host = new Case();
        host.attachments.add(Case.attachment(0, problem("backstop_lost", RESTORE)));
        String text = Bundle.write("1.0", host.watch(), List.of(), false);
        assertThat(text).contains("backstop_lost").doesNotContain("\"fix\"");
        String evil = text.replace(
                "\"id\" : \"backstop_lost\"",
                "\"id\" : \"backstop_lost\", \"fix\" : {\"netns\" : \"\", \"ifname\" : \"eth0\"}");
        assertThat(evil).isNotEqualTo(text);
        for (String each : List.of(text, evil)) {
            Path file = Files.writeString(folder.resolve("case.json"), each);
            assertThat(Doctor.examine(Bundle.read(file).watch())).anySatisfy(finding -> {
                assertThat(finding.check()).isEqualTo(Check.BACKSTOP_LOST);
                assertThat(finding.fix()).isNull();
            });
        }
    }
}
