// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.lab;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The Docker Swarm of tests/swarm/swarm.sh, on hosts a and b. The script describes its commands. */
public final class Swarm implements AutoCloseable {
    static final Path SCRIPT = Shell.CHECKOUT.resolve("tests/swarm/swarm.sh");
    private static final Pattern SPI = Pattern.compile(" spi (0x[0-9a-f]+)");

    public final Host a = new Host("csumbpf-a", true);
    public final Host b = new Host("csumbpf-b", true);
    private final Map<Host, String> letters = Map.of(a, "a", b, "b");

    /** @param suite the Debian suite whose engine is used */
    public Swarm(String suite, int keyRotationSeconds) {
        Shell.run("env", "CSUMBPF_KEY_ROTATION=" + keyRotationSeconds, SCRIPT.toString(), "up", suite)
                .ok();
    }

    /** Whether the script has engines up, on this machine. */
    static boolean isUp() {
        return Files.exists(Path.of("/run/csumbpf-swarm"));
    }

    public int loss(Host from, Host to, String network, int size) {
        return Integer.parseInt(script("loss", letters.get(from), letters.get(to), network, Integer.toString(size)));
    }

    /** Whether the data arrives unchanged within two minutes. */
    public boolean transfer(Host from, Host to, String network, int megabytes) {
        return script("transfer", letters.get(from), letters.get(to), network, Integer.toString(megabytes), "120")
                .equals("whole");
    }

    /** The addresses of the service's name, as a host's replica resolves it. */
    public List<String> names(Host host) {
        return List.of(script("names", letters.get(host)).split(" "));
    }

    /** The host names of the replicas that answer on a's published port. */
    public List<String> published() {
        return List.of(script("published").split(" "));
    }

    public void stop(Host host) {
        script("stop", letters.get(host));
    }

    public void start(Host host) {
        script("start", letters.get(host));
    }

    public void leave(Host host) {
        script("leave", letters.get(host));
    }

    public void join(Host host) {
        script("join", letters.get(host));
    }

    /** Makes an encrypted network, and a container on it on each host. */
    public void create(String network, String subnet) {
        script("create", network, subnet);
    }

    /** Removes what {@link #create} made. */
    public void remove(String network) {
        script("remove", network);
    }

    public void await() {
        script("await");
    }

    /** Loads an image of 'docker save' or 'make dist' into the engine of a host. */
    public void load(Host host, Path image) {
        script("load", letters.get(host), image.toString());
    }

    /** Creates a secret of the Swarm. */
    public void secret(String name, Path file) {
        script("secret", name, file.toString());
    }

    /**
     * Deploys a stack of one or more files on the manager, with images that are loaded.
     *
     * @param listen where the agents serve metrics
     */
    public void deploy(String stack, String listen, Path... files) {
        Shell.run(Shell.join(
                        new String[] {"env", "CSUMBPF_LISTEN=" + listen, SCRIPT.toString(), "deploy", stack},
                        Arrays.stream(files).map(Path::toString).toArray(String[]::new)))
                .ok();
    }

    /**
     * The host names whose newest task of a service is in a state.
     *
     * @param state Running, Complete
     */
    public List<String> tasks(String service, String state) {
        return List.of(script("tasks", service, state).split(" "));
    }

    /** Starts the agent of a tarball of 'make dist' on a host, as the package's unit does, until {@link #endAgent}. */
    public void startAgent(Host host, Path tarball) {
        script("agent", letters.get(host), tarball.toString());
    }

    public void endAgent(Host host) {
        script("end-agent", letters.get(host));
    }

    /** What a container said. */
    public String logs(Host host, String container) {
        return script("logs", letters.get(host), container);
    }

    /** What a docker command prints on the engine of a host. */
    public String docker(Host host, String... arguments) {
        return script(Shell.join(new String[] {"docker", letters.get(host)}, arguments));
    }

    /** Lets the replicas ping each other on a network, both ways, until {@link #quiet}. */
    public void pings(String network) {
        script("pings", network);
    }

    /** How many pings had no answer, both ways; without the last one of each, which may be on its way. */
    public int quiet() {
        return script("quiet")
                .lines()
                .map(line -> line.split(" "))
                .mapToInt(words -> Math.max(0, Integer.parseInt(words[0]) - Integer.parseInt(words[1]) - 1))
                .sum();
    }

    /** Shows the namespaces of a host's engine where they would be on a host of its own, until {@link #hideNamespaces}. */
    public void showNamespaces(Host host) {
        script("namespaces", letters.get(host));
    }

    public void hideNamespaces() {
        script("namespaces", "none");
    }

    /** @param id not-encrypted, or as tests/lab/break.sh names it */
    public void damage(String id) {
        script("break", id);
    }

    public void mend(String id) {
        script("mend", id);
    }

    /** The path of the engine's socket. */
    public String socket(Host host) {
        return script("socket", letters.get(host));
    }

    /** Where a host's bpffs is, for whoever is not in the engine's mount namespace. */
    public Path bpffs(Host host) {
        return Path.of(script("bpffs", letters.get(host)));
    }

    public String vni(String network) {
        return script("vni", network);
    }

    /**
     * SPIs of the SAs with which a host decrypts what the other one sends: one for each key that its engine has. If a
     * node leaves and joins again, Docker forgets to remove some SAs; they stay for good.
     */
    public Set<String> inboundSpis(Host host) {
        return spis(host, "state", "list", "src", host.equals(a) ? "203.0.113.10" : "203.0.113.2");
    }

    /** SPIs with which a host encrypts: one, of the key in use. */
    public Set<String> outboundSpis(Host host) {
        return spis(host, "policy", "list", "dir", "out");
    }

    private static Set<String> spis(Host host, String... what) {
        String list = Shell.run(Shell.join(new String[] {"ip", "-n", host.name, "xfrm"}, what))
                .ok()
                .out();
        return SPI.matcher(list).results().map(spi -> spi.group(1)).collect(Collectors.toSet());
    }

    private static String script(String... command) {
        return Shell.run(Shell.join(new String[] {SCRIPT.toString()}, command))
                .ok()
                .out()
                .strip();
    }

    @Override
    public void close() {
        script("down");
    }
}
