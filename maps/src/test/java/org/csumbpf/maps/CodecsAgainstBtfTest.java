// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.csumbpf.loader.Btf;
import org.csumbpf.loader.MapSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares the Java copy of what is in bpf/csumbpf.h with the object's BTF. */
class CodecsAgainstBtfTest {
    static List<StructLayout> layouts() {
        return Codecs.layouts();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void everyMemberIsWhereTheObjectHasIt(StructLayout layout) {
        try (CsumbpfObject object = CsumbpfObject.open()) {
            compare(layout, object.raw().btf());
        }
    }

    @Test
    void aLayoutThatDiffersIsFound() {
        StructLayout swapped = new StructLayout("csumbpf_rule");
        swapped.u8("flags");
        swapped.u8("mode");
        swapped.u16("reserved");
        StructLayout wider = new StructLayout("csumbpf_rule");
        wider.u16("mode");
        wider.u8("flags");
        wider.u8("reserved");
        StructLayout shorter = new StructLayout("csumbpf_rule");
        shorter.u8("mode");
        shorter.u8("flags");
        try (CsumbpfObject object = CsumbpfObject.open()) {
            Btf btf = object.raw().btf();
            for (StructLayout wrong : List.of(swapped, wider, shorter)) {
                assertThatThrownBy(() -> compare(wrong, btf)).isInstanceOf(AssertionError.class);
            }
        }
    }

    @Test
    void enumsHaveTheOrderOfTheObject() {
        try (CsumbpfObject object = CsumbpfObject.open()) {
            Btf btf = object.raw().btf();
            assertThat(names(Mode.values(), "CSUMBPF_MODE_")).isEqualTo(ordered(btf, "csumbpf_mode"));
            assertThat(names(Outcome.values(), "CSUMBPF_")).isEqualTo(ordered(btf, "csumbpf_outcome"));
            assertThat(names(Total.values(), "CSUMBPF_TOTAL_")).isEqualTo(ordered(btf, "csumbpf_total"));
            assertThat(names(EventType.values(), "CSUMBPF_EVENT_")).isEqualTo(ordered(btf, "csumbpf_event_type"));
            assertThat(names(Backstop.values(), "CSUMBPF_BACKSTOP_")).isEqualTo(ordered(btf, "csumbpf_backstop"));
        }
    }

    @Test
    void flagsAndHooksHaveTheValuesOfTheObject() {
        try (CsumbpfObject object = CsumbpfObject.open()) {
            Btf btf = object.raw().btf();
            assertThat(btf.enumConstants("csumbpf_rule_flag"))
                    .containsOnly(
                            Map.entry("CSUMBPF_RULE_VALID", 1L),
                            Map.entry("CSUMBPF_RULE_DROP_PLAINTEXT", 2L),
                            Map.entry("CSUMBPF_RULE_UNVERIFIED", 4L));
            assertThat(btf.enumConstants("csumbpf_config_flag"))
                    .containsOnly(
                            Map.entry("CSUMBPF_CONFIG_BACKSTOP", 1L), Map.entry("CSUMBPF_CONFIG_NO_ETHERNET", 2L));
            Map<String, Long> changes = btf.enumConstants("csumbpf_host_change");
            assertThat(changes).hasSize(HostChange.values().length);
            for (HostChange change : HostChange.values()) {
                assertThat(changes).containsEntry("CSUMBPF_CHANGED_" + change.name(), 1L << change.ordinal());
            }
            Map<String, Long> priorities = btf.enumConstants("csumbpf_priority");
            assertThat(priorities).hasSize(PacketPriority.values().length);
            for (PacketPriority priority : PacketPriority.values()) {
                assertThat(priorities).containsEntry("CSUMBPF_PRIORITY_" + priority.name(), (long) priority.value());
            }
            assertThat(btf.enumConstants("csumbpf_layout"))
                    .containsOnly(Map.entry("CSUMBPF_LAYOUT", (long) Codecs.LAYOUT));
            assertThat(btf.enumConstants("csumbpf_option_flag"))
                    .containsOnly(
                            Map.entry("CSUMBPF_OPTION_FORCE", 1L),
                            Map.entry("CSUMBPF_OPTION_ENABLE_GRO", 2L),
                            Map.entry("CSUMBPF_OPTION_AGENT", 4L));
            Map<String, Long> hooks = btf.enumConstants("csumbpf_hook");
            assertThat(hooks)
                    .containsOnly(
                            Map.entry("CSUMBPF_HOOK_TCX", (long) Hook.TCX.ordinal()),
                            Map.entry("CSUMBPF_HOOK_CLSACT", (long) Hook.CLSACT.ordinal()));
        }
    }

    @Test
    void mapsHaveTheSizesOfTheCodecs() {
        try (CsumbpfObject object = CsumbpfObject.open()) {
            assertSizes(object.raw().mapSpec("config"), Codecs.U32, Codecs.CONFIG);
            assertSizes(object.raw().mapSpec("rules"), Codecs.U32, Codecs.RULE);
            assertSizes(object.raw().mapSpec("counters"), Codecs.U32, Codecs.COUNTERS);
            assertSizes(object.raw().mapSpec("backstop"), Codecs.U32, Codecs.COUNTERS);
            assertSizes(object.raw().mapSpec("totals"), Codecs.U32, Codecs.COUNT);
            assertSizes(object.raw().mapSpec("peers"), Codecs.PEER_KEY, Codecs.PEER);
            assertSizes(object.raw().mapSpec("events_lost"), Codecs.U32, Codecs.U64);
            assertSizes(object.raw().mapSpec("attachment"), Codecs.U32, Codecs.ATTACHMENT);
            assertThat(object.raw().mapSpec("rules").maxEntries()).isEqualTo(CsumbpfMaps.RULES_MAX);
            assertThat(object.raw().mapSpec("peers").maxEntries()).isGreaterThanOrEqualTo(CsumbpfMaps.PEERS_MAX);
            assertThat(object.raw().mapNames()).containsAll(CsumbpfMaps.PINNED);
        }
    }

    private static void assertSizes(MapSpec spec, Codec<?> keys, Codec<?> values) {
        assertThat(List.of(spec.keySize(), spec.valueSize())).isEqualTo(List.of(keys.size(), values.size()));
    }

    private static void compare(StructLayout layout, Btf btf) {
        Btf.Struct struct = btf.struct(layout.name()).orElseThrow();
        List<StructLayout.Field> expected = new ArrayList<>();
        for (Btf.Member member : struct.members()) {
            expected.add(new StructLayout.Field(member.name(), member.offsetBytes(), member.sizeBytes()));
        }
        assertThat(layout.fields()).isEqualTo(expected);
        assertThat(layout.size()).isEqualTo(struct.size());
    }

    private static List<String> names(Enum<?>[] values, String prefix) {
        List<String> names = new ArrayList<>();
        for (Enum<?> value : values) {
            names.add((prefix + value.name()).toUpperCase(Locale.ROOT));
        }
        return names;
    }

    private static List<String> ordered(Btf btf, String name) {
        return btf.enumConstants(name).entrySet().stream()
                .filter(e -> !e.getKey().endsWith("COUNT_"))
                .sorted(Map.Entry.comparingByValue())
                .map(Map.Entry::getKey)
                .toList();
    }
}
