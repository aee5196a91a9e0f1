// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.maps.DropBaseline;
import org.csumbpf.snapshot.AfterTcDrops;
import org.csumbpf.snapshot.AttachmentView;

/**
 * Judges, for each port of a network namespace, whether decrypted packets are dropped now. Only the last window counts,
 * so that the report ends when the drops do. The first window begins when the rules last changed, as in
 * {@code csumbpf status}.
 */
final class AfterTcDropsWatch {
    /** Nanoseconds. In a shorter window a single burst of errors would look like a lasting problem. */
    static final long WINDOW_NANOS = 10_000_000_000L;

    private record AttachmentId(long netns, int ifindex) {}

    private Map<AttachmentId, DropBaseline> begun = Map.of();
    private Map<AttachmentView.Port, String> verdicts = Map.of();
    private long begunNanos;
    private boolean first = true;

    /** @return the problem, by port; ports without one are left out */
    Map<AttachmentView.Port, String> judge(List<AttachmentView> views, long nowNanos) {
        if (!first && nowNanos - begunNanos < WINDOW_NANOS) {
            return verdicts;
        }
        Map<AttachmentId, DropBaseline> now = new HashMap<>();
        Map<AttachmentView.Port, DropBaseline> since = new HashMap<>();
        for (AttachmentView view : views) {
            Optional<DropBaseline> counts = view.dropCounts();
            if (counts.isPresent()) {
                AttachmentId key = new AttachmentId(
                        view.location().netns(), view.location().ifindex());
                DropBaseline before = begun.containsKey(key)
                        ? begun.get(key)
                        : view.record().orElseThrow().baseline();
                now.put(key, view.baseline().orElseThrow());
                since.merge(view.port().orElseThrow(), counts.get().since(before), DropBaseline::plusAttachment);
            }
        }
        String time = first ? AfterTcDrops.SINCE_RULES : "in " + (nowNanos - begunNanos) / 1_000_000_000 + " s";
        Map<AttachmentView.Port, String> found = new HashMap<>();
        since.forEach((port, counts) ->
                AfterTcDrops.judge(counts, port.number(), time).ifPresent(text -> found.put(port, text)));
        begun = now;
        begunNanos = nowNanos;
        first = false;
        verdicts = found;
        return verdicts;
    }
}
