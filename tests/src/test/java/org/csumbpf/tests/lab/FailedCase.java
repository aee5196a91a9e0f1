// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.BeforeTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;

/**
 * Saves what explains a failed test: a folder with the record of its commands and the state of the lab's network
 * namespaces, which are taken down only after that. JUnit loads this extension for every test (META-INF/services).
 */
public final class FailedCase
        implements BeforeEachCallback,
                BeforeTestExecutionCallback,
                AfterTestExecutionCallback,
                AfterEachCallback,
                LifecycleMethodExecutionExceptionHandler {
    /** JUnit configuration parameter: the parent of the folders. */
    static final String FOLDER = "csumbpf.failed.folder";

    private static final long COMMAND_SECONDS = 10;
    /** An emulated engine takes seconds for each answer. */
    private static final long SWARM_SECONDS = 120;

    private static final Namespace STORE = Namespace.create(FailedCase.class);

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        delete(folder(context)); // left by an earlier run
        context.getStore(STORE).put(Case.class, Case.begin());
    }

    @Override
    public void beforeTestExecution(ExtensionContext context) {
        running(context).body(true);
    }

    /** Runs before the class's own "after each" methods, which may take the lab down. */
    @Override
    public void afterTestExecution(ExtensionContext context) {
        boolean interrupted = Thread.interrupted(); // a timeout interrupts the test, but must not interrupt this
        Case running = running(context);
        try {
            context.getExecutionException().ifPresent(failure -> leave(context, failure));
        } finally {
            running.body(false);
            running.takeDown();
            if (interrupted && context.getExecutionException().isEmpty()) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Saves failures after the body, such as a check of the kernel's log. */
    @Override
    public void afterEach(ExtensionContext context) {
        context.getExecutionException().ifPresent(failure -> leave(context, failure));
        running(context).end();
    }

    @Override
    public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        leave(context, failure);
        throw failure;
    }

    @Override
    public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        leave(context, failure);
        throw failure;
    }

    private static Case running(ExtensionContext context) {
        return context.getStore(STORE).get(Case.class, Case.class);
    }

    /** Writes the folder, once for each test. Errors are only printed, because the test has a failure of its own. */
    private static void leave(ExtensionContext context, Throwable failure) {
        if (context.getStore(STORE).get(FOLDER) != null) {
            return;
        }
        Path folder = folder(context);
        context.getStore(STORE).put(FOLDER, folder);
        try {
            Files.createDirectories(folder);
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace, true));
            Files.writeString(folder.resolve("failure.txt"), trace.toString());
            Case running = running(context);
            // The record comes first, because the commands below are not the test's.
            Files.writeString(folder.resolve("output.txt"), running == null ? "" : running.recorded());
            Files.writeString(folder.resolve("kernel.txt"), said("sh", "-c", "dmesg | tail -n 500"));
            // Counters of all namespaces together: packets that waited for a neighbour's address, or for a processor.
            Files.writeString(
                    folder.resolve("queues.txt"),
                    said("cat", "/proc/net/stat/arp_cache", "/proc/net/stat/ndisc_cache", "/proc/net/softnet_stat"));
            for (String namespace : namespaces()) {
                collect(new Host(namespace, false), Files.createDirectories(folder.resolve(namespace)));
            }
            if (Swarm.isUp()) {
                Files.writeString(folder.resolve("swarm.txt"), said(SWARM_SECONDS, Swarm.SCRIPT.toString(), "report"));
            }
            System.out.println("left in " + folder + ": what the failed case and its lab looked like");
        } catch (IOException | RuntimeException e) {
            System.out.println("cannot leave all in " + folder + " of what the failed case looked like: " + e);
        }
    }

    private static void collect(Host host, Path folder) throws IOException {
        Files.writeString(folder.resolve("status.json"), status(host));
        String[][] commands = {
            {"ruleset.txt", "nft list ruleset"},
            {"counters.txt", "nstat -asz"},
            {"links.txt", "ip -s -d link"},
            {"xfrm-state.txt", "ip -s xfrm state"},
            {"xfrm-policy.txt", "ip xfrm policy"},
            {"xfrm_stat.txt", "cat /proc/net/xfrm_stat"},
            {
                "filters.txt",
                "ip -o link | cut -d : -f 2 | cut -d @ -f 1 | while read -r device; do"
                        + " echo \"$device:\"; tc -s filter show dev \"$device\" ingress; done"
            },
            {"neighbours.txt", "ip neigh"},
            {"qdiscs.txt", "tc -s qdisc"},
            {"conntrack.txt", "cat /proc/net/stat/nf_conntrack"},
            {"sockets.txt", "ss -uanpm"},
        };
        for (String[] command : commands) {
            Files.writeString(folder.resolve(command[0]), said(host.in("sh", "-c", command[1])));
        }
    }

    /** Runs in this JVM, on its own thread, because a call that hangs in the kernel cannot be ended. */
    private static String status(Host host) {
        CompletableFuture<Shell.Result> status = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                status.complete(host.csumbpf("status", "--json"));
            } catch (RuntimeException | Error e) {
                status.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        try {
            return text(status.get(Limit.millis(COMMAND_SECONDS), TimeUnit.MILLISECONDS));
        } catch (TimeoutException | ExecutionException e) {
            return "status --json: " + e + "\n";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "status --json: " + e + "\n";
        }
    }

    private static String said(String... command) {
        return said(COMMAND_SECONDS, command);
    }

    private static String said(long seconds, String... command) {
        try {
            return text(Shell.within(Limit.seconds(seconds), "", command));
        } catch (RuntimeException | AssertionError e) {
            return String.join(" ", command) + ": " + e + "\n";
        }
    }

    private static String text(Shell.Result result) {
        return result.out() + result.err() + (result.code() == 0 ? "" : "[exit code " + result.code() + "]\n");
    }

    /** The namespaces of this JVM's labs, and those of tests/lab/lab.sh. */
    private static List<String> namespaces() throws IOException {
        Path all = Path.of("/run/netns");
        if (!Files.isDirectory(all)) {
            return List.of();
        }
        List<String> names = new ArrayList<>();
        try (Stream<Path> files = Files.list(all)) {
            files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith(Lab.PREFIX) || name.startsWith("csumbpf-"))
                    .sorted()
                    .forEach(names::add);
        }
        return names;
    }

    private static Path folder(ExtensionContext context) {
        Path all = context.getConfigurationParameter(FOLDER).map(Path::of).orElseGet(FailedCase::usual);
        String method = context.getTestMethod().map(m -> m.getName()).orElse("beforeAll");
        // Invocations of a parameterized test are numbered: [...]/[test-template-invocation:#2]
        String id = context.getUniqueId();
        String number =
                id.contains("-invocation:#") ? "-" + id.substring(id.lastIndexOf('#') + 1, id.length() - 1) : "";
        return all.resolve(context.getRequiredTestClass().getSimpleName() + "." + method + number);
    }

    private static Path usual() {
        return Optional.ofNullable(System.getenv("CSUMBPF_RESULTS"))
                .map(Path::of)
                .orElse(Shell.CHECKOUT.resolve("tests/target"))
                .resolve("failed");
    }

    private static void delete(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file :
                        files.sorted((one, other) -> other.compareTo(one)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }
}
