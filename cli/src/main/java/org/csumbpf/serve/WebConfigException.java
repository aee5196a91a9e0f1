// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import java.nio.file.Path;
import org.csumbpf.loader.AdvisedException;

/** The file of --web-config, or a file that it names, is wrong. The message names file, line, mistake and next step. */
public final class WebConfigException extends AdvisedException {
    /**
     * @param line from 1; 0: the file as a whole
     * @param next what to do about it; null: the problem says it
     */
    WebConfigException(Path file, int line, String problem, String next) {
        super(file + (line > 0 ? ":" + line : "") + ": " + problem, next, null);
    }
}
