// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.csumbpf.config.Key;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** What the schema accepts and refuses, csumbpf accepts and refuses, too. */
class ConfigSchemaTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Path EXAMPLE = Path.of("../deploy/csumbpf.yaml");

    @TempDir
    private Path folder;

    private JsonNode document;
    private JsonSchema schema;

    @BeforeEach
    void read() throws IOException {
        Path file = folder.resolve("csumbpf.schema.json");
        ConfigSchema.main(new String[] {EXAMPLE.toString(), file.toString()});
        document = MAPPER.readTree(file.toFile());
        schema = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(document);
    }

    private List<String> problems(String yaml) {
        Object tree =
                new Load(LoadSettings.builder().setSchema(new CoreSchema()).build()).loadFromString(yaml);
        return schema.validate(MAPPER.valueToTree(tree)).stream()
                .map(ValidationMessage::getMessage)
                .toList();
    }

    private int check(String yaml) throws IOException {
        Path file = folder.resolve("csumbpf.yaml");
        Files.writeString(file, yaml);
        return Ran.of("config", "check", file.toString()).code();
    }

    @Test
    void theExampleWithAllItsKeys() throws IOException {
        String example = Files.readString(EXAMPLE)
                .lines()
                .map(line -> line.replaceFirst("^#(?=[a-z]|  )", ""))
                .collect(Collectors.joining("\n"));
        assertThat(check(example)).as(example).isZero();
        assertThat(problems(example)).isEmpty();
    }

    @Test
    void eachKeyHasADescriptionAndItsDefault() {
        for (Key<?> key : Key.ALL) {
            JsonNode at = document.at("/properties/" + key.name().replace(".", "/properties/"));
            assertThat(at.path("default").isMissingNode()).as(key.name()).isFalse();
            if (!List.of("metrics.max-vnis").contains(key.name())) { // described together with the key before it
                assertThat(at.path("description").asText()).as(key.name()).isNotBlank();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "interfaces:",
                "interfaces: {include: ['eth*', 10.0.0.0/8], exclude: []}",
                "interfaces: {keep: 90}",
                "port: 4790",
                "port: auto",
                "rules: {vnis: {4097: {mode: observe}, '4100-4110,0x2000': {verify: 1}}}",
                "rules: {networks: {ingress: {plaintext: drop}}}",
                "log: {format: json}"
            })
    void good(String yaml) throws IOException {
        assertThat(check(yaml)).isZero();
        assertThat(problems(yaml)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nonsense: 1",
                "interfaces: {includes: [eth0]}",
                "interfaces: {include: eth0}",
                "interfaces: 5",
                "backstop: sometimes",
                "enable-gro: 1",
                "rules: {default: {mode: repair}}",
                "rules: {default: {verify: 0}}",
                "rules: {default: {verify: 70000}}",
                "rules: {default: {verify: x}}",
                "rules: {vnis: {backend: {mode: zero}}}",
                "rules: {vnis: {4097: {keep: 5}}}",
                "metrics: {max-peers: -1}",
                "log: json"
            })
    void bad(String yaml) throws IOException {
        assertThat(check(yaml)).isEqualTo(ExitCode.CONFIG.code());
        assertThat(problems(yaml)).isNotEmpty();
    }
}
