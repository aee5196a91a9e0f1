// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.Callable;
import org.csumbpf.loader.host.NetworkNamespace;

/** A named network namespace. It runs commands there, the product's own with --netns. */
public class Host {
    public final String name;
    private final boolean installed;

    /** A host that uses the installed command. */
    public Host(String name) {
        this(name, true);
    }

    /** @param installed whether to run the installed command, or the same code in this JVM: see {@link Shell#here} */
    public Host(String name, boolean installed) {
        this.name = name;
        this.installed = installed;
    }

    /** The command line that runs a command there. Mounts stay those of the caller. */
    public String[] in(String... command) {
        return Shell.join(new String[] {"nsenter", "--net=/run/netns/" + name, "--"}, command);
    }

    public Shell.Result run(String... command) {
        return Shell.run(in(command));
    }

    /** The product's command line for this namespace. */
    public String[] command(String... arguments) {
        return Shell.csumbpf(global(arguments));
    }

    public Shell.Result csumbpf(String... arguments) {
        return installed ? Shell.run(command(arguments)) : Shell.here(global(arguments));
    }

    private String[] global(String... arguments) {
        return Shell.join(new String[] {"--netns", name}, arguments);
    }

    /** A command's JSON. If status reports a problem ("amiss"), its exit code must be 9. */
    public JsonNode json(String... arguments) {
        Shell.Result result = csumbpf(Shell.join(arguments, new String[] {"--json"}));
        if (!arguments[0].equals("status")) {
            return parse(result.ok().out());
        }
        JsonNode status = parse(result.out());
        result.ended(status.path("amiss").asBoolean() ? 9 : 0);
        return status;
    }

    /**
     * Packets repaired on this host, by all attachments.
     *
     * @param path "tc" or "backstop"
     */
    public long repaired(String path) {
        String field = (path.equals("tc") ? "" : "/backstop") + "/repaired/packets";
        long packets = 0;
        for (JsonNode attachment : json("stats").get("attachments")) {
            for (JsonNode vni : attachment.get("counters")) {
                packets += vni.at(field).asLong();
            }
        }
        return packets;
    }

    public static JsonNode parse(String json) {
        try {
            return new ObjectMapper().readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException(json, e);
        }
    }

    /** Calls {@code work} in the namespace, in this process. */
    public <T> T call(Callable<T> work) {
        try (NetworkNamespace netns = NetworkNamespace.named(name)) {
            return netns.call(work);
        }
    }
}
