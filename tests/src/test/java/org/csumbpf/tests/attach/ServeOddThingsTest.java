// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A problem of one attachment costs {@code csumbpf serve} neither the other attachments nor descriptors. */
@Tag("root")
@Timeout(600)
class ServeOddThingsTest {
    /** -Dcsumbpf.serve.scrapes=10000 for the long run. */
    private static final int SCRAPES = Integer.getInteger("csumbpf.serve.scrapes", 2000);

    private static final String SERVE = """
            ip link set lo up
            csumbpf serve --listen 127.0.0.1:15555 >/run/log 2>&1 &
            until curl -sf http://127.0.0.1:15555/-/healthy >/dev/null; do sleep 0.1; done
            serve=$(pgrep -x java)
            """;

    /**
     * Besides a good attachment: one with a missing pin, one with another version's value, one without its namespace.
     */
    @Test
    void descriptorsStayFlat() {
        Shell.Result result = PrivateWorld.run(600, """
                for netns in good missing other gone; do
                	add $netns
                	csumbpf --netns $netns attach w1 --unverified --backstop never --hook clsact >/dev/null
                done
                rm $pins/$(stat -Lc %i /run/netns/missing)/*/peers
                config=$(ls $pins/$(stat -Lc %i /run/netns/other)/*/config)
                bpftool map update pinned $config key 0 0 0 0 value hex 12 b5 00 00 ff 01 00 00
                ip netns del gone
                """ + SERVE + """
                python3 - $serve SCRAPES <<-END
                	import http.client, os, sys
                	client = http.client.HTTPConnection("127.0.0.1", 15555)
                	def scrape():
                	    client.request("GET", "/metrics")
                	    answer = client.getresponse()
                	    return answer.read().decode() if answer.status == 200 else str(answer.status)
                	def descriptors():
                	    return len(os.listdir("/proc/%s/fd" % sys.argv[1]))
                	for _ in range(100): scrape()
                	before = descriptors()
                	for _ in range(int(sys.argv[2])): scrape()
                	print("descriptors", before, descriptors())
                	print(scrape())
                END
                cat /run/log
                """.replace("SCRAPES", Integer.toString(SCRAPES)));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        String[] descriptors = result.out().lines().findFirst().orElseThrow().split(" ");
        assertThat(Integer.parseInt(descriptors[2])).isLessThan(Integer.parseInt(descriptors[1]) + 8);
        assertThat(result.out())
                .contains(
                        "csumbpf_attached{interface=\"w1\",netns=\"good\"} 1.0",
                        "csumbpf_attached{interface=\"w1\",netns=\"missing\"} 1.0",
                        "csumbpf_attached{interface=\"w1\",netns=\"other\"} 1.0",
                        "csumbpf_rules{interface=\"w1\",netns=\"good\"} 1.0",
                        "missing/w1: a pin is missing",
                        "other/w1: another version of csumbpf made the attachment",
                        "/w1: network namespace not found")
                .doesNotContain("resolved: ", "csumbpf_rules{interface=\"w1\",netns=\"missing\"}");
    }

    /** A veth with one end outside shows when the namespace is gone, because it goes with it. */
    @Test
    void theNamespaceThatIsWatchedCanGo() {
        Shell.Result result = PrivateWorld.run("""
                add n
                csumbpf --netns n attach w1 --unverified --backstop never --hook tcx >/dev/null
                ip link add outside type veth peer inside netns n
                ip link set lo up
                csumbpf --netns n serve --listen 127.0.0.1:15555 >/run/log 2>&1 &
                get() { curl -sf http://127.0.0.1:15555/metrics | grep ^csumbpf_attached || true; }
                until curl -sf http://127.0.0.1:15555/-/healthy >/dev/null; do sleep 0.1; done
                get
                ip netns del n
                for i in $(seq 100); do
                	! ip link show outside >/dev/null 2>&1 || { sleep 0.1; continue; }
                	echo "gone"
                	break
                done
                get
                cat /run/log
                # Its successor by name is followed.
                add n
                csumbpf --netns n attach w1 --unverified --backstop never --hook tcx >/dev/null
                get
                """);
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains(
                        "gone\n",
                        "csumbpf_attached{interface=\"w1\",netns=\"n\"} 1.0",
                        "} 0.0",
                        "w1: network namespace not found; ");
        assertThat(result.out().strip()).endsWith("csumbpf_attached{interface=\"w1\",netns=\"n\"} 1.0");
    }

    /**
     * A mount over a pin keeps it from being read. serve reports no problem as over if it cannot read the attachment.
     */
    @Test
    void whatCannotBeReadIsCountedAndKeepsNobodysEvents() {
        Shell.Result result = PrivateWorld.run(
                """
                add n
                add m
                csumbpf --netns m attach w1 --unverified --backstop never >/dev/null
                csumbpf --netns n attach w1 --vni 4109 --backstop never --force >/dev/null 2>&1
                m=$(ls -d $pins/$(stat -Lc %i /run/netns/m)/*)
                n=$(ls -d $pins/$(stat -Lc %i /run/netns/n)/*)
                touch /run/over
                mount --bind /run/over $m/events
                rm $m/peers
                """ + SERVE + """
                get() { curl -sf http://127.0.0.1:15555/metrics | grep "$@" || true; }
                get ^csumbpf_read_failures
                sed -n '/^name: ipv4 observe, wrong checksum/,/^in:/s/^in: //p' CASES |
                	python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >/run/frame
                bpftool prog run pinned $n/program data_in /run/frame >/dev/null
                for i in $(seq 100); do
                	! grep -q event=plaintext /run/log || break
                	sleep 0.1
                done
                mount --bind /run/over $m/config
                get ^csumbpf_read_failures
                get -e ^csumbpf_attached
                cat /run/log
                """.replace("CASES", Shell.CHECKOUT + "/tests/src/test/resources/packets/cases.txt"));
        assertThat(result.code()).as(result.out() + result.err()).isZero();
        assertThat(result.out())
                .contains(
                        "csumbpf_read_failures_total 0.0",
                        "csumbpf_read_failures_total 1.0",
                        "csumbpf_attached{interface=\"w1\",netns=\"n\"} 1.0",
                        "m/w1: a pin is missing",
                        "event=plaintext netns=n",
                        "/config: EACCES")
                .doesNotContain("resolved: ", "cannot read events");
    }
}
