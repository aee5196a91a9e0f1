// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.csumbpf.loader.host.MonotonicClock;
import org.csumbpf.pin.AttachException;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.AttachmentView;

/**
 * Reads the counters again and again. It goes on if attachments come, change or go meanwhile.
 *
 * @param ifname the only interface, or null
 * @param seconds from one reading to the next
 */
record CounterWatch(Csumbpf global, String ifname, boolean peers, double seconds) {
    /**
     * One reading.
     *
     * @param failure why nothing could be read; empty: it was read
     */
    record SampleOrFailure(WatchSample sample, Optional<String> failure) {}

    private static final int NO_HISTORY = 1;

    /** Runs until the user quits or the reader of the output goes away. */
    void run(Output out, Output err) {
        out.readerMayLeave();
        if (global.json()) {
            json(out, err);
        } else if (!(Terminals.interactive() && LiveTable.show(this))) {
            lines(out, err);
        }
    }

    /**
     * @param first whether this is the first reading: if it fails, the user made a mistake; later, something changed
     */
    SampleOrFailure read(boolean first) {
        try {
            List<AttachmentView> views = views(first);
            long nanos = MonotonicClock.nanos();
            List<WatchSample.Attachment> attachments = new ArrayList<>();
            for (AttachmentView view : views) {
                attachments.add(WatchSample.attachment(view, view.peers().toMap()));
            }
            return new SampleOrFailure(new WatchSample(nanos, attachments), Optional.empty());
        } catch (RuntimeException e) {
            return new SampleOrFailure(
                    new WatchSample(MonotonicClock.nanos(), List.of()), Optional.of(tolerate(e, first)));
        }
    }

    private List<AttachmentView> views(boolean first) {
        try {
            return StatusCommand.views(
                    global, ifname, peers ? AttachmentReader.Peers.EACH : AttachmentReader.Peers.SKIPPED);
        } catch (AttachException e) {
            if (e.kind() == AttachException.Kind.NOT_ATTACHED
                    || !first && e.kind() == AttachException.Kind.NO_SUCH_INTERFACE) {
                return List.of();
            }
            throw e;
        }
    }

    private static String tolerate(RuntimeException e, boolean first) {
        if (first || ExitCode.of(e) == ExitCode.INTERNAL) {
            throw e;
        }
        return Failure.oneLine(String.valueOf(e.getMessage()));
    }

    private void json(Output out, Output err) {
        Report report = new Report(global, out, err);
        boolean first = true;
        Ticks ticks = new Ticks(seconds);
        do {
            try {
                report.stats(views(first), peers);
            } catch (RuntimeException e) {
                err.println("csumbpf stats: " + tolerate(e, first));
            }
            first = false;
            out.flush();
        } while (!out.checkError() && sleep(ticks));
    }

    private void lines(Output out, Output err) {
        Rates rates = new Rates();
        boolean first = true;
        Ticks ticks = new Ticks(seconds);
        do {
            SampleOrFailure reading = read(first);
            first = false;
            List<Rates.Group> groups = rates.next(reading.sample(), NO_HISTORY);
            if (reading.failure().isPresent()) {
                err.println("csumbpf stats: " + reading.failure().get());
            } else {
                PlainLines.of(Instant.now(), groups, reading.sample().nanos()).forEach(out::println);
            }
            out.flush();
        } while (!out.checkError() && sleep(ticks));
    }

    private static boolean sleep(Ticks ticks) {
        try {
            TimeUnit.NANOSECONDS.sleep(ticks.nanosToNext());
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Points in time at equal intervals, however long the work between them takes. Missed ones are skipped. */
    static final class Ticks {
        private final long interval;
        private long next;

        Ticks(double seconds) {
            interval = Math.round(seconds * 1e9);
            next = System.nanoTime() + interval;
        }

        /** Time from now until the next point; then moves on to the one after it. */
        long nanosToNext() {
            long wait = next - System.nanoTime();
            if (wait < 0) {
                next += (-wait / interval + 1) * interval;
                wait = next - System.nanoTime();
            }
            next += interval;
            return Math.max(0, wait);
        }
    }
}
