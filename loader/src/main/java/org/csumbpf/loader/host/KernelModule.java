// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import com.sun.jna.Native;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.csumbpf.loader.Abi;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;

/** Loads and unloads kernel modules by name. */
public final class KernelModule {
    private static final long SYS_DELETE_MODULE = Abi.current().sysDeleteModule();
    private static final int O_NONBLOCK = 04000;
    /** For one module. The timeouts of both modules together are shorter than another command waits for the lock. */
    private static final Duration TIMEOUT = Duration.ofSeconds(12);

    private KernelModule() {}

    /** Whether a module is loaded or can be. */
    public enum State {
        LOADED,
        BUILT_IN,
        /** Not loaded, but there is a file to load. */
        LOADABLE,
        /** Not loaded, and there is no file. */
        UNAVAILABLE
    }

    public static State state(String module) {
        if (Files.isDirectory(Path.of("/sys/module", module, "holders"))) {
            return State.LOADED;
        }
        Path tree = Path.of("/lib/modules", KernelRelease.current().text());
        if (contains(tree.resolve("modules.builtin"), module)) {
            return State.BUILT_IN;
        }
        return contains(tree.resolve("modules.dep"), module) ? State.LOADABLE : State.UNAVAILABLE;
    }

    /**
     * Loads a module and its dependencies by modprobe(8), which honours the host's blacklist and options.
     *
     * @return true: this call loaded it; false: it was loaded already, or is built in
     * @throws ModuleException the module cannot be loaded
     */
    public static boolean load(String module) {
        State before = state(module);
        if (before == State.LOADED || before == State.BUILT_IN) {
            return false;
        }
        String output = modprobe(module);
        if (state(module) != State.LOADED) {
            throw new ModuleException(
                    output.isEmpty() ? "'modprobe " + module + "' loaded nothing: is the module blacklisted?" : output,
                    null);
        }
        return true;
    }

    /**
     * Unloads a module, but not its dependencies (delete_module(2)).
     *
     * @return false: the module was not loaded
     * @throws KernelException EAGAIN or EBUSY: it is in use
     */
    public static boolean unload(String module) {
        if (Libc.syscall(SYS_DELETE_MODULE, module, O_NONBLOCK) < 0) {
            int errno = Native.getLastError();
            if (errno == Errno.ENOENT) {
                return false;
            }
            throw new KernelException("unload module", module, errno);
        }
        return true;
    }

    private static String modprobe(String module) {
        try {
            // -b: without it, modprobe ignores the blacklist for a module that is given by name.
            BoundedProcess.ProcessResult outcome = BoundedProcess.run(List.of(program(), "-b", module), TIMEOUT);
            if (!outcome.ended()) {
                throw new ModuleException(
                        "'modprobe " + module + "' did not end within " + TIMEOUT.toSeconds() + " s and was killed",
                        null);
            }
            return outcome.output().lines().findFirst().orElse("");
        } catch (IOException e) {
            throw new ModuleException("modprobe cannot be run; run 'apt install kmod'", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ModuleException("interrupted", e);
        }
    }

    /** The path of modprobe: sudo and cron leave /sbin out of PATH. */
    private static String program() {
        return Stream.of("/sbin/modprobe", "/usr/sbin/modprobe")
                .filter(path -> Files.isExecutable(Path.of(path)))
                .findFirst()
                .orElse("modprobe");
    }

    private static boolean contains(Path index, String module) {
        try {
            return contains(Files.readString(index, StandardCharsets.ISO_8859_1), module);
        } catch (IOException e) {
            return false; // no such file: no modules of this kernel are installed
        }
    }

    /**
     * Whether a line of modules.builtin or modules.dep begins with the module's file: kernel/net/ipv4/esp4.ko.xz: … They
     * are long and most processes short, so this searches the text as a whole.
     */
    static boolean contains(String index, String module) {
        String text = index.replace('-', '_');
        String file = "/" + module.replace('-', '_') + ".ko";
        for (int at = text.indexOf(file); at >= 0; at = text.indexOf(file, at + 1)) {
            int end = at + file.length();
            boolean isDependency = text.lastIndexOf(':', at) > text.lastIndexOf('\n', at);
            if (!isDependency && (end == text.length() || ".:\n".indexOf(text.charAt(end)) >= 0)) {
                return true;
            }
        }
        return false;
    }
}
