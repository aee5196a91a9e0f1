// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Pattern;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Fails each test during which the kernel logged a warning. */
final class KernelLog implements BeforeEachCallback, AfterEachCallback {
    /**
     * Warnings not caused by csumbpf: the JVM reads /proc/cgroups, an emulated processor is slow, a Docker engine that
     * starts mounts a layer that it has mounted already.
     */
    private static final Pattern NOT_OURS = Pattern.compile(
            ".*(/proc/cgroups lists only v1 controllers|hrtimer: interrupt took|clocksource: Long readout interval"
                    + "|is still in use by bond|overlayfs: lowerdir is in-use).*");

    private List<String> before;
    private boolean leftOut;

    @Override
    public void beforeEach(ExtensionContext context) {
        before = warnings();
    }

    /**
     * Call this before attach: if the kernel has already warned of a wrong checksum, later warnings prove nothing about
     * csumbpf.
     */
    void leaveOutIfTheKernelWarnsByItself() {
        List<String> now = warnings();
        leftOut = now.subList(before.size(), now.size()).stream().anyMatch(line -> line.contains("hw csum failure"));
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (leftOut) {
            return;
        }
        List<String> after = warnings();
        assertThat(after.subList(before.size(), after.size()))
                .as("the kernel's warnings")
                .allMatch(line -> NOT_OURS.matcher(line).matches());
    }

    private static List<String> warnings() {
        return Shell.run("dmesg", "--level", "emerg,alert,crit,err,warn")
                .ok()
                .out()
                .lines()
                .toList();
    }
}
