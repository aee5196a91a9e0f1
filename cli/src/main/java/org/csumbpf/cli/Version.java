// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import picocli.CommandLine.IVersionProvider;

/** The version of the jar that contains this class. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"csumbpf " + number()};
    }

    static String number() {
        String version = Version.class.getPackage().getImplementationVersion();
        return version == null ? "(unpackaged)" : version;
    }
}
