// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Optional;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.plan.ModulePlan.Module;
import org.csumbpf.snapshot.Finding;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The steps for the offload modules, for invented states. OffloadHarmTest and FaultTest have real modules. */
class ModulePlanTest {
    private static final Optional<String> HARM = Optional.of("IPComp");

    /** @param steps of esp4 and then of esp6, - for none */
    @ParameterizedTest(name = "esp4 {0} {1}, esp6 {2}, IPv6 {3}, harm {4}")
    @CsvSource({
        "LOADABLE,    false, LOADABLE,    false, false, LOAD,   -,    ''",
        "LOADABLE,    false, LOADABLE,    true,  false, LOAD,   LOAD, ''",
        "UNAVAILABLE, false, UNAVAILABLE, false, false, LOAD,   -,    ''",
        "LOADED,      false, LOADABLE,    true,  false, -,      LOAD, ''",
        "LOADED,      true,  LOADED,      true,  false, -,      -,    ''",
        "BUILT_IN,    false, BUILT_IN,    true,  false, -,      -,    ''",
        "LOADABLE,    false, LOADABLE,    true,  true,  -,      -,    'esp4 esp6'",
        "LOADABLE,    false, LOADABLE,    false, true,  -,      -,    esp4",
        "LOADED,      true,  LOADABLE,    false, true,  UNLOAD, -,    esp4",
        "LOADED,      false, LOADED,      true,  true,  -,      -,    ''",
        "LOADABLE,    true,  LOADABLE,    false, true,  FORGET, -,    esp4",
        "BUILT_IN,    true,  BUILT_IN,    true,  true,  -,      -,    ''",
    })
    void steps(
            KernelModule.State esp4,
            boolean recorded,
            KernelModule.State esp6,
            boolean ipv6,
            boolean harm,
            String first,
            String second,
            String notThere) {
        ModulePlan plan = ModulePlan.of(
                new Module("esp4", esp4, recorded),
                new Module("esp6", esp6, false),
                ipv6,
                harm ? HARM : Optional.empty(),
                true);
        assertThat(action(plan, "esp4")).isEqualTo(first);
        assertThat(action(plan, "esp6")).isEqualTo(second);
        assertThat(plan.findings().stream().map(Finding::subject)).containsExactly(split(notThere));
        assertThat(plan.findings()).allSatisfy(finding -> {
            assertThat(finding.id()).isEqualTo(Finding.Id.MODULE_UNSAFE);
            assertThat(finding.evidence()).contains("IPComp");
        });
    }

    private static String[] split(String words) {
        return words.isEmpty() ? new String[0] : words.split(" ");
    }

    private static String action(ModulePlan plan, String module) {
        Map<Step, String> words = Map.of(
                new Step.LoadModule(module, true), "LOAD",
                new Step.UnloadModule(module), "UNLOAD",
                new Step.ForgetModule(module), "FORGET");
        return plan.steps().stream()
                .filter(words::containsKey)
                .map(words::get)
                .reduce((a, b) -> a + " " + b)
                .orElse("-");
    }
}
