// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Swarm;

/**
 * What 'csumbpf doctor' says on both hosts of a Swarm, one after the other, while containers on its encrypted network ping
 * each other. The bundles stay with the job's results; those of RecordedCasesTest are from here.
 */
final class SwarmDoctor {
    private static final String SECONDS = "4";
    private static final String NETWORK = "secret";
    private static final String NOBODY = "/nosuch";

    private final Swarm swarm;

    SwarmDoctor(Swarm swarm) {
        this.swarm = swarm;
    }

    /** Nothing is wrong, on both hosts. */
    void findsNothing(String situation) {
        finds(situation, true, List.of(), "");
    }

    /** Both hosts have this error, and no other. */
    void finds(String id) {
        finds(id, true, List.of(id), "");
    }

    void findsWithoutDocker(String id) {
        finds(id + ".without-docker", false, List.of(id), "");
    }

    /** @param words that the evidence has */
    void finds(String id, String words) {
        finds(id, true, List.of(id), words);
    }

    /**
     * Nothing is wrong, on both hosts, as csumbpf sees it in a container there.
     *
     * @param task gives the container of a host
     */
    void findsNothingInTask(String situation, Function<Host, String> task) {
        whilePinging(host -> {
            JsonNode findings = Host.parse(swarm.docker(
                            host, "exec", task.apply(host), "csumbpf", "--json", "doctor", "--seconds", SECONDS))
                    .get("findings");
            String where = situation + ", on " + host.name + ", of " + findings.toPrettyString();
            assertThat(DoctorSays.ids(findings, "error"))
                    .as("errors, %s", where)
                    .isEmpty();
            assertThat(findings.findValuesAsText("id"))
                    .as("what could not be read, %s", where)
                    .doesNotContain("counters");
            assertThat(DoctorSays.ids(findings, "ok"))
                    .as("what is seen, %s", where)
                    .isNotEmpty();
        });
    }

    private void finds(String situation, boolean docker, List<String> ids, String words) {
        whilePinging(host -> {
            swarm.showNamespaces(host);
            try {
                Path bundle = Path.of(System.getenv("CSUMBPF_RESULTS"), situation + "." + host.name + ".json");
                JsonNode findings = findings(host, docker ? swarm.socket(host) : NOBODY, bundle);
                assertThat(findings)
                        .as("%s, on %s", situation, host.name)
                        .filteredOn(finding -> finding.get("severity").asText().equals("error"))
                        .allSatisfy(error ->
                                assertThat(error.get("evidence").asText()).contains(words))
                        .extracting(error -> error.get("id").asText())
                        .as("%s, errors on %s, of %s", situation, host.name, findings.toPrettyString())
                        .containsExactlyElementsOf(ids);
            } finally {
                swarm.hideNamespaces();
            }
        });
    }

    /** One host after the other. */
    private void whilePinging(Consumer<Host> look) {
        swarm.pings(NETWORK);
        try {
            Limit.pause(1000); // the first packets wait for neighbours
            look.accept(swarm.a);
            look.accept(swarm.b);
        } finally {
            swarm.quiet();
        }
    }

    /** In this JVM: another would take longer to start than the doctor to watch. */
    private static JsonNode findings(Host host, String docker, Path bundle) {
        Shell.Result result = Shell.here(
                "--netns",
                host.name,
                "--json",
                "doctor",
                "--seconds",
                SECONDS,
                "--docker",
                docker,
                "--bundle",
                bundle.toString());
        assertThat(result.code()).as(result.err()).isIn(0, 9);
        return Host.parse(result.out()).get("findings");
    }
}
