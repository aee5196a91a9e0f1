// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.maps.Evidence;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.AfterTcDrops;

/**
 * Judges, for each port of a network namespace, whether decrypted packets are dropped now. Only the last window counts,
 * so that the report ends when the drops do. The first window begins when the rules last changed, as in
 * {@code csumbpf status}.
 */
final class AfterTcDropsWatch {
    /** Nanoseconds. In a shorter window a single burst of errors would look like a lasting problem. */
    static final long WINDOW_NANOS = 10_000_000_000L;

    private record Attachment(long netns, int ifindex) {}

    private Map<Attachment, Evidence> begun = Map.of();
    private Map<AttachmentView.Port, String> verdicts = Map.of();
    private long begunNanos;
    private boolean first = true;

    /** @return the problem, by port; ports without one are left out */
    Map<AttachmentView.Port, String> judge(List<AttachmentView> views, long nowNanos) {
        if (!first && nowNanos - begunNanos < WINDOW_NANOS) {
            return verdicts;
        }
        Map<Attachment, Evidence> now = new HashMap<>();
        Map<AttachmentView.Port, Evidence> since = new HashMap<>();
        for (AttachmentView view : views) {
            Optional<Evidence> evidence = view.evidence();
            if (evidence.isPresent()) {
                Attachment key =
                        new Attachment(view.location().netns(), view.location().ifindex());
                Evidence before = begun.containsKey(key)
                        ? begun.get(key)
                        : view.record().orElseThrow().baseline();
                now.put(key, view.baseline().orElseThrow());
                since.merge(view.port().orElseThrow(), evidence.get().since(before), Evidence::plusAttachment);
            }
        }
        String time = first ? AfterTcDrops.SINCE_RULES : "in " + (nowNanos - begunNanos) / 1_000_000_000 + " s";
        Map<AttachmentView.Port, String> found = new HashMap<>();
        since.forEach((port, evidence) ->
                AfterTcDrops.judge(evidence, port.number(), time).ifPresent(text -> found.put(port, text)));
        begun = now;
        begunNanos = nowNanos;
        first = false;
        verdicts = found;
        return verdicts;
    }
}
