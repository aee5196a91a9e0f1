// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/** A map whose layout this version does not know: another version of csumbpf made it. */
public final class OtherVersionException extends IllegalStateException {
    OtherVersionException(String what) {
        super(what
                + "; it was attached by another version of csumbpf: run 'csumbpf detach' on it, and attach it again");
    }
}
