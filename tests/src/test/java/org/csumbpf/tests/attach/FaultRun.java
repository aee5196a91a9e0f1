// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.csumbpf.loader.Errno;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Shell;

/**
 * The program that {@link FaultTest} runs in a {@link PrivateWorld}. For each situation it runs the command unharmed to
 * list its steps, then again and again with one step harmed, each time from the same beginning.
 */
final class FaultRun {
    private static final Path LOG = Path.of("/run/steps");
    /** The exit code of a command that SIGKILL ended, from Shell.run as from inject. */
    private static final int KILLED = 137;

    /**
     * The errnos with which each step can fail. One that means "done already" is no failure and not listed: ENOENT of a
     * deletion, EEXIST of mkdir.
     */
    private static final Map<String, List<Integer>> ERRNOS = Map.ofEntries(
            Map.entry("bpf-map-create", List.of(Errno.ENOMEM, Errno.EPERM)),
            Map.entry("bpf-map-update", List.of(Errno.ENOMEM, Errno.EPERM)),
            Map.entry("bpf-map-update-batch", List.of(Errno.ENOMEM)),
            Map.entry("bpf-map-delete", List.of(Errno.EPERM)),
            Map.entry("bpf-map-delete-batch", List.of(Errno.EPERM)),
            Map.entry("bpf-prog-load", List.of(Errno.ENOMEM, Errno.EPERM, Errno.EINVAL)),
            Map.entry("bpf-btf-load", List.of(Errno.ENOMEM)),
            Map.entry("bpf-obj-pin", List.of(Errno.ENOMEM, Errno.EPERM)),
            Map.entry("bpf-prog-bind-map", List.of(Errno.ENOMEM)),
            Map.entry("bpf-link-create", List.of(Errno.ENOMEM, Errno.EPERM, Errno.EBUSY)),
            Map.entry("bpf-link-update", List.of(Errno.ENOMEM, Errno.EPERM)),
            Map.entry("bpf-link-detach", List.of(Errno.EPERM)),
            Map.entry("rtnetlink-qdisc-add", List.of(Errno.ENOBUFS, Errno.EPERM)),
            Map.entry("rtnetlink-qdisc-del", List.of(Errno.ENOBUFS, Errno.EPERM)),
            Map.entry("rtnetlink-filter-add", List.of(Errno.ENOBUFS, Errno.EPERM)),
            Map.entry("rtnetlink-filter-del", List.of(Errno.ENOBUFS, Errno.EPERM)),
            Map.entry("nftables-transaction", List.of(Errno.ENOBUFS, Errno.EPERM)),
            Map.entry("ethtool-set", List.of(Errno.EPERM, Errno.EBUSY)),
            Map.entry("mount", List.of(Errno.EPERM, Errno.ENOMEM, Errno.EBUSY)),
            Map.entry("umount", List.of(Errno.EPERM, Errno.EBUSY)),
            Map.entry("open", List.of(Errno.EACCES, Errno.EMFILE, Errno.ENOSPC)),
            Map.entry("mkdir", List.of(Errno.ENOSPC, Errno.EACCES, Errno.EROFS)),
            Map.entry("rename", List.of(Errno.ENOSPC, Errno.EACCES, Errno.EROFS)),
            Map.entry("unlink", List.of(Errno.EACCES, Errno.EROFS)),
            Map.entry("rmdir", List.of(Errno.EACCES, Errno.EBUSY)),
            Map.entry("flock", List.of(Errno.ENOLCK, Errno.EINTR)),
            Map.entry("setns", List.of(Errno.EPERM, Errno.ENOMEM)),
            Map.entry("delete-module", List.of(Errno.EBUSY, Errno.EPERM)),
            Map.entry("fork", List.of(Errno.EAGAIN)),
            Map.entry("execve", List.of(Errno.ENOENT, Errno.ENOMEM)),
            Map.entry("exit", List.of()));

    /** Patterns of faults that once lost something; they are always among those chosen. */
    private static final List<String> FOUND = List.of(
            "first attach, bpffs not mounted, step \\d+ bpf-map-create (config|first_rules) kill",
            "first attach, bpffs not mounted, step \\d+ bpf-obj-pin .*/attachment_replacement kill",
            "more rules than slots change, step \\d+ rename .*/rules_replacement EROFS",
            "the backstop goes, step \\d+ execve .* kill",
            "restore, hook lost, clsact, step \\d+ rtnetlink-filter-add .* kill");

    private final Path inject;
    private final int limit;
    private final List<String> lost = new ArrayList<>();
    private int steps;
    private int faults;
    private int kills;
    private int missed;

    /** @param limit how many faults of each situation; 0: all */
    private FaultRun(Path inject, int limit) {
        this.inject = inject;
        this.limit = limit;
    }

