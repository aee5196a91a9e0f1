// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import org.csumbpf.loader.Advised;

/** A map has a layout that this version does not know, because another version of csumbpf made the map. */
public final class OtherVersionException extends IllegalStateException implements Advised {
    private static final String NEXT = "run 'csumbpf detach IFACE', then 'csumbpf attach IFACE'";

    private final String problem;

    OtherVersionException(String what) {
        this(what + "; another version of csumbpf made the attachment", NEXT);
    }

    private OtherVersionException(String problem, String next) {
        super(problem + ": " + next);
        this.problem = problem;
    }

    @Override
    public String problem() {
        return problem;
    }

    @Override
    public String next() {
        return NEXT;
    }
}
