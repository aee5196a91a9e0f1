// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.csumbpf.config.AgentConfig;
import org.csumbpf.config.ConfigSource;
import org.csumbpf.config.Key;
import org.csumbpf.config.Origin;
import org.csumbpf.maps.Mode;
import org.csumbpf.serve.ServeLog;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A good file counts, a bad one changes nothing. AgentConfigTest has the signal. */
class ReloadTest {
    @TempDir
    private Path folder;

    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private Path file;
    private Reload reload;
    private long now = 5000;

    @BeforeEach
    void start() throws IOException {
        file = folder.resolve("c.yaml");
        write("interfaces: {keep: 1m}\nmetrics: {max-peers: 3}\n");
        ConfigSource source = ConfigSource.of(Optional.of(file), this::options);
        PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);
        reload = new Reload(source, source.load(), new ServeLog(ServeLog.Format.TEXT, out), registry, () -> now);
    }

    private AgentConfig options(AgentConfig config) {
        return config.with(Key.MODE, Mode.OBSERVE, new Origin.Option("--mode"));
    }

    private void write(String text) throws IOException {
        Files.writeString(file, text);
    }

    private List<String> log() {
        List<String> lines = written.toString(StandardCharsets.UTF_8).lines().toList();
        written.reset();
        return lines;
    }

    private double gauge(String name) {
        return registry.get(name).gauge().value();
    }

    @Test
    void aGoodFile() throws IOException {
        assertThat(gauge("csumbpf.config.last.reload.successful")).isEqualTo(1);
        assertThat(gauge("csumbpf.config.last.reload.success.timestamp")).isEqualTo(5);
        now = 9500;
        write(
                "interfaces: {keep: 2m}\nmetrics: {max-peers: 3}\nrules: {default: {mode: zero}, vnis: {5: {mode: zero}}}\n");
        assertThat(reload.reload()).isTrue();
        assertThat(reload.get().get(Key.KEEP)).isEqualTo(Duration.ofMinutes(2));
        assertThat(reload.get().get(Key.MODE))
                .as("the option overrides it again")
                .isEqualTo(Mode.OBSERVE);
        assertThat(gauge("csumbpf.config.last.reload.success.timestamp")).isEqualTo(9.5);
        assertThat(log())
                .singleElement()
                .asString()
                .endsWith("level=info msg=\"configuration reloaded\" changed=\"interfaces.keep rules\"");
    }

    @Test
    void aBadFileChangesNothing() throws IOException {
        now = 9500;
        write("port: 0\nkeep: 5\n");
        assertThat(reload.reload()).isFalse();
        assertThat(reload.get().get(Key.KEEP)).isEqualTo(Duration.ofMinutes(1));
        assertThat(gauge("csumbpf.config.last.reload.successful")).isZero();
        assertThat(gauge("csumbpf.config.last.reload.success.timestamp")).isEqualTo(5);
        assertThat(log())
                .hasSize(2)
                .allMatch(line -> line.contains("level=error msg=\"configuration not reloaded\""))
                .anyMatch(line -> line.contains(file + ":1: port: 0 is out of range"))
                .anyMatch(line -> line.contains(file + ":2: unknown key 'keep'"));
        Files.delete(file);
        assertThat(reload.reload()).isFalse();
        assertThat(log()).singleElement().asString().contains("there is no such file");
        write("");
        assertThat(reload.reload()).isTrue();
        assertThat(gauge("csumbpf.config.last.reload.successful")).isEqualTo(1);
    }

    /** Whoever writes it anew may have removed it first. The agent would attach to what the file excludes. */
    @Test
    void theDefaultFileIsGone() throws IOException {
        ConfigSource source = new ConfigSource(file, false, config -> config);
        PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);
        reload = new Reload(
                source, source.load(), new ServeLog(ServeLog.Format.TEXT, out), new SimpleMeterRegistry(), () -> now);
        Files.delete(file);
        assertThat(reload.reload()).isFalse();
        assertThat(reload.get().get(Key.KEEP)).isEqualTo(Duration.ofMinutes(1));
        assertThat(log()).singleElement().asString().contains("the file is gone; start the agent again");
        Files.createSymbolicLink(file, folder.resolve("nowhere"));
        assertThat(reload.reload()).isFalse();
        Files.delete(file);
        write("interfaces: {keep: 2m}\n");
        assertThat(reload.reload()).isTrue();
        assertThat(reload.get().get(Key.KEEP)).isEqualTo(Duration.ofMinutes(2));
    }

    @Test
    void whatNeedsARestartIsSaid() throws IOException {
        write("interfaces: {keep: 1m}\nmetrics: {max-peers: 4, listen: ':1'}\n");
        assertThat(reload.reload()).isTrue();
        assertThat(reload.get().get(Key.MAX_PEERS)).isEqualTo(3);
        assertThat(log())
                .anyMatch(line -> line.contains("level=warn msg=\"takes effect when the agent is started again\""
                        + " key=metrics.max-peers value=4 from=" + file + ":2"))
                .anyMatch(line -> line.contains("key=metrics.listen value=:1"))
                .anyMatch(line -> line.endsWith("msg=\"configuration reloaded\" changed=\"\""));
    }
}
