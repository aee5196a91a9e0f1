// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.Bpffs;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;

/**
 * The state of a host, and a command that is run there.
 *
 * @param foreign sets up what others did, and what must stay
 * @param setup does what csumbpf did before
 * @param command its words; OTHER stands for the other namespace
 * @param fresh whether the namespaces cannot be used again
 * @param afterwards prepares the world for the next situation
 */
record Situation(
        String name,
        Consumer<FaultWorld> foreign,
        Consumer<FaultWorld> setup,
        String command,
        boolean fresh,
        Runnable afterwards) {
    private static final String TCX = "attach w1 --vni 5 --unverified --hook tcx";
    private static final String CLSACT = "attach w1 --vni 5 --unverified --hook clsact";
    /** Both paths, also for IPv6 if {@link #ipv6} gave w1 an address. */
    private static final String BOTH = "attach w1 --vni 6 --backstop always --hook clsact";

    private static final String BOTH_TCX = "attach w1 --vni 6 --backstop always --hook tcx";
    private static final Consumer<FaultWorld> NOTHING = world -> {};

    static final List<Situation> ALL = List.of(
            first("first attach, tcx", TCX),
            first("first attach, clsact", CLSACT),
            ipv6("first attach, clsact, nftables, loopback", NOTHING, BOTH),
            ipv6("first attach, tcx, nftables, loopback", NOTHING, BOTH_TCX),
            first("first attach, GRO", "attach w1 --vni 5 --force --enable-gro --backstop never --hook clsact"),
            withoutBpffs("first attach, bpffs not mounted", NOTHING, TCX),
            first("first attach, as most do it", "attach w1"),
            first("first attach, more rules than slots", "attach w1 --vni 5,10-20 --unverified"),
            first("first attach, plaintext drop", "attach w1 --vni 6 --plaintext drop"),
            after("the same again, tcx", TCX, TCX),
            ipv6("the same again, both paths", ran(BOTH), BOTH),
            after("one rule changes its mode", TCX, "attach w1 --vni 5 --unverified --mode observe"),
            after("many rules change, tcx", TCX, "attach w1 --vni 6-8 --mode observe --unverified"),
            ipv6("many rules change, both paths", ran(BOTH), "attach w1 --vni 5-9 --mode recompute --backstop always"),
            after(
                    "more rules than slots change",
                    "attach w1 --vni 5,10-20 --unverified",
                    "attach w1 --vni 30-55 --unverified"),
            after("the port changes", TCX, "attach w1 --vni 5 --unverified --port 7789"),
            ipv6("the backstop goes", ran(BOTH), "attach w1 --vni 6 --backstop never --force"),
            ipv6("the backstop comes", ran("attach w1 --vni 6 --backstop never --force"), BOTH_TCX),
            after("plaintext pass becomes drop", "attach w1 --vni 6", "attach w1 --vni 6 --plaintext drop"),
            after("vni add", TCX, "vni add w1 6 --unverified"),
            after("vni add, the first that asks for proof", TCX, "vni add w1 6"),
            after("vni add, the ninth", "attach w1 --vni 5,10-16 --unverified", "vni add w1 17 --unverified"),
            after("vni remove", "attach w1 --vni 5,6 --unverified", "vni remove w1 5"),
            after("restore, nothing lost", TCX, "restore w1"),
            situation("restore, hook lost, tcx", ran(TCX).andThen(Situation::detachLink), "restore w1"),
            situation(
                    "restore, hook lost, clsact",
                    ran(BOTH).andThen(world -> world.lab.tc("qdisc", "del", "dev", "w1", "clsact")),
                    "restore w1"),
            situation("restore, all pins lost", ran(BOTH).andThen(world -> world.lab.removePins(".*")), "restore w1"),
            situation("restore, one pin lost", ran(TCX).andThen(world -> world.lab.removePins("rules")), "restore w1"),
            situation(
                    "restore, nftables table deleted",
                    ran(BOTH)
                            .andThen(world -> world.lab
                                    .run("nft", "delete table ip csumbpf")
                                    .ok()),
                    "restore w1"),
            ipv6(
                    "restore, nftables flushed",
                    ran(BOTH)
                            .andThen(world ->
                                    world.lab.run("nft", "flush ruleset").ok()),
                    "restore w1"),
            ipv6(
                    "attach anew, all pins lost",
                    ran(BOTH_TCX).andThen(world -> world.lab.removePins(".*")),
                    "attach w1 --vni 7 --backstop always --hook tcx"),
            ipv6(
                    "attach anew, hook lost, other rules",
                    ran(BOTH_TCX + " --enable-gro").andThen(Situation::detachLink),
                    "attach w1 --vni 7 --backstop always --hook tcx"),
            ipv6(
                    "attach anew, hook lost, without a backstop",
                    ran(BOTH_TCX).andThen(Situation::detachLink),
                    "attach w1 --vni 7 --backstop never --force"),
            situation(
                    "restore --all of two",
                    ran("attach w1 --vni 5 --unverified --hook clsact", "attach w3 --vni 6 --hook clsact")
                            .andThen(world -> {
                                world.lab.tc("qdisc", "del", "dev", "w1", "clsact");
                                world.lab.tc("qdisc", "del", "dev", "w3", "clsact");
                            }),
                    "restore --all"),
            after("detach, tcx", TCX, "detach w1"),
            ipv6("detach, both paths and GRO", ran(BOTH + " --enable-gro"), "detach w1"),
            ipv6("detach, tcx, nftables, loopback", ran(BOTH_TCX), "detach w1"),
            situation("detach --all of two", ran(TCX, "attach w3 --vni 6 --hook clsact"), "detach --all"),
            situation("detach, another one stays", ran(BOTH, "attach w3 --vni 6 --hook tcx"), "detach w1"),
            withoutBpffs("detach, attach had mounted bpffs", ran(TCX), "detach w1"),
            fresh("detach, device gone", ran(BOTH).andThen(FaultWorld::deleteDevice), "detach w1"),
            new Situation(
                    "detach, qdisc of somebody else",
                    world -> {
                        world.lab.tc("qdisc", "add", "dev", "w1", "clsact");
                        world.lab.u32Filter(50);
                    },
                    ran(CLSACT),
                    "detach w1",
                    false,
                    () -> {}),
            new Situation(
                    "first attach, tcx program of somebody else",
                    Situation::foreignLink,
                    NOTHING,
                    TCX,
                    false,
                    () -> {}),
            fresh(
                    "attach, device moved",
                    ran(TCX).andThen(FaultWorld::move),
                    "--netns OTHER attach w1 --vni 5 --unverified"),
            fresh("restore --all, device moved", ran(BOTH).andThen(FaultWorld::move), "restore --all"),
            fresh("attach, sweep of a device that is gone", Situation::gone, TCX),
            situation("restore, record of layout 1", Situation::layout1, "restore w1"));

    private static Situation first(String name, String command) {
        return situation(name, NOTHING, command);
    }

    private static Situation after(String name, String earlier, String command) {
        return situation(name, ran(earlier), command);
    }

    private static Situation situation(String name, Consumer<FaultWorld> setup, String command) {
        return new Situation(name, NOTHING, setup, command, false, () -> {});
    }

    private static Situation fresh(String name, Consumer<FaultWorld> setup, String command) {
        return new Situation(name, NOTHING, setup, command, true, () -> {});
    }

    private static Situation ipv6(String name, Consumer<FaultWorld> setup, String command) {
        return new Situation(name, world -> world.lab.ipv6(), setup, command, false, () -> {});
    }

    private static Situation withoutBpffs(String name, Consumer<FaultWorld> setup, String command) {
        Consumer<FaultWorld> unmounted = world -> {
            if (Bpffs.isMounted(Bpffs.DEFAULT)) {
                Bpffs.unmount(Bpffs.DEFAULT);
            }
        };
        return new Situation(
                name,
                unmounted,
                setup,
                command,
                false,
                () -> Shell.run("mount", "-t", "bpf", "bpf", Bpffs.DEFAULT.toString())
                        .ok());
    }

    /** Runs these commands before. */
    private static Consumer<FaultWorld> ran(String... commands) {
        return world -> {
            for (String command : commands) {
                world.csumbpf(command).ok();
            }
        };
    }

    private static void detachLink(FaultWorld world) {
        try (TcxLink link = TcxLink.fromPin(world.lab.pins().resolve("link"))) {
            link.detach();
        }
    }

    private static void foreignLink(FaultWorld world) {
        BpfProgram program = world.keep(Lab.load(FOREIGN.get()));
        int ifindex = world.lab.ifindex("w1");
        world.keep(world.lab.call(() -> TcxLink.attachFirst(program, ifindex)));
    }

    /**
     * Deletes the device of an attachment in the other namespace. The next command that changes anything removes the
     * rest.
     */
    private static void gone(FaultWorld world) {
        String other = world.other();
        FaultWorld.ip(other, "link", "add", "w0", "type", "veth", "peer", "w1");
        world.csumbpf("--netns OTHER attach w1 --unverified --hook tcx").ok();
        FaultWorld.ip(other, "link", "del", "w1");
    }

    private static void layout1(FaultWorld world) {
        RecordedAttachmentTest.attachAsLayout1(world.lab, LAYOUT1.get());
    }

    /** Compiled once, at the first use. */
    private static final Supplier<byte[]> FOREIGN = once(() -> Lab.foreign());

    private static final Supplier<byte[]> LAYOUT1 = once(RecordedAttachmentTest::layout1);

    private static Supplier<byte[]> once(Callable<byte[]> made) {
        byte[][] kept = new byte[1][];
        return () -> {
            try {
                kept[0] = kept[0] == null ? made.call() : kept[0];
                return kept[0];
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        };
    }

    @Override
    public String toString() {
        return name;
    }
}
