// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.doctor.Check;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.doctor.DoctorFinding.Severity;
import org.csumbpf.doctor.Examination;
import org.csumbpf.maps.Count;
import org.csumbpf.maps.Counters;
import org.csumbpf.maps.Outcome;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.maps.Senders;
import org.csumbpf.maps.Total;
import org.csumbpf.maps.Vni;
import org.csumbpf.pin.Location;
import org.csumbpf.snapshot.AttachmentView;
import org.junit.jupiter.api.Test;

class PageTest {
    private static final String HOSTILE = "<script>alert('x')</script>\"&\u001b[2J";

    private final AtomicReference<List<AttachmentView>> attachments = new AtomicReference<>(List.of());
    private final AtomicReference<Optional<Examination>> examination = new AtomicReference<>(Optional.empty());
    private final AtomicLong clock = new AtomicLong(1_000_000_000_000L);
    private final Page page = new Page(attachments::get, examination::get, clock::get, "1.2.3");

    private static AttachmentView view(String ifname, long repaired) {
        Counters counters = new Counters(Map.of(Outcome.REPAIRED, new Count(repaired, repaired * 100)));
        Count none = Count.NONE;
        return new AttachmentView(
                new Location(1, Optional.empty(), 2, ifname),
                AttachmentView.State.ATTACHED,
                Optional.empty(),
                Optional.empty(),
                Optional.of(new AttachmentView.Contents(
                        new RuleSet(4789, false, Optional.empty(), Map.of()),
                        Map.of(new Vni(5), counters),
                        Optional.of(Counters.NONE),
                        Map.of(),
                        Optional.empty(),
                        Map.of(Total.ESP, none, Total.NO_RULE, none, Total.MALFORMED, none),
                        PeerTable.NONE,
                        Senders.NONE,
                        Map.of(),
                        OptionalLong.empty())),
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                List.of());
    }

    @Test
    void nothingIsKnownAtFirst() throws IOException {
        String host = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        assertThat(page.html())
                .contains("<h1>" + host + "</h1>", "<title>" + host + ": csumbpf</title>", "csumbpf 1.2.3.")
                .contains("Nothing is attached.", "has not examined this host yet", "<a href=\"/metrics\">Metrics</a>")
                .doesNotContain("<script");
    }

    @Test
    void ratesAreThoseSinceThePageBefore() {
        attachments.set(List.of(view("eth0", 100)));
        assertThat(page.html()).contains("<code>", "100 packets</td>").doesNotContain("/s</td>");
        clock.addAndGet(10_000_000_000L);
        attachments.set(List.of(view("eth0", 150)));
        assertThat(page.html()).contains("150 packets<br>5.0/s</td>");
        clock.addAndGet(100_000_000L);
        assertThat(page.html()).as("at once again").doesNotContain("/s</td>");
        clock.addAndGet(3_600_000_000_000L);
        assertThat(page.html()).as("an hour later").doesNotContain("/s</td>");
    }

    @Test
    void namesAreText() {
        attachments.set(List.of(view(HOSTILE, 1)));
        examination.set(Optional.of(new Examination(
                List.of(new DoctorFinding(
                        Check.MANY_BEHIND_ONE,
                        Severity.ERROR,
                        HOSTILE,
                        "nodes " + HOSTILE,
                        "meaning",
                        List.of("nft", HOSTILE),
                        null)),
                Instant.ofEpochSecond(0))));
        assertThat(page.html())
                .contains("nodes &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\\x1b[2J")
                .contains("class=\"bad\">error</span>", "1970-01-01 00:00:00 UTC", "Next: <code>nft ")
                .doesNotContain("<script", "\u001b");
    }
}
