// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostLockTest {
    @TempDir
    Path temp;

    @Test
    void nobodyElseCanOpenIt() throws Exception {
        Path directory = temp.resolve("csumbpf");
        HostLock.acquire(directory, Duration.ofSeconds(1)).close();
        assertThat(permissions(directory)).isEqualTo("rwx------");
        assertThat(permissions(directory.resolve("lock"))).isEqualTo("rw-------");
    }

    @Test
    void aSecondOneLearnsWhoHoldsIt() {
        Path directory = temp.resolve("csumbpf");
        try (HostLock held = HostLock.acquire(directory, Duration.ofSeconds(1))) {
            assertThat(held).isNotNull();
            assertThatThrownBy(() -> HostLock.acquire(directory, Duration.ofMillis(50)))
                    .isInstanceOf(LockTimeoutException.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid())
                    .hasMessageContaining("fuser -v " + directory.resolve("lock"));
        }
        HostLock.acquire(directory, Duration.ofMillis(50)).close();
    }

    @Test
    void tellsWhetherItIsHeldAndMakesNothing() {
        Path directory = temp.resolve("csumbpf");
        assertThat(HostLock.isHeld(directory)).isFalse();
        assertThat(directory).doesNotExist();
        try (HostLock held = HostLock.acquire(directory, Duration.ofSeconds(1))) {
            assertThat(held).isNotNull();
            assertThat(HostLock.isHeld(directory)).isTrue();
        }
        assertThat(HostLock.isHeld(directory)).isFalse();
    }

    @Test
    void aLinkInItsPlaceIsNotFollowed() throws Exception {
        Path elsewhere = Files.createDirectory(temp.resolve("elsewhere"));
        Path directory = Files.createSymbolicLink(temp.resolve("csumbpf"), elsewhere);
        assertThatThrownBy(() -> HostLock.acquire(directory, Duration.ofMillis(50)))
                .isInstanceOf(UntrustedPathException.class)
                .hasMessageContaining("symbolic link");
        assertThat(elsewhere).isEmptyDirectory();
    }

    @Test
    void holdersAreTakenFromTheKernelsList() {
        List<String> locks = List.of(
                "1: POSIX  ADVISORY  READ 11 00:1a:567 128 128",
                "2: FLOCK  ADVISORY  WRITE 12 00:1a:567 0 EOF",
                "2: -> FLOCK  ADVISORY  WRITE 13 00:1a:567 0 EOF",
                "3: FLOCK  ADVISORY  WRITE 14 00:1b:567 0 EOF",
                "4: FLOCK  ADVISORY  WRITE 0 00:1a:567 0 EOF",
                "5: LEASE");
        assertThat(HostLock.holders(locks, 0x1a, 567)).containsExactly(12L);
        assertThat(HostLock.holders(List.of("1: FLOCK  ADVISORY  WRITE 9 fe:10001:7 0 EOF"), 0x1000fe01L, 7))
                .as("a minor number of more than eight bits")
                .containsExactly(9L);
    }

    private static String permissions(Path path) throws Exception {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }
}
