// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * The test that runs: what its commands said, and what is to be taken down after it. Tests run one after the other, but a
 * test's commands on several threads; a test of the tests runs another one inside it.
 */
public final class Case {
    private static final int MAX_OUTPUT = 64 * 1024;
    private static final int MAX_RECORD = 4 * 1024 * 1024;
    private static final Deque<Case> RUNNING = new ConcurrentLinkedDeque<>();

    private final Deque<String> record = new ArrayDeque<>();
    private final Deque<Runnable> takeDowns = new ArrayDeque<>();
    private int recorded;
    private int dropped;
    private boolean inBody;

    private Case() {}

    static Case begin() {
        Case begun = new Case();
        RUNNING.push(begun);
        return begun;
    }

    void end() {
        RUNNING.remove(this);
    }

    /** From now on, what is closed stays until the test has ended, so that it can be looked at if the test fails. */
    void body(boolean running) {
        synchronized (takeDowns) {
            inBody = running;
        }
    }

    /** Takes down after the running test's body; at once where none runs. */
    public static void takeDownLater(Runnable work) {
        Case running = RUNNING.peek();
        if (running != null) {
            synchronized (running.takeDowns) {
                if (running.inBody) {
                    running.takeDowns.add(work);
                    return;
                }
            }
        }
        work.run();
    }

    /** Takes down what is closed already: before something new takes its names, and at the end. */
    static void takeDownNow() {
        Case running = RUNNING.peek();
        if (running != null) {
            running.takeDown();
        }
    }

    /** All of it, whatever fails; the first failure is thrown. */
    void takeDown() {
        Throwable failure = null;
        for (Runnable work = next(); work != null; work = next()) {
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure instanceof RuntimeException exception) {
            throw exception;
        } else if (failure != null) {
            throw (Error) failure;
        }
    }

    private Runnable next() {
        synchronized (takeDowns) {
            return takeDowns.poll();
        }
    }

    /** A command and what came of it. */
    static void record(String command, String result, String out, String err, long nanos) {
        Case running = RUNNING.peek();
        if (running != null) {
            running.add(
                    String.format("$ %s%n%s%s[%s, %d ms]%n", command, cut(out), cut(err), result, nanos / 1_000_000));
        }
    }

    private static String cut(String text) {
        String kept = text.length() <= MAX_OUTPUT
                ? text
                : text.substring(0, MAX_OUTPUT) + "\n[" + (text.length() - MAX_OUTPUT) + " more characters]";
        return kept.isEmpty() || kept.endsWith("\n") ? kept : kept + "\n";
    }

    private void add(String entry) {
        synchronized (record) {
            record.add(entry);
            recorded += entry.length();
            while (recorded > MAX_RECORD) {
                recorded -= record.remove().length();
                dropped++;
            }
        }
    }

    String recorded() {
        synchronized (record) {
            return (dropped == 0 ? "" : "[" + dropped + " earlier commands left out]\n") + String.join("\n", record);
        }
    }
}
