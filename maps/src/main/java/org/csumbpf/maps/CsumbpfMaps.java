// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.csumbpf.loader.BpfObject;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.RawMap;

/** The maps of one attachment, under their names in bpf/lib/maps.h. */
public final class CsumbpfMaps implements AutoCloseable {
    /** The ring buffer that the program writes {@link Event}s to. */
    public static final String EVENTS = "events";

    /** The maps that are pinned. {@code attachment} is first: it says how to undo the rest. */
    public static final List<String> PINNED = List.of(
            RecordMap.NAME, "config", "rules", "counters", "backstop", "totals", "peers", EVENTS, "events_lost");

    /** {@code CSUMBPF_RULES_MAX}: room for rules of single VNIs. */
    public static final int RULES_MAX = 32768;
    /** {@code CSUMBPF_PEERS_MAX}: room for peers; the one that was silent for longest goes first. */
    public static final int PEERS_MAX = 65536;

    private static final int ALLOCATION_ATTEMPTS = 100;
    private static final long ALLOCATION_PAUSE_NANOS = 5_000_000;

    private final RecordMap attachment;
    private final BpfMap<Integer, Optional<Config>> config;
    private final BpfMap<Integer, Optional<Rule>> rules;
    private final BpfMap<Integer, Counters> counters;
    private final BpfMap<Integer, Counters> backstop;
    private final BpfMap<Integer, Count> totals;
    private final BpfMap<PeerKey, Peer> peers;
    private final RawMap events;
    private final BpfMap<Integer, Long> eventsLost;

    private CsumbpfMaps(Function<String, RawMap> source) {
        attachment = new RecordMap(source.apply(RecordMap.NAME));
        config = BpfMap.shared(source.apply("config"), Codecs.U32, Codecs.CONFIG);
        rules = BpfMap.shared(source.apply("rules"), Codecs.U32, Codecs.RULE);
        counters = BpfMap.perCpu(source.apply("counters"), Codecs.U32, Codecs.COUNTERS, Counters::plus);
        backstop = BpfMap.perCpu(source.apply("backstop"), Codecs.U32, Codecs.COUNTERS, Counters::plus);
        totals = BpfMap.perCpu(source.apply("totals"), Codecs.U32, Codecs.COUNT, Count::plus);
        peers = BpfMap.shared(source.apply("peers"), Codecs.PEER_KEY, Codecs.PEER);
        events = source.apply(EVENTS);
        eventsLost = BpfMap.perCpu(source.apply("events_lost"), Codecs.U32, Codecs.U64, Long::sum);
    }

    /** The maps of a loaded object. */
    public static CsumbpfMaps of(BpfObject object) {
        return new CsumbpfMaps(object::map);
    }

    /** The maps pinned in a directory. */
    public static CsumbpfMaps fromPins(Path directory) {
        return new CsumbpfMaps(name -> RawMap.fromPin(directory.resolve(name)));
    }

    /** The map of that name, to be pinned or handed to another object. */
    public RawMap raw(String name) {
        return switch (name) {
            case RecordMap.NAME -> attachment.raw();
            case "config" -> config.raw();
            case "rules" -> rules.raw();
            case "counters" -> counters.raw();
            case "backstop" -> backstop.raw();
            case "totals" -> totals.raw();
            case "peers" -> peers.raw();
            case EVENTS -> events;
            case "events_lost" -> eventsLost.raw();
            default -> throw new IllegalArgumentException("no map " + name);
        };
    }

    public RecordMap record() {
        return attachment;
    }

    /** Empty until the first {@link #config(Config)}: the kernel made the entry with port 0. */
    public Optional<Config> config() {
        return config.get(0).orElseThrow();
    }

    public void config(Config value) {
        // Counters first: a packet that meets the rule must find them.
        if (value.any().isPresent()) {
            ensure(counters, Codecs.VNI_ANY);
        }
        config.put(0, Optional.of(value));
        if (value.any().isEmpty()) {
            removeCounters(Codecs.VNI_ANY);
        }
    }

