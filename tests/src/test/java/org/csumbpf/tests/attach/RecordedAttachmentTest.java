// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.csumbpf.loader.BpfObject;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.UpdateFlag;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.loader.host.PrivateDirectory;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.tests.lab.Case;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What an attachment's record is for: to recognise the device, to restore what was asked for, and to undo just what
 * attach did.
 */
@Tag("root")
@Timeout(180)
class RecordedAttachmentTest {
    /**
     * Each program by its number, because the tests of another process load programs of this name, too. The kernel frees
     * one a moment after its last reference is gone.
     */
    private static final String PROGRAMS = """
            program() { csumbpf "$@" status --json | python3 -c 'import json, sys
            print(json.load(sys.stdin)["attachments"][0]["program_id"])'; }
            freed() {
            	local i
            	for i in $(seq 50); do
            		bpftool prog show id "$1" >/dev/null 2>&1 || return 0
            		sleep 0.1
            	done
            	echo "program $1 is still there"
            	return 1
            }
            hide_libnftables() { for file in /usr/lib/*/libnftables.so.1*; do mount --bind /dev/null "$file"; done; }
            show_libnftables() { for file in /usr/lib/*/libnftables.so.1*; do umount "$file"; done; }
            """;

    private static Shell.Result run(String script) {
        return PrivateWorld.run(PROGRAMS + script);
    }

