// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.loader.host.NetworkNamespace;

/**
 * The lab of tests/lab/lab.sh: hosts a and b with an encrypted VXLAN between them, and a NAT. The script lists the
 * variations.
 */
public final class EspLab implements AutoCloseable {
    private static final Pattern LOSS = Pattern.compile("([0-9.]+)% packet loss");
    /** How long ping waits for the last answer, seconds. */
    private static final String PATIENCE = Long.toString(Limit.seconds(1).toSeconds());

    private static final Path SCRIPT = Shell.CHECKOUT.resolve("tests/lab/lab.sh");

    public final Host a;
    public final Host nat;
    public final Host b;
    private final List<String> lab = new ArrayList<>(List.of("env"));

    /** @param variations of the script's environment, as NAME=VALUE */
    public EspLab(String... variations) {
        this(false, variations);
    }

    /** A lab whose hosts run the installed command. */
    public static EspLab withInstalledCommand() {
        return new EspLab(true);
    }

    private EspLab(boolean installed, String... variations) {
        a = new Host("csumbpf-a", installed);
        nat = new Host("csumbpf-nat", installed);
        b = new Host("csumbpf-b", installed);
        lab.addAll(List.of(variations));
        lab.add(SCRIPT.toString());
        Case.takeDownNow(); // an earlier one of the same test has the same names
        try {
            script("up");
        } catch (AssertionError e) {
            Case.takeDownLater(() -> script("down")); // else no other lab could come up
            throw e;
        }
    }

    private void script(String... action) {
        List<String> command = new ArrayList<>(lab);
        command.addAll(List.of(action));
        // Has its own limit, because taking down after a test is not covered by the test's limit.
        Shell.within(Limit.seconds(120), "", command.toArray(String[]::new)).ok();
    }

    /** Removes all SAs and policies of both hosts. */
    public void dissociate() {
        for (Host host : List.of(a, b)) {
            host.run("ip", "xfrm", "state", "flush").ok();
            host.run("ip", "xfrm", "policy", "flush").ok();
        }
    }

    /** Makes them again, as they were. */
    public void associate() {
        script("associate");
    }

    /** Breaks something, as tests/lab/break.sh lists it, until {@link #mend}. */
    public void damage(String breakage) {
        script("break", breakage);
    }

    public void mend(String breakage) {
        script("mend", breakage);
    }

    /** Runs on a and b at once, because a JVM is slow in an emulated guest. */
    public void onBoth(Consumer<Host> work) {
        CompletableFuture<Void> onA = CompletableFuture.runAsync(() -> work.accept(a));
        work.accept(b);
        try {
            onA.get(); // not join(): a timeout of the test would not interrupt it
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (ExecutionException e) {
            throw new CompletionException(e.getCause());
        }
    }

    /** Runs {@code csumbpf attach eth0} with these options on a and b. */
    public void attach(String... options) {
        onBoth(host -> host.csumbpf(Shell.join(new String[] {"attach", "eth0"}, options))
                .ok());
    }

    /** Loss of 5 pings, in percent. */
    public int loss(Host from, String to) {
        return loss(from, to, 56);
    }

    /** @param size of ICMP's data, bytes */
    public int loss(Host from, String to, int size) {
        for (Host host : List.of(a, b)) {
            // If nothing came through before, ARP gave up and would try again only some pings later.
            Shell.run("ip", "-4", "-n", host.name, "neigh", "flush", "all").ok();
        }
        // Not faster: after one answer, ping waits for the last one no longer than two round trips or the interval. Not
        // at once: conntrack drops all but one of the first packets of an echo (insert_failed).
        Matcher matcher = LOSS.matcher(
                from.run("ping", "-q", "-n", "-c", "5", "-i", "0.2", "-W", PATIENCE, "-s", Integer.toString(size), to)
                        .out());
        if (!matcher.find()) {
            throw new AssertionError("ping " + to + " on " + from.name + " has no result");
        }
        return (int) Math.ceil(Double.parseDouble(matcher.group(1)));
    }

    public void detach() {
        onBoth(host -> host.csumbpf("detach", "--all").ok());
    }

    /**
     * Within a test's body this is put off until the body has ended, so that a failed test's lab can still be
     * inspected.
     */
    @Override
    public void close() {
        Case.takeDownLater(this::takeDown);
    }

    private void takeDown() {
        onBoth(host -> {
            try (NetworkNamespace netns = NetworkNamespace.named(host.name)) {
                if (Files.exists(Path.of("/sys/fs/bpf/csumbpf", Long.toString(netns.inode())))) {
                    host.csumbpf("detach", "--all").ok();
                }
            }
        });
        script("down");
    }
}
