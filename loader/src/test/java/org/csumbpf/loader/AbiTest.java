// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Compares the loader's constants with the C compiler's, for each architecture: src/test/c/abi.c. */
class AbiTest {
    private static final Path CLASSES = Path.of("target/classes");
    private static final String PACKAGE = "org.csumbpf.loader.";
    private static final Pattern SAID = Pattern.compile("->(\\S+) (=|>=) (-?\\d+)\"");

    /** Constants that are not in C's headers: limits, sizes of buffers, intervals. */
    private static final Set<String> OURS = Set.of(
            "BpfObject.LOG_SIZE",
            "BpfProgram.MAPS_MAX",
            "Probes.LOOPBACK_IFINDEX",
            "RawMap.BATCH",
            "TcxLink.QUERY_MAX",
            "host.ArrivalMonitor.BYTES",
            "host.ArrivalMonitor.RECEIVE_BUFFER",
            "host.BoundedProcess.DRAIN_MILLIS",
            "host.BoundedProcess.KILL_ROUNDS",
            "host.Flock.POLL_MILLIS",
            "host.HostLock.MODE",
            "host.Inet6Addresses.SCOPE_GLOBAL", // /proc/net/if_inet6 has no header
            "host.Inet6Addresses.SCOPE_HOST",
            "host.InterfaceName.FIRST_BYTE_THAT_IS_NO_ASCII",
            "host.ModprobeConfig.LONGEST_LINE",
            "host.ModprobeConfig.MOST_BYTES",
            "host.NamespaceSearch.INITIAL_PID_NAMESPACE", // not in the UAPI, but the kernel never changes it
            "host.NetDevice.LOOPBACK", // not in the UAPI, but the kernel never changes it
            "host.Netlink.BUFFER_SIZE",
            "host.Netlink.ONE_DATAGRAM",
            "host.NetlinkMonitor.BUFFER_SIZE",
            "host.NetlinkMonitor.MOST",
            "host.NetlinkMessages.TICK_NANOS", // from USER_HZ, which is 100 on each architecture here
            "host.PacketSampler.BYTES",
            "host.PacketSampler.LABEL_BYTES",
            "host.PacketSampler.MOST_KINDS",
            "host.PacketSampler.RECEIVE_BUFFER",
            "host.PacketSampler.ROUND",
            "host.PrivateDirectory.MODE",
            "host.PrivateDirectory.PERMISSIONS",
            "host.PrivateDirectory.WRITABLE_BY_OTHERS",
            "host.SystemdNotify.PAUSE_MILLIS",
            "host.SystemdNotify.TRIES",
            "host.UdpSocket.DROPS", // /proc/net/udp has no header
            "host.UdpSocket.HIGHEST_PORT",
            "host.UdpSocket.INODE",
            "host.UdpSocket.LOCAL",
            "host.Xfrm.ONE_PORT");

    private record Said(boolean exactly, long value) {}

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource
    void numbersAreThoseOfTheCompiler(Abi abi) throws IOException, InterruptedException {
        Map<String, Said> said = compile(abi);
        Map<String, Long> java = constants();
        java.put("Abi.oDirectory", (long) abi.oDirectory());
        java.put("Abi.sysDeleteModule", abi.sysDeleteModule());
        // These two hold the numbers of this JVM's Abi; the ones of `abi` are in the map.
        java.keySet().removeAll(Set.of("host.Libc.O_DIRECTORY", "host.KernelModule.SYS_DELETE_MODULE"));

        assertThat(java.keySet())
                .as("a new constant stands in abi.c too, or in OURS")
                .containsExactlyInAnyOrderElementsOf(said.keySet());
        said.forEach((field, c) -> {
            if (c.exactly()) {
                assertThat(java.get(field)).as(field).isEqualTo(c.value());
            } else {
                assertThat(java.get(field)).as(field).isGreaterThanOrEqualTo(c.value());
            }
        });
    }

    @Test
    void numbersOfTheseTwoComeFromTheTable() throws ReflectiveOperationException {
        assertThat(constant("host.Libc", "O_DIRECTORY")).isEqualTo(Abi.current().oDirectory());
        assertThat(constant("host.KernelModule", "SYS_DELETE_MODULE"))
                .isEqualTo(Abi.current().sysDeleteModule());
    }

    @Test
    void unknownArchitectureHasNoNumbers() {
        assertThatThrownBy(() -> Abi.of("riscv64"))
                .isInstanceOf(LibbpfException.class)
                .hasMessage("csumbpf does not support the architecture riscv64; amd64 and arm64 are supported");
    }

    private Map<String, Said> compile(Abi abi) throws IOException, InterruptedException {
        String triplet = switch (abi) {
            case AMD64 -> "x86_64-linux-gnu";
            case ARM64 -> "aarch64-linux-gnu";
        };
        Path assembly = folder.resolve("abi.s");
        List<String> command = new ArrayList<>(List.of("clang", "-S", "--target=" + triplet));
        // This machine's own headers, or those of Debian's cross compilers.
        for (String include : List.of("/usr/include/" + triplet, "/usr/" + triplet + "/include")) {
            if (Files.isDirectory(Path.of(include))) {
                command.addAll(List.of("-isystem", include));
            }
        }
        command.addAll(List.of("-idirafter", "/usr/include", "-o", assembly.toString(), "src/test/c/abi.c"));
        Process clang = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(clang.getInputStream().readAllBytes());
        assertThat(clang.waitFor()).as("clang for %s: %s", triplet, output).isZero();

        Map<String, Said> said = new TreeMap<>();
        Matcher matcher = SAID.matcher(Files.readString(assembly));
        while (matcher.find()) {
            said.put(matcher.group(1), new Said(matcher.group(2).equals("="), Long.parseLong(matcher.group(3))));
        }
        return said;
    }

    /** All constants of the loader's classes, by name, except for {@link #OURS}. */
    private static Map<String, Long> constants() throws IOException {
        Map<String, Long> constants = new TreeMap<>();
        try (Stream<Path> files = Files.walk(CLASSES)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                String name =
                        CLASSES.relativize(file).toString().replace('/', '.').replaceAll("\\.class$", "");
                for (Field field : load(name).getDeclaredFields()) {
                    int modifiers = field.getModifiers();
                    Class<?> type = field.getType();
                    if (Modifier.isStatic(modifiers)
                            && Modifier.isFinal(modifiers)
                            && !field.isSynthetic()
                            && (type == int.class || type == long.class || type == short.class)) {
                        constants.put(name.substring(PACKAGE.length()) + "." + field.getName(), value(field));
                    }
                }
            }
        }
        assertThat(constants.keySet()).as("OURS names constants that are there").containsAll(OURS);
        constants.keySet().removeAll(OURS);
        return constants;
    }

    private static long constant(String type, String field) throws ReflectiveOperationException {
        return value(Class.forName(PACKAGE + type).getDeclaredField(field));
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name, false, AbiTest.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new AssertionError(e);
        }
    }

    private static long value(Field field) {
        try {
            field.setAccessible(true);
            return ((Number) field.get(null)).longValue();
        } catch (IllegalAccessException e) {
            throw new AssertionError(field.toString(), e);
        }
    }
}
