// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class NamespaceSearchTest {
    private static final String MOUNTINFO = """
            22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
            23 22 0:22 / /proc rw - proc proc rw
            81 22 0:4 net:[4026532305] /mnt/x/ns rw shared:30 - nsfs nsfs rw
            82 22 0:4 net:[40265323050] /mnt/longer rw shared:30 - nsfs nsfs rw
            83 22 0:4 mnt:[4026532305] /mnt/mount rw - nsfs nsfs rw
            84 22 0:4 net:[4026532305] /mnt/a\\040b\\134c\\012\u00fc rw - nsfs nsfs rw
            85
            """;

    @TempDir
    Path temp;

    @Test
    void mountPointsAreTakenFromMountinfoByteForByte() {
        List<String> points = NamespaceSearch.mountPoints(MOUNTINFO, inode -> inode == 4026532305L).stream()
                .map(bytes -> new String(bytes, StandardCharsets.ISO_8859_1))
                .toList();
        assertThat(points).containsExactly("/mnt/x/ns", "/mnt/a b\\c\n\u00fc");
    }

    @Test
    void theOwnNamespaceIsFound() {
        try (NetworkNamespace own = NetworkNamespace.current();
                NetworkNamespace found =
                        NamespaceSearch.find(own.inode()).namespace().orElseThrow()) {
            assertThat(found.inode()).isEqualTo(own.inode());
            assertThat(found.cookie()).isEqualTo(own.cookie());
        }
    }

    @Test
    void whatNothingHoldsIsNotFound() {
        assertThat(NamespaceSearch.find(1).namespace()).isEmpty();
    }

    /** The exception is that of a namespace that may not be entered. */
    @Test
    void oneThatCannotBeVisitedIsLeftOutAndClosed() throws Exception {
        List<Long> visited = new ArrayList<>();
        long before = descriptors();
        NamespaceSearch.each(netns -> {
            visited.add(netns.inode());
            throw new KernelException("enter", "network namespace", Errno.EPERM);
        });
        assertThat(visited)
                .contains(NetworkNamespace.inode(NetworkNamespace.SELF))
                .doesNotHaveDuplicates();
        assertThat(descriptors()).isEqualTo(before);
    }

    private static long descriptors() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.map(path -> {
                        try {
                            return Files.readSymbolicLink(path).toString();
                        } catch (IOException e) {
                            return "";
                        }
                    })
                    .filter(target -> target.startsWith("net:"))
                    .count();
        }
    }

    /** If a FIFO were opened, this test would not end: opening waits for a writer. */
    @ParameterizedTest
    @ValueSource(strings = {"fifo", "file", "directory", "link to a fifo", "/dev/null", "/proc/self/ns/mnt", "missing"})
    void nothingButANamespaceIsOpened(String what) throws Exception {
        Path path = temp.resolve(what);
        switch (what) {
            case "fifo" -> fifo(path);
            case "file" -> Files.createFile(path);
            case "directory" -> Files.createDirectory(path);
            case "link to a fifo" -> Files.createSymbolicLink(path, fifo(temp.resolve("other")));
            default -> {}
        }
        assertThatThrownBy(() -> NetworkNamespace.named(path.toString()))
                .isInstanceOf(NoSuchNamespaceException.class)
                .hasMessageContaining("no network namespace " + path)
                .satisfies(e -> assertThat(e.getMessage().contains("is not a network namespace"))
                        .isEqualTo(!what.equals("missing")));
    }

    private static Path fifo(Path path) throws Exception {
        assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor())
                .isZero();
        return path;
    }
}
