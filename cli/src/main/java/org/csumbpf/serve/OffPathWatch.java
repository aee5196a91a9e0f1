// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.csumbpf.maps.Evidence;
import org.csumbpf.snapshot.AttachmentView;
import org.csumbpf.snapshot.OffPath;

/**
 * Tells, by port in a network namespace, whether decrypted packets die now: what came in the last window counts, so that it ends by
 * itself. The first window begins when the rules last changed, as that of {@code csumbpf status} does.
 */
final class OffPathWatch {
    /** A shorter one would call a single burst of errors the state of things. */
    static final long WINDOW_NANOS = 10_000_000_000L;

    private record Attachment(long netns, int ifindex) {}

    private Map<Attachment, Evidence> begun = Map.of();
    private Map<AttachmentView.Port, String> verdicts = Map.of();
    private long begunNanos;
    private boolean first = true;

    /** @return what is amiss, by port; nothing of those where all is well */
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
                        new Attachment(view.place().netns(), view.place().ifindex());
                Evidence before = begun.containsKey(key)
                        ? begun.get(key)
                        : view.record().orElseThrow().baseline();
                now.put(key, view.baseline().orElseThrow());
                since.merge(view.port().orElseThrow(), evidence.get().since(before), Evidence::plusAttachment);
            }
        }
        String time = first ? OffPath.SINCE_RULES : "in " + (nowNanos - begunNanos) / 1_000_000_000 + " s";
        Map<AttachmentView.Port, String> found = new HashMap<>();
        since.forEach((port, evidence) ->
                OffPath.judge(evidence, port.number(), time).ifPresent(text -> found.put(port, text)));
        begun = now;
        begunNanos = nowNanos;
        first = false;
        verdicts = found;
        return verdicts;
    }
}
