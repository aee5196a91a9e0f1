// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrivateDirectoryTest {
    @TempDir
    Path temp;

    @Test
    void aNewOneIsForItsOwnerAlone() throws Exception {
        Path directory = temp.resolve("new");
        PrivateDirectory.ensure(directory);
        PrivateDirectory.ensure(directory);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
                .isEqualTo("rwx------");
        assertThat(PrivateDirectory.check(directory)).isEmpty();
    }

    @Test
    void oneOfAnEarlierVersionIsClosedToOthers() throws Exception {
        Path directory = made("old", "rwxr-xr-x");
        PrivateDirectory.ensure(directory);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
                .isEqualTo("rwx------");
    }

    @Test
    void whatOthersMayWriteToIsRefused() throws Exception {
        Path directory = made("open", "rwxrwx---");
        assertThat(PrivateDirectory.check(directory).orElseThrow())
                .contains(directory.toString(), "is writable by users other than root");
        assertThatThrownBy(() -> PrivateDirectory.ensure(directory)).isInstanceOf(UntrustedPathException.class);
        assertThatThrownBy(() -> PrivateDirectory.ensure(directory.resolve("below")))
                .isInstanceOf(UntrustedPathException.class)
                .hasMessageContaining("chmod go-w " + directory);
    }

    @ParameterizedTest
    @CsvSource({"file, not a directory", "link, symbolic link", "dangling, symbolic link"})
    void whatIsNoDirectoryIsRefused(String kind, String problem) throws Exception {
        Path path = temp.resolve(kind);
        switch (kind) {
            case "file" -> Files.createFile(path);
            case "link" -> Files.createSymbolicLink(path, made("target", "rwx------"));
            default -> Files.createSymbolicLink(path, temp.resolve("nowhere"));
        }
        assertThat(PrivateDirectory.check(path).orElseThrow()).contains(problem);
        assertThatThrownBy(() -> PrivateDirectory.ensure(path))
                .isInstanceOf(UntrustedPathException.class)
                .hasMessageContaining(problem);
    }

    @Test
    void aParentThatIsNotThereIsAnErrorOfTheKernel() {
        assertThatThrownBy(() -> PrivateDirectory.ensure(temp.resolve("none/below")))
                .isInstanceOfSatisfying(
                        KernelException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
    }

    private Path made(String name, String permissions) throws Exception {
        Path directory = Files.createDirectory(temp.resolve(name));
        return Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString(permissions));
    }
}
