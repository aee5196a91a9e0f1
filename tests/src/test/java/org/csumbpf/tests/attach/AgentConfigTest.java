// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Predicate;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The agent under a configuration file, and SIGHUP. ConfigFileTest has what is wrong with files. */
@Tag("root")
class AgentConfigTest {
    private static final String ADDRESS = "10.0.0.2";

    @TempDir
    private Path folder;

    private Path file;
    private Lab lab;
    private FakeDocker docker;

    @BeforeEach
    void open() {
        file = folder.resolve("c.yaml");
        lab = new Lab();
        lab.ipIn("addr", "add", ADDRESS + "/24", "dev", "w1");
        docker = FakeDocker.ofSwarm(folder.resolve("docker.sock"), ADDRESS);
    }

    @AfterEach
    void close() {
        docker.close();
        lab.close();
    }

    private void write(String text) throws IOException {
        Files.writeString(file, "docker: {socket: " + folder.resolve("docker.sock") + "}\n" + text);
    }

    private ServeProcess agent(String... options) {
        return ServeProcess.agent(lab, Shell.join(new String[] {"--config", file.toString()}, options));
    }

    private String rules() {
        return lab.csumbpf("vni", "list", "w1").ok().out();
    }

    private void awaitRules(Predicate<String> wanted) {
        Limit.await(
                "rules",
                Limit.seconds(10),
                () -> lab.csumbpf("vni", "list", "w1").out(),
                wanted);
    }

    @Test
    void ruleByNameOfANetwork() throws IOException {
        docker.become(ADDRESS, "[" + network("web", 4097) + "]");
        write("rules: {networks: {web: {mode: observe}, later: {mode: zero}}}\n");
        try (ServeProcess agent = agent()) {
            assertThat(rules())
                    .contains("any vni: mode auto", "vni 4097 (web): mode observe")
                    .doesNotContain("zero");
            docker.become(ADDRESS, "[" + network("web", 4097) + "," + network("later", 4099) + "]");
            awaitRules(rules -> rules.contains("vni 4099 (later): mode zero"));
            docker.become(ADDRESS, "[" + network("later", 4099) + "]");
            awaitRules(rules -> !rules.contains("4097"));
        }
    }

    private static String network(String name, int vni) {
        return "{\"Name\":\"" + name + "\",\"Options\":{\"com.docker.network.driver.overlay.vxlanid_list\":\"" + vni
                + "\"}}";
    }

    @Test
    void interfacesOfTheFile() throws IOException {
        write("interfaces: {exclude: [10.0.0.0/8]}\n");
        try (ServeProcess agent = agent()) {
            assertThat(lab.statusMeanwhile()).isEmpty();
            agent.awaitLog(line -> line.contains("msg=\"left out by the configuration\" interfaces=w1"));
            write("interfaces: {include: ['w?']}\n");
            agent.hangUp();
            Limit.await("attached", Limit.seconds(10), lab::statusMeanwhile, Optional::isPresent);
            write("interfaces: {include: [w2]}\n");
            agent.hangUp();
            agent.awaitLog(line -> line.contains("changed=interfaces.include"));
            Limit.pause(1000);
            assertThat(lab.statusMeanwhile()).as("kept for 10 minutes").isPresent();
            write("interfaces: {exclude: [w1]}\n");
            agent.hangUp();
            Limit.await("detached at once", Limit.seconds(10), lab::statusMeanwhile, Optional::isEmpty);
        }
    }

    @Test
    void aGoodFileCountsAtOnceAndABadOneNever() throws IOException {
        write("rules: {default: {mode: observe}}\n");
        try (ServeProcess agent = agent()) {
            assertThat(rules()).contains("mode observe");
            double started = agent.value("csumbpf_config_last_reload_success_timestamp_seconds");
            assertThat(agent.value("csumbpf_config_last_reload_successful")).isEqualTo(1);
            write("rules: {default: {mode: obsrve}}\nprot: 5\n");
            agent.hangUp();
            agent.awaitLog(line -> line.contains("configuration not reloaded") && line.contains(file + ":3: "));
            assertThat(agent.log())
                    .filteredOn(line -> line.contains("configuration not reloaded"))
                    .hasSize(2)
                    .anyMatch(line -> line.contains(file + ":2: "));
            assertThat(rules()).contains("mode observe");
            assertThat(agent.value("csumbpf_config_last_reload_successful")).isZero();
            assertThat(agent.value("csumbpf_config_last_reload_success_timestamp_seconds"))
                    .isEqualTo(started);
            write("rules: {default: {mode: recompute}, vnis: {7-9: {mode: zero}}}\nmetrics: {max-peers: 9}\n");
            agent.hangUp();
            awaitRules(rules -> rules.contains("any vni: mode recompute") && rules.contains("vni 7-9: mode zero"));
            assertThat(agent.value("csumbpf_config_last_reload_successful")).isEqualTo(1);
            assertThat(agent.value("csumbpf_config_last_reload_success_timestamp_seconds"))
                    .isGreaterThan(started);
            agent.awaitLog(line -> line.contains("started again") && line.contains("metrics.max-peers"));
        }
    }

    @Test
    void optionsOverrideTheFileAlsoWhenItIsReadAgain() throws IOException {
        write("port: 4790\nrules: {default: {mode: observe, plaintext: drop}}\n");
        try (ServeProcess agent = agent("--mode", "zero")) {
            assertThat(rules()).contains("port 4790", "mode zero", "plaintext drop");
            write("port: 4791\nrules: {default: {mode: observe}}\n");
            agent.hangUp();
            awaitRules(rules ->
                    rules.contains("port 4791") && rules.contains("mode zero") && rules.contains("plaintext pass"));
        }
    }

    @Test
    void takesOverWhatAPersonMadeIfItShall() throws IOException {
        lab.csumbpf("attach", "w1", "--vni", "7", "--mode", "observe").ok();
        write("");
        try (ServeProcess agent = agent()) {
            assertThat(rules()).contains("observe");
            write("interfaces: {manage-existing: true}\n");
            agent.hangUp();
            awaitRules(rules -> rules.contains("any vni: mode auto") && !rules.contains("observe"));
            assertThat(agent.log()).anyMatch(line -> line.contains("made by hand"));
        }
    }

    @Test
    void doesNotStartWithoutItsFile() throws IOException {
        Shell.Result missing = lab.csumbpf("agent", "--config", file.toString());
        assertThat(missing.code()).isEqualTo(11);
        assertThat(missing.err()).isEqualTo(file + ": there is no such file\n");
        write("a: 1\nb: 2\n");
        Shell.Result bad = lab.csumbpf("agent", "--config", file.toString());
        assertThat(bad.code()).isEqualTo(11);
        assertThat(bad.err().lines()).hasSize(2).allMatch(line -> line.startsWith(file + ":"));
    }
}