    /** The rules of single VNIs, by VNI. The rule for any VNI is in {@link #config()}. */
    public Map<Vni, Rule> rules() {
        Map<Vni, Rule> byVni = new TreeMap<>();
        rules.entries().forEach((vni, rule) -> rule.ifPresent(r -> byVni.put(new Vni(vni), r)));
        return byVni;
    }

    /** Adds or replaces a rule. Its counters start at zero if the VNI had none. */
    public void putRule(Vni vni, Rule rule) {
        ensure(counters, vni.value());
        rules.put(vni.value(), Optional.of(rule));
    }

    /** Removes a rule and its counters; false where there was none. */
    public boolean removeRule(Vni vni) {
        boolean removed = rules.remove(vni.value());
        removeCounters(vni.value());
        return removed;
    }

    /**
     * Makes room for what csumbpf_detour counts. Without, it counts nothing; most hosts never need it.
     *
     * @param any also for VNIs without a rule of their own
     */
    public void countBackstop(Set<Vni> vnis, boolean any) {
        Set<Integer> there = backstop.entries().keySet();
        vnis.stream().map(Vni::value).filter(vni -> !there.contains(vni)).forEach(vni -> ensure(backstop, vni));
        if (any) {
            ensure(backstop, Codecs.VNI_ANY);
        }
    }

    private static void ensure(BpfMap<Integer, Counters> map, int key) {
        for (int attempt = 0; map.get(key).isEmpty(); attempt++) {
            try {
                map.put(key, Counters.NONE);
            } catch (KernelException e) {
                // The kernel fills its store of per-CPU memory behind our back; after thousands of entries it can run
                // dry.
                if (e.errno() != Errno.ENOMEM || attempt == ALLOCATION_ATTEMPTS) {
                    throw e;
                }
                LockSupport.parkNanos(ALLOCATION_PAUSE_NANOS);
            }
        }
    }

    private void removeCounters(int key) {
        counters.remove(key);
        backstop.remove(key);
    }

    /** Removes counters that no rule feeds any more. */
    public void removeCountersExcept(Set<Vni> ruled, boolean any) {
        for (Integer vni : counters.entries().keySet()) {
            if (vni == Codecs.VNI_ANY ? !any : !ruled.contains(new Vni(vni))) {
                removeCounters(vni);
            }
        }
    }

    /** Counters of csumbpf by VNI, of all that have a rule of their own. */
    public Map<Vni, Counters> counters() {
        return byVni(counters);
    }

    /** Counters of csumbpf_detour by VNI, of all that have a rule of their own. */
    public Map<Vni, Counters> backstopCounters() {
        return byVni(backstop);
    }

    private static Map<Vni, Counters> byVni(BpfMap<Integer, Counters> map) {
        Map<Vni, Counters> byVni = new TreeMap<>();
        map.entries().forEach((vni, value) -> {
            if (vni != Codecs.VNI_ANY) {
                byVni.put(new Vni(vni), value);
            }
        });
        return byVni;
    }

    /** Counters of the rule for any VNI; empty if there is none. */
    public Optional<Counters> countersOfAny() {
        return counters.get(Codecs.VNI_ANY);
    }

    /** Counters of csumbpf_detour of the rule for any VNI; empty if there is none. */
    public Optional<Counters> backstopCountersOfAny() {
        return backstop.get(Codecs.VNI_ANY);
    }

    public Map<Total, Count> totals() {
        Map<Total, Count> byTotal = new EnumMap<>(Total.class);
        for (Total total : Total.values()) {
            byTotal.put(total, totals.get(total.ordinal()).orElse(Count.NONE));
        }
        return byTotal;
    }

    public Map<PeerKey, Peer> peers() {
        return peers.entries();
    }

    /** Events that were not told, since the program was loaded. */
    public Map<EventType, Long> eventsLost() {
        Map<EventType, Long> byType = new EnumMap<>(EventType.class);
        for (EventType type : EventType.values()) {
            byType.put(type, eventsLost.get(type.ordinal()).orElse(0L));
        }
        return byType;
    }

    @Override
    public void close() {
        attachment.close();
        config.close();
        rules.close();
        counters.close();
        backstop.close();
        totals.close();
        peers.close();
        events.close();
        eventsLost.close();
    }
}
