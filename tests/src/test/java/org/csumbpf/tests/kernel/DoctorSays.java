// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Pings;
import org.csumbpf.tests.lab.Shell;

/** What 'csumbpf doctor --json' prints on the hosts of a lab. */
final class DoctorSays {
    static final String A = "10.0.9.1";
    static final String B = "10.0.9.2";
    /** Data of a ping that fits every MTU. */
    static final int SMALL = 56;

    static final String NO_DOCKER = "/nosuch";
    private static final String SECONDS = "4";

    private DoctorSays() {}

    /** What doctor prints on a, and with these options on b. */
    static Map<Host, JsonNode> whilePinging(EspLab lab, int size, String... options) {
        Map<Host, JsonNode> said = new ConcurrentHashMap<>();
        try (Pings there = new Pings(lab.a, B, size);
                Pings back = new Pings(lab.b, A, size)) {
            Limit.pause(1000); // SAs and devices are new, and the first packets find that out
            lab.onBoth(host -> said.put(host, doctor(host, NO_DOCKER, host == lab.b ? options : new String[0])));
        }
        return said;
    }

    static JsonNode doctor(Host host, String docker, String... options) {
        Shell.Result result = host.csumbpf(
                Shell.join(new String[] {"--json", "doctor", "--seconds", SECONDS, "--docker", docker}, options));
        JsonNode tree = Host.parse(result.out());
        JsonNode findings = tree.get("findings");
        result.ended(ids(findings, "error").isEmpty() ? 0 : 9);
        for (JsonNode finding : findings) {
            List<String> keys = new ArrayList<>();
            finding.fieldNames().forEachRemaining(keys::add);
            assertThat(keys).contains("id", "severity", "subject", "evidence", "meaning", "remedy", "follows_from");
        }
        return tree;
    }

    /** In the order in which they are named. */
    static Set<String> ids(JsonNode findings, String severity) {
        Set<String> ids = new LinkedHashSet<>();
        for (JsonNode finding : findings) {
            if (finding.get("severity").asText().equals(severity)) {
                ids.add(finding.get("id").asText());
            }
        }
        return ids;
    }
}