    /**
     * Arguments: INJECT LIMIT SHARE OF [PATTERN]. Of the situations whose name matches, runs every OF-th from SHARE on.
     *
     * <p>Prints "lost: ..." for each thing that was lost, and last "done: SITUATIONS STEPS FAULTS KILLS MISSED".
     */
    public static void main(String[] args) {
        FaultRun run = new FaultRun(Path.of(args[0]), Integer.parseInt(args[1]));
        List<Situation> all = Situation.ALL.stream()
                .filter(situation -> situation.name().matches(args.length > 4 ? args[4] : ".*"))
                .toList();
        int situations = 0;
        for (int i = Integer.parseInt(args[2]); i < all.size(); i += Integer.parseInt(args[3])) {
            run.situation(all.get(i), i);
            situations++;
        }
        System.out.println(
                "done: " + situations + " " + run.steps + " " + run.faults + " " + run.kills + " " + run.missed);
        System.exit(0);
    }

    private record Step(int number, String name, String detail) {
        static List<Step> read() {
            try {
                return Files.readAllLines(LOG).stream()
                        .map(line -> line.split(" ", 3))
                        .map(words -> new Step(Integer.parseInt(words[0]), words[1], words[2].replaceAll("\\d+", "N")))
                        .toList();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    /** @param errno 0: the command is killed before the step */
    private record Fault(Step step, int errno) {
        @Override
        public String toString() {
            return "step " + step.number() + " " + step.name() + " " + step.detail() + " "
                    + (errno == 0 ? "kill" : Errno.name(errno));
        }
    }

    private void situation(Situation situation, int number) {
        long began = System.nanoTime();
        int lostBefore = lost.size();
        FaultWorld world = null;
        int done = 0;
        try {
            world = begin(situation);
            FaultWorld.Seen before = world.observe();
            Shell.Result unharmed = run(world, situation);
            List<Step> listed = Step.read();
            if (unharmed.code() != 0) {
                lose(situation + ": unharmed: " + unharmed);
                return;
            }
            FaultWorld.Seen after = world.observe();
            world.lies().forEach(lie -> lose(situation + ", unharmed: " + lie));
            world = end(situation, world, situation + ", unharmed");
            steps += listed.size();
            for (Fault fault : chosen(situation, listed, number)) {
                String what = situation + ", " + fault;
                if (world == null) {
                    world = begin(situation);
                } else {
                    situation.setup().accept(world);
                }
                try {
                    harm(situation, world, fault, what, before, after);
                } catch (RuntimeException | AssertionError e) {
                    lose(what + ": " + e);
                }
                world = end(situation, world, what);
                done++;
            }
        } catch (RuntimeException | AssertionError e) {
            lose(situation + ": " + e);
            e.printStackTrace();
        } finally {
            if (world != null) {
                world.close();
            }
            leaked(situation.toString());
            situation.afterwards().run();
            System.out.printf(
                    "%s: %d faults, %d lost, %d s%n",
                    situation, done, lost.size() - lostBefore, (System.nanoTime() - began) / 1_000_000_000);
        }
    }

    private FaultWorld begin(Situation situation) {
        FaultWorld world = new FaultWorld();
        cookies = world.cookies;
        situation.foreign().accept(world);
        hostBefore = world.host();
        descriptorsBefore = FaultWorld.descriptors();
        situation.setup().accept(world);
        return world;
    }

    private Set<Long> cookies = Set.of();
    private List<String> hostBefore;
    private List<String> descriptorsBefore;

    /** Detaches and checks what is left. Returns the world if it can be used again, else null. */
    private FaultWorld end(Situation situation, FaultWorld world, String what) {
        Shell.Result detach = world.csumbpf("detach --all");
        if (detach.code() != 0) {
            lose(what + ": detach afterwards: " + detach);
        }
        List<String> left = new ArrayList<>(world.host());
        left.removeAll(hostBefore);
        List<String> gone = new ArrayList<>(hostBefore);
        gone.removeAll(world.host());
        List<String> descriptors = FaultWorld.descriptors();
        if (!situation.fresh() && !(left.isEmpty() && gone.isEmpty())) {
            lose(what + ": after detach there is " + left + ", and there is no " + gone);
        } else if (situation.fresh() && left.stream().anyMatch(line -> line.contains("csumbpf"))) {
            lose(what + ": after detach there is " + left);
        }
        if (!descriptors.equals(descriptorsBefore)) {
            lose(what + ": descriptors " + descriptors + " and not " + descriptorsBefore);
        }
        if (situation.fresh() || !left.isEmpty() || !gone.isEmpty()) {
            world.close();
            leaked(what);
            return null;
        }
        return world;
    }

    /** Waits for the kernel to free the maps, which takes a moment after their last user is gone. */
    private void leaked(String what) {
        try {
            Limit.await(
                    "end of the maps of " + what, Limit.seconds(20), () -> FaultWorld.records(cookies), List::isEmpty);
        } catch (AssertionError e) {
            lose(e.getMessage());
        }
    }

    private Shell.Result run(FaultWorld world, Situation situation, String... fault) {
        List<String> command = new ArrayList<>(List.of(inject.toString(), LOG.toString()));
        command.addAll(List.of(fault));
        command.add("--");
        command.addAll(List.of(Shell.csumbpf(world.arguments(situation.command()))));
        return Shell.run(command.toArray(String[]::new));
    }

    private void harm(
            Situation situation,
            FaultWorld world,
            Fault fault,
            String what,
            FaultWorld.Seen before,
            FaultWorld.Seen after) {
        boolean kill = fault.errno() == 0;
        Shell.Result result = run(
                world,
                situation,
                Integer.toString(fault.step().number()),
                kill ? "kill" : Integer.toString(fault.errno()));
        faults += kill ? 0 : 1;
        kills += kill ? 1 : 0;
        List<Step> met = Step.read();
        boolean reached = met.size() >= fault.step().number();
        if (!reached
                || !met.get(fault.step().number() - 1)
                        .name()
                        .equals(fault.step().name())) {
            // If the kernel runs programs of another world, a command searches namespaces and has more steps.
            missed++;
        }
        reported(result, kill && reached, what);
        FaultWorld.Seen seen = world.observe();
        if (!seen.packets().equals(before.packets()) && !seen.packets().equals(after.packets())) {
            lose(what + ": packets " + seen.packets() + ", before " + before.packets() + ", asked " + after.packets());
        }
        seen.attachments().forEach((label, reported) -> {
            if (!reported.state().equals("attached")) {
                return;
            }
            Set<String> right = new LinkedHashSet<>();
            for (FaultWorld.Seen other : List.of(before, after)) {
                if (other.attachments().containsKey(label)) {
                    right.add(other.attachments().get(label).rules());
                }
            }
            if (!right.contains(reported.rules())) {
                lose(what + ": rules of " + label + " are " + reported.rules() + ", which is none of " + right);
            }
        });
        if (result.code() == 0 && !result.err().contains("warning") && !seen.equals(after)) {
            lose(what + ": exit code 0 and no warning, and it is " + seen + " and not " + after);
        }
        world.lies().forEach(lie -> lose(what + ": status: " + lie));
        if (fault.step().number() % 2 == 1) {
            return; // the next command will be detach
        }
        Shell.Result again = world.csumbpf(situation.command());
        boolean undone = situation.command().contains("detach") && (again.code() == 6 || again.code() == 4);
        if (again.code() != 0 && !undone) {
            lose(what + ": the same again: " + again);
        }
        FaultWorld.Seen last = world.observe();
        if (!last.equals(after)) {
            lose(what + ": after the same again it is " + last + " and not " + after);
        }
        world.lies().forEach(lie -> lose(what + ": status after the same again: " + lie));
    }

    /** Checks that an error is one line, has a documented exit code and no stack trace. */
    private void reported(Shell.Result result, boolean kill, String what) {
        if (kill) {
            if (result.code() != KILLED) {
                lose(what + ": not killed: " + result);
            }
            return;
        }
        boolean documented = result.code() == 0 || (result.code() >= 3 && result.code() <= 8);
        List<String> errors = result.err()
                .lines()
                .filter(line -> !line.contains(": warning: "))
                .toList();
        int most = what.contains("--all") ? 3 : 1; // a line for each attachment
        if (!documented
                || (result.code() == 0 ? !errors.isEmpty() : errors.isEmpty() || errors.size() > most)
                || result.err().contains("\tat ")
                || result.err().contains("Exception")) {
            lose(what + ": " + result);
        }
    }

    /**
     * Chooses the faults: for each step a kill and each errno. If there are more than the limit, chooses evenly spread
     * ones, and others in each situation.
     */
    private List<Fault> chosen(Situation situation, List<Step> listed, int number) {
        List<Fault> all = new ArrayList<>();
        for (Step step : listed) {
            all.add(new Fault(step, 0));
            List<Integer> errnos = ERRNOS.get(step.name());
            if (errnos == null) {
                throw new IllegalStateException("no errnos for " + step.name());
            }
            errnos.forEach(errno -> all.add(new Fault(step, errno)));
        }
        if (limit == 0 || all.size() <= limit) {
            return all;
        }
        List<Fault> some = new ArrayList<>(all.stream()
                .filter(fault -> FOUND.stream().anyMatch((situation + ", " + fault)::matches))
                .toList());
        for (int i = 0; i < limit; i++) {
            // Each situation starts a third further on, so that the steps which all begin with are not always harmed at
            // the same place.
            some.add(all.get((int) ((i + number % 3 / 3.0) * all.size() / limit)));
        }
        return some;
    }

    private void lose(String what) {
        lost.add(what);
        System.out.println("lost: " + what.lines().collect(Collectors.joining(" | ")));
    }
}
