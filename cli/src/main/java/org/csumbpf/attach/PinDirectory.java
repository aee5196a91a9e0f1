// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.csumbpf.loader.host.Bpffs;

/**
 * Where one attachment's pins are: {@code /sys/fs/bpf/csumbpf/<inode of the network namespace>/<ifindex>/}. Numbers and
 * not names, because an interface and a namespace can be renamed and bpffs refuses names with a dot (eth0.100).
 *
 * @param netns inode of the network namespace
 * @param ifindex of the device
 */
record PinDirectory(long netns, int ifindex) implements Comparable<PinDirectory> {
    static final Path ROOT = Bpffs.DEFAULT.resolve("csumbpf");
    static final String PROGRAM = "program";
    static final String LINK = "link";
    static final String DETOUR_LINK = "detour_link";
    /** What is on its way to replace another pin; left over only by a crash. */
    private static final String REPLACEMENT = "_replacement";

    static List<PinDirectory> all() {
        List<PinDirectory> all = new ArrayList<>();
        for (String netns : names(ROOT)) {
            if (netns.matches("[0-9]+")) {
                all.addAll(of(Long.parseLong(netns)));
            }
        }
        return all;
    }

    static List<PinDirectory> of(long netns) {
        List<PinDirectory> all = new ArrayList<>();
        for (String ifindex : names(ROOT.resolve(Long.toString(netns)))) {
            if (ifindex.matches("[0-9]+")) {
                all.add(new PinDirectory(netns, Integer.parseInt(ifindex)));
            }
        }
        all.sort(null);
        return all;
    }

    Path path() {
        return ROOT.resolve(Long.toString(netns)).resolve(Integer.toString(ifindex));
    }

    Path pin(String name) {
        return path().resolve(name);
    }

    boolean has(String name) {
        return Files.exists(pin(name));
    }

    boolean exists() {
        return Files.isDirectory(path());
    }

    void create() {
        run(() -> Files.createDirectories(path()));
    }

    /** Pins in the place of another pin, so that the name always stands for the one or the other. */
    void replace(String name, Consumer<Path> pinner) {
        Path replacement = pin(name + REPLACEMENT);
        run(() -> Files.deleteIfExists(replacement));
        pinner.accept(replacement);
        run(() -> Files.move(replacement, pin(name), StandardCopyOption.ATOMIC_MOVE));
    }

    void removeReplacements() {
        for (String name : names(path())) {
            if (name.endsWith(REPLACEMENT)) {
                remove(name);
            }
        }
    }

    void remove(String name) {
        run(() -> Files.deleteIfExists(pin(name)));
    }

    /** Removes all pins, {@code last} after the others, then the directories that became empty. */
    void removeAll(String last) {
        for (String name : names(path())) {
            if (!name.equals(last)) {
                remove(name);
            }
        }
        remove(last);
        run(() -> Files.deleteIfExists(path()));
        removeIfEmpty(path().getParent());
    }

    static void removeIfEmpty(Path directory) {
        if (Files.isDirectory(directory) && names(directory).isEmpty()) {
            run(() -> Files.deleteIfExists(directory));
        }
    }

    /** What a directory holds; nothing where it is not there. */
    static List<String> names(Path directory) {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        names.sort(null);
        return names;
    }

    @Override
    public int compareTo(PinDirectory other) {
        int byNamespace = Long.compare(netns, other.netns);
        return byNamespace != 0 ? byNamespace : Integer.compare(ifindex, other.ifindex);
    }

    private interface FileOperation {
        void run() throws IOException;
    }

    private static void run(FileOperation operation) {
        try {
            operation.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