    private static String passed(String script) {
        Shell.Result result = run(script);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        return result.err() + result.out();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void aDeviceThatIsMadeAnewIsAnother(String hook) {
        String said = passed("""
                add n
                csumbpf --netns n attach w1 --unverified --hook %s
                first=$(program --netns n)
                ip -n n link del w1
                ip -n n link add w0 type veth peer w1
                csumbpf --netns n attach w1 --unverified --hook %s
                echo ---
                csumbpf status
                freed $first
                second=$(program --netns n)
                csumbpf --netns n detach w1
                csumbpf status
                freed $second
                """.formatted(hook, hook));
        assertThat(said).contains("removed what was left of n/w1, which is gone", "nothing is attached");
        assertThat(said.substring(said.indexOf("---")))
                .containsOnlyOnce(": attached (")
                .doesNotContain("gone");
    }

    /**
     * The kernel gives out namespace inodes and ifindexes again, so pins of an old namespace may lie where those of a
     * new one belong.
     */
    @ParameterizedTest
    @ValueSource(strings = {"tcx", "clsact"})
    void nothingOfAnotherNamespaceIsUndone(String hook) {
        String said = passed("""
                add n
                inode=$(stat -c %%i /run/netns/n)
                index=$(ip -n n -o link show w1 | cut -d: -f1)
                ip netns exec n ethtool -K w1 gro off
                csumbpf --netns n attach w1 --unverified --enable-gro --hook %s
                ip netns del n
                ip netns add n
                now=$(stat -c %%i /run/netns/n)
                # On a busy machine another one may have got it.
                [ $now = $inode ] || mv $pins/$inode $pins/$now
                ip -n n link add w0 type veth peer w1 index $index
                ip -n n link set w0 up
                ip -n n link set w1 up
                ip netns exec n ethtool -K w1 gro on
                tc -n n qdisc add dev w1 clsact
                fails 9 csumbpf status
                echo ---
                csumbpf --netns n attach w1 --unverified --vni 5
                csumbpf status
                csumbpf --netns n detach w1
                csumbpf status
                ip netns exec n ethtool -k w1 | grep generic-receive-offload
                tc -n n qdisc show dev w1
                """.formatted(hook));
        String before = said.substring(0, said.indexOf("---"));
        String after = said.substring(said.indexOf("---"));
        assertThat(before).contains("network namespace gone").doesNotContain("attach switched GRO on\nw1");
        assertThat(after)
                .contains("w1: attached", "vni 5", "nothing is attached", "generic-receive-offload: on", "qdisc clsact")
                .doesNotContain("switched GRO off", "removed the clsact qdisc");
    }

    @ParameterizedTest
    @CsvSource({"restore", "attach"})
    void aDeviceThatIsMovedIsFollowed(String command) {
        String said =
                passed("""
                add n
                ip netns add m
                csumbpf --netns n attach w1 --unverified --vni 5,6 --mode observe --hook tcx
                ip -n n link set w1 netns m name q1
                fails 9 csumbpf status
                csumbpf --netns m %s q1 %s
                echo ---
                csumbpf status
                nsenter --net=/run/netns/n nft list ruleset
                moved=$(program --netns m)
                csumbpf --netns m detach q1
                csumbpf status
                freed $moved
                """.formatted(command, command.equals("attach") ? "--unverified --vni 5,6 --mode observe" : ""));
        assertThat(said)
                .contains(
                        "the interface was moved to network namespace m as q1; 'csumbpf --netns m restore q1' moves the attachment, too",
                        "q1: moved the attachment to where the interface is now");
        assertThat(said.substring(said.indexOf("---")))
                .contains("m/q1: attached", "vni 5-6: mode observe", "nothing is attached")
                .doesNotContain("moved", "table ip csumbpf");
    }

    /** The move removes the filter. restore removes the backstop in the old namespace. */
    @Test
    void aDeviceThatIsMovedLosesItsFilterAndGetsItAgain() {
        String said = passed("""
                add n
                ip netns add m
                csumbpf --netns n attach w1 --vni 5 --force --hook clsact
                nsenter --net=/run/netns/n nft list ruleset | grep -c 'csumbpf attach'
                ip -n n link set w1 netns m
                fails 9 csumbpf status
                csumbpf restore --all
                echo ---
                csumbpf status
                nsenter --net=/run/netns/n nft list ruleset | grep csumbpf || echo clean
                csumbpf detach --all
                nsenter --net=/run/netns/m nft list ruleset | grep csumbpf || echo clean
                """);
        assertThat(said.substring(said.indexOf("---")))
                .contains("m/w1: attached (clsact", "vni 5: mode auto", "clean")
                .contains("m/w1: detached");
        assertThat(said).contains("interface moved");
        assertThat(said.split("clean\n")).hasSizeGreaterThanOrEqualTo(2);
    }

    @Test
    void whatCannotBeUndoneStaysRecorded() {
        String said = passed("""
                add n
                csumbpf --netns n attach w1 --vni 5 --force
                hide_libnftables
                fails 7 csumbpf --netns n detach w1
                fails 7 csumbpf detach --all
                fails 9 csumbpf status
                show_libnftables
                hooks /run/netns/n | grep -q 'csumbpf attach'
                echo ---
                csumbpf --netns n detach w1
                csumbpf status
                hooks /run/netns/n
                """);
        assertThat(said)
                .contains(
                        "csumbpf detach: w1: ",
                        "cannot be loaded; what is not undone stays recorded; run 'apt install libnftables1'; "
                                + "run 'csumbpf --netns n detach w1' again",
                        "n/w1: half made",
                        "attach added chains to the nftables")
                .contains("the pins that are left have no rules; 'csumbpf --netns n detach w1' removes the pins");
        assertThat(said.substring(said.indexOf("---")))
                .contains("removed the nftables backstop", "nothing is attached")
                .doesNotContain("table ip csumbpf", "clsact");
    }

    /** The next attachment takes over what could not be undone, and undoes it. */
    @Test
    void whatCouldNotBeUndoneIsOfTheNextAttachment() {
        String said = passed("""
                add n
                csumbpf --netns n attach w1 --vni 5 --force
                hide_libnftables
                fails 7 csumbpf --netns n detach w1
                csumbpf --netns n attach w1 --vni 6 --force --backstop never
                show_libnftables
                csumbpf --netns n detach w1
                csumbpf status
                hooks /run/netns/n
                """);
        assertThat(said).endsWith("nothing is attached\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            pins   | clsact | rm -r $pins/*/*
            bpffs  | clsact | umount /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf
            bpffs  | tcx    | umount /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf
            """)
    void rulesInForceAreFoundWithoutPins(String lost, String hook, String lose) {
        String said = passed("""
                add n
                csumbpf --netns n attach w1 --vni 5 --force --hook %s
                %s
                fails 9 csumbpf --netns n status
                csumbpf --netns n attach w1 --vni 5 --force --hook %s
                echo ---
                csumbpf status
                csumbpf --netns n detach w1
                csumbpf status
                hooks /run/netns/n
                """.formatted(hook, lose, hook));
        if (hook.equals("clsact")) {
            assertThat(said.substring(0, said.indexOf("---"))).contains("n/w1: attached (clsact", "a pin is missing");
        }
        assertThat(said.substring(said.indexOf("---")))
                .contains("n/w1: attached", "attach added chains", "nothing is attached")
                .doesNotContain("unavailable")
                .endsWith("nothing is attached\n");
    }

    /** In any namespace: with a name, bind-mounted elsewhere, or held by a process. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            pins  | rm -rf $pins
            bpffs | while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
            """)
    void whatLostAllPinsIsFoundWithoutANamespaceBeingNamed(String lost, String lose) {
        String said = passed("""
                lose() { %s; }
                for name in n mounted held; do
                	add $name
                	csumbpf --netns $name attach w1 --vni 5 --force --hook clsact >/dev/null
                done
                touch /run/elsewhere
                mount --bind /run/netns/mounted /run/elsewhere
                nsenter --net=/run/netns/held sleep 1000 &
                while [ /proc/$!/ns/net -ef /proc/self/ns/net ]; do sleep 0.05; done
                umount /run/netns/mounted /run/netns/held
                rm /run/netns/mounted /run/netns/held
                lose
                fails 9 csumbpf status
                # Who may not enter them sees none, and no error either.
                setpriv --bounding-set=-all,+bpf,+net_admin,+perfmon --inh-caps=-all %s status
                echo --- restored
                csumbpf restore --all
                csumbpf status
                lose
                echo --- changed
                csumbpf --netns n vni add w1 6
                lose
                echo --- detached
                csumbpf --netns n detach w1
                lose
                csumbpf detach --all
                csumbpf status
                hooks /run/netns/n
                hooks /run/elsewhere
                hooks /proc/$!/ns/net
                """.formatted(lose, Shell.line(Shell.csumbpf())));
        String[] parts = said.split("--- \\w+\n");
        assertThat(parts[0].split("a pin is missing", -1)).as(parts[0]).hasSize(4);
        assertThat(parts[0]).contains("n/w1: attached (clsact").endsWith("nothing is attached\n");
        assertThat(parts[1].split("w1: attached \\(clsact", -1)).hasSize(4);
        assertThat(parts[1]).contains("n/w1: everything is in place").doesNotContain("a pin is missing");
        assertThat(parts[2]).contains("added vni 6");
        assertThat(parts[3]).startsWith("w1: detached\n").endsWith("nothing is attached\n");
        assertThat(parts[3].split(": detached\n", -1)).hasSize(4);
    }

    /** As in a container with its own bpffs: the pins there are not lost, so nothing is created or removed for them. */
    @Test
    void whatIsPinnedInAnotherMountNamespaceIsLeftAlone() {
        String said = passed("""
                add n
                unshare --mount --pid --fork --mount-proc bash -c '
                	mount -t bpf bpf /sys/fs/bpf
                	%s --netns n attach w1 --vni 5 --force --hook clsact >/dev/null
                	touch /run/ready
                	sleep 1000
                ' &
                while [ ! -e /run/ready ]; do sleep 0.05; done
                csumbpf status
                csumbpf detach --all
                hooks /run/netns/n
                """.formatted(Shell.line(Shell.csumbpf())));
        assertThat(said)
                .startsWith("nothing is attached\nnothing is attached\n")
                .contains("filter protocol all pref 17 bpf", "csumbpf attach");
    }

    /** If a tcx attachment is pinned in another mount namespace, only its rules can be seen. They are not left over. */
    @Test
    void rulesOfWhatIsPinnedInAnotherMountNamespaceAreLeftAlone() {
        String said = passed("""
                add n
                unshare --mount --pid --fork --mount-proc bash -c '
                	mount -t bpf bpf /sys/fs/bpf
                	%s --netns n attach w1 --vni 5 --force --hook tcx --backstop always >/dev/null
                	touch /run/ready
                	sleep 1000
                ' &
                while [ ! -e /run/ready ]; do sleep 0.05; done
                csumbpf --netns n status
                csumbpf --netns n detach --all
                fails 6 csumbpf --netns n detach w1
                hooks /run/netns/n
                """.formatted(Shell.line(Shell.csumbpf())));
        assertThat(said).contains("nothing is attached\nnothing is attached\n", "csumbpf attach");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            hook    | tc -n n filter del dev w1 ingress
            qdisc   | tc -n n qdisc del dev w1 clsact
            rules   | nsenter --net=/run/netns/n nft flush ruleset
            a pin   | rm $pins/*/*/program
            a map   | rm $pins/*/*/config
            record  | rm $pins/*/*/attachment
            """)
    void restorePutsBackWhatWasAskedFor(String lost, String lose) {
        String said = passed("""
                add n
                csumbpf --netns n attach w1 --vni 100 --mode observe --port 4790 --force --hook clsact --plaintext drop
                csumbpf --netns n vni add w1 200 --mode recompute
                csumbpf --netns n --json status >/run/before
                %s
                fails 9 csumbpf status
                advice=$(csumbpf status | sed -n "s/.*'\\(csumbpf [^']*restore w1\\)'.*/\\1/p" | head -n 1)
                echo "advice: $advice"
                eval "$advice"
                echo ---
                csumbpf status
                csumbpf --netns n restore w1
                csumbpf --netns n detach w1
                csumbpf status
                hooks /run/netns/n
                """.formatted(lose));
        assertThat(said).contains("advice: csumbpf --netns n restore w1").doesNotContain("half made");
        if (lost.equals("hook") || lost.equals("qdisc")) {
            assertThat(said).contains("n/w1: hook lost");
        }
        assertThat(said.substring(said.indexOf("---")))
                .contains("n/w1: attached (clsact", "port 4790", "vni 100: mode observe, plaintext drop")
                .contains("vni 200: mode recompute", "w1: everything is in place")
                .doesNotContain("pin is missing", "not attached to its hook", "backstop does not work")
                .endsWith("nothing is attached\n");
    }

    @Test
    void rulesThatDoNotFitAreRefusedBeforeAnythingChanges() {
        String said = passed("""
                add n
                csumbpf --netns n attach w1 --vni 0-32767 --force >/dev/null
                nsenter --net=/run/netns/n nft list ruleset >/run/before
                fails 7 csumbpf --netns n attach w1 --vni 32768-65535 --force
                fails 7 csumbpf --netns n vni add w1 40000-50000
                fails 2 csumbpf --netns n attach w1 --vni 0-40000 --force
                nsenter --net=/run/netns/n nft list ruleset | cmp - /run/before
                csumbpf --netns n vni list
                """);
        assertThat(said).contains("E2BIG", "vni 0-32767: mode auto");
        assertThat(said.lines().filter(line -> line.contains("E2BIG"))).hasSize(2);
    }

    @Test
    void restoreWithoutAnAttachmentSaysSo() {
        String said = passed("""
                add n
                fails 6 csumbpf --netns n restore w1
                fails 4 csumbpf --netns n restore nothere
                fails 2 csumbpf restore
                csumbpf restore --all
                csumbpf --json restore --all
                """);
        assertThat(said).contains("csumbpf is not attached to w1", "nothing is attached", "\"restored\"");
    }

    /**
     * An attachment by a version without layout version, identity and options. It is read, it repairs, and it is
     * migrated.
     */
    @Test
    void anAttachmentOfLayout1IsMigrated() throws IOException {
        boolean mounted = Bpffs.ensureMounted(Bpffs.DEFAULT);
        try (Lab lab = new Lab(false)) {
            attachAsLayout1(lab, layout1());
            JsonNode status = lab.status().orElseThrow();
            assertThat(status.get("state").asText()).isEqualTo("attached");
            assertThat(status.get("problems")).isEmpty();
            assertThat(lab.rules()).containsExactly("any observe");
            int before = status.at("/program_id").asInt();

            lab.csumbpf("restore", "w1").ok();
            try (RawMap record = RawMap.fromPin(lab.pins().resolve("attachment"))) {
                assertThat(record.info().valueSize()).isEqualTo(104);
            }
            status = lab.status().orElseThrow();
            assertThat(status.at("/program_id").asInt()).isNotEqualTo(before);
            assertThat(status.get("problems")).isEmpty();
            assertThat(lab.rules()).containsExactly("any observe");
            assertThat(lab.csumbpf("restore", "w1").ok().out()).contains("everything is in place");
            lab.csumbpf("detach", "w1").ok();
            assertThat(lab.traces()).isEmpty();
        } finally {
            if (mounted) {
                // csumbpf's code mounted bpffs, so the last detach unmounts it, although a test asked for the mount.
                Case.takeDownLater(() -> {
                    if (Bpffs.isMounted(Bpffs.DEFAULT)) {
                        Bpffs.unmount(Bpffs.DEFAULT);
                    }
                });
            }
        }
    }

    static void attachAsLayout1(Lab lab, byte[] layout1) {
        int ifindex = lab.ifindex("w1");
        PrivateDirectory.ensure(Bpffs.DEFAULT.resolve("csumbpf"));
        PrivateDirectory.ensure(lab.pins().getParent());
        PrivateDirectory.ensure(lab.pins());
        try (BpfObject object = BpfObject.open(layout1, "csumbpf")) {
            object.skipProgram("csumbpf_detour");
            object.load();
            try (BpfProgram program = object.program("csumbpf")) {
                for (String name : CsumbpfMaps.PINNED) {
                    try (RawMap map = object.map(name)) {
                        program.bindMap(map);
                        map.pin(lab.pins().resolve(name));
                    }
                }
                program.pin(lab.pins().resolve("program"));
                write(
                        object,
                        "config",
                        8,
                        value -> value.put(0, (byte) (4789 >> 8))
                                .put(1, (byte) 4789)
                                .put(4, (byte) 3)
                                .put(5, (byte) 5)); // observe; valid and unverified
                write(
                        object,
                        "attachment",
                        80,
                        value -> value.putInt(0, ifindex)
                                .putInt(4, 1) // tcx
                                .putInt(12, 2) // backstop never
                                .putLong(16, 1)
                                .put(24, "w1".getBytes(StandardCharsets.US_ASCII)));
                lab.call(() -> {
                    try (TcxLink link = TcxLink.attachFirst(program, ifindex)) {
                        link.pin(lab.pins().resolve("link"));
                    }
                    return null;
                });
            }
        }
    }

    private static void write(BpfObject object, String name, int size, Consumer<ByteBuffer> content) {
        try (RawMap map = object.map(name)) {
            ByteBuffer key = ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder());
            ByteBuffer value = ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
            assertThat(map.valueBufferSize()).isEqualTo(size);
            content.accept(value);
            map.update(key, value, UpdateFlag.ANY);
        }
    }

    /** A tcx program ends with its link's pin. Its nftables rules stay, are reported, and are adopted or removed. */
    @ParameterizedTest
    @ValueSource(strings = {"detach w1", "detach --all", "attach w1 --force --vni 5 --backstop always"})
    void rulesWithoutPinsAreNotForgotten(String command) {
        String output = passed("""
                add n
                csumbpf --netns n attach w1 --force --vni 5 --hook tcx --backstop always >/dev/null
                rm -r $pins
                fails 9 csumbpf --netns n status
                [ "$(csumbpf --netns n status --json | python3 -c 'import json, sys
                a, = json.load(sys.stdin)["attachments"]
                print(a["state"], *[f["id"] for f in a["findings"]])')" = "hook_lost hook_lost" ]
                csumbpf --netns n %s
                case "%s" in attach*) csumbpf --netns n status w1; csumbpf --netns n detach w1 ;; esac
                [ -z "$(ip netns exec n nft list ruleset)" ]
                csumbpf --netns n status
                """.formatted(command, command));
        assertThat(output)
                .contains("all pins and the program are lost", "'csumbpf --netns n attach w1' attaches again")
                .contains("w1: removed the nftables backstop")
                .endsWith("nothing is attached\n");
    }

    /** The program, compiled with the record of layout 1. */
    static byte[] layout1() throws IOException {
        Path sources = Files.createTempDirectory("layout1");
        try {
            Shell.run("cp", "-r", Shell.CHECKOUT.resolve("bpf") + "/.", sources.toString())
                    .ok();
            Path header = sources.resolve("csumbpf.h");
            String text = Files.readString(header);
            int from = text.indexOf("struct csumbpf_attachment {");
            int to = text.indexOf("};", from);
            text = text.substring(0, from)
                    + "struct csumbpf_attachment { __u32 ifindex; __u32 hook; __u32 changes; __u32 backstop; __u64 attached_ns;"
                    + " char ifname[16]; struct csumbpf_drop_baseline baseline; "
                    + text.substring(to).replace("csumbpf_attachment, 104", "csumbpf_attachment, 80");
            Files.writeString(header, text);
            Path object = sources.resolve("layout1.o");
            String multiarch = Shell.run("gcc", "-print-multiarch").ok().out().strip();
            Shell.run(
                            "clang",
                            "-O2",
                            "-g",
                            "-mcpu=v3",
                            "-target",
                            "bpf",
                            "-idirafter",
                            "/usr/include/" + multiarch,
                            "-c",
                            sources.resolve("csumbpf.bpf.c").toString(),
                            "-o",
                            object.toString())
                    .ok();
            return Files.readAllBytes(object);
        } finally {
            Shell.run("rm", "-r", sources.toString());
        }
    }
}
