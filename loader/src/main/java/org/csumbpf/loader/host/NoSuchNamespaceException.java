// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import org.csumbpf.loader.AdvisedException;

/** There is no such network namespace. */
public final class NoSuchNamespaceException extends AdvisedException {
    /** @param next what to do about it; null: nothing is known */
    NoSuchNamespaceException(String problem, String next) {
        super(problem, next, null);
    }

    /** The same exception with words in front of the next step. */
    public NoSuchNamespaceException suggesting(String words) {
        return next() == null ? this : new NoSuchNamespaceException(problem(), words + next());
    }
}
