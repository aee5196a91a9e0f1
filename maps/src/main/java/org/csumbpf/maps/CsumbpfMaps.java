// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.csumbpf.loader.BpfObject;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.RawMap;

/** The maps of one attachment, under their names in bpf/lib/maps.h. */
public final class CsumbpfMaps implements AutoCloseable {
    /** The ring buffer that the program writes {@link Event}s to. */
    public static final String EVENTS = "events";

    /** The maps that are pinned. {@code attachment} is first, because that record says how to undo the rest. */
    public static final List<String> PINNED = List.of(
            RecordMap.NAME,
            "config",
            "first_rules",
            "rules",
            "first_counters",
            "counters",
            "backstop",
            "totals",
            "peers",
            EVENTS,
            "events_lost");

    /** The pinned maps that decide what happens to a packet. */
    static final Set<String> RULES = Set.of("config", "first_rules", "rules");

    /** {@code CSUMBPF_RULES_MAX}: room for rules of single VNIs. */
    public static final int RULES_MAX = 32768;
    /** {@code CSUMBPF_PEERS_MAX}: room for peers. If it is full, the least recently seen peer makes room. */
    public static final int PEERS_MAX = 65536;

    private static final int ALLOCATION_ATTEMPTS = 100;
    private static final long ALLOCATION_PAUSE_NANOS = 5_000_000;

    private final RecordMap attachment;
    private final BpfMap<Integer, Optional<Config>> config;
    private final BpfMap<Integer, RuleSlots> ruleSlots;
    private final BpfMap<Integer, Optional<Rule>> rules;
    private final BpfMap<Integer, Counters> slotCounters;
    private final BpfMap<Integer, Counters> counters;
    private final BpfMap<Integer, Counters> backstop;
    private final BpfMap<Integer, Count> totals;
    private final BpfMap<PeerKey, Peer> peers;
    private final RawMap events;
    private final BpfMap<Integer, Long> eventsLost;
    /** Rules of another program that counts into the same maps. Their slots are taken. */
    private RuleSlots taken = RuleSlots.NONE;

    private boolean anyIsTaken;

    /** If a map cannot be opened (its pin is missing, or another version's), closes those that it has opened. */
    private CsumbpfMaps(Function<String, RawMap> pins) {
        List<RawMap> opened = new ArrayList<>();
        Function<String, RawMap> source = name -> {
            RawMap map = pins.apply(name);
            opened.add(map);
            return map;
        };
        try {
            attachment = new RecordMap(source.apply(RecordMap.NAME));
            config = BpfMap.shared(source.apply("config"), Codecs.U32, Codecs.CONFIG);
            ruleSlots = BpfMap.shared(source.apply("first_rules"), Codecs.U32, Codecs.RULE_SLOTS);
            rules = BpfMap.shared(source.apply("rules"), Codecs.U32, Codecs.RULE);
            slotCounters = BpfMap.perCpu(source.apply("first_counters"), Codecs.U32, Codecs.COUNTERS, Counters::plus);
            counters = BpfMap.perCpu(source.apply("counters"), Codecs.U32, Codecs.COUNTERS, Counters::plus);
            backstop = BpfMap.perCpu(source.apply("backstop"), Codecs.U32, Codecs.COUNTERS, Counters::plus);
            totals = BpfMap.perCpu(source.apply("totals"), Codecs.U32, Codecs.COUNT, Count::plus);
            peers = BpfMap.shared(source.apply("peers"), Codecs.PEER_KEY, Codecs.PEER);
            events = source.apply(EVENTS);
            eventsLost = BpfMap.perCpu(source.apply("events_lost"), Codecs.U32, Codecs.U64, Long::sum);
        } catch (RuntimeException e) {
            opened.forEach(RawMap::close);
            throw e;
        }
    }

    /** The maps of a loaded object. */
    public static CsumbpfMaps of(BpfObject object) {
        return new CsumbpfMaps(object::map);
    }

    /** The maps pinned in a directory. */
    public static CsumbpfMaps fromPins(Path directory) {
        return new CsumbpfMaps(name -> RawMap.fromPin(directory.resolve(name)));
    }

    /** The maps that a program holds, pinned or not. They are opened by their ids, which needs CAP_SYS_ADMIN. */
    public static CsumbpfMaps heldBy(BpfProgram program) {
        Map<String, Integer> ids = idsHeldBy(program);
        return new CsumbpfMaps(name -> Optional.ofNullable(ids.get(name))
                .flatMap(RawMap::fromId)
                .orElseThrow(() -> new KernelException("open map", name, Errno.ENOENT)));
    }

    /** The ids of the maps that a program holds, by the maps' names. Needs CAP_SYS_ADMIN. */
    public static Map<String, Integer> idsHeldBy(BpfProgram program) {
        Map<String, Integer> ids = new HashMap<>();
        for (int id : program.info().mapIds()) {
            RawMap.fromId(id).ifPresent(map -> {
                try (map) {
                    ids.put(map.info().name(), id);
                }
            });
        }
        return ids;
    }

    /** The map of that name, for pinning or for another object. */
    public RawMap raw(String name) {
        return switch (name) {
            case RecordMap.NAME -> attachment.raw();
            case "config" -> config.raw();
            case "first_rules" -> ruleSlots.raw();
            case "rules" -> rules.raw();
            case "first_counters" -> slotCounters.raw();
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

    /** Empty until {@link #config(Config)} is called: the kernel creates the entry with port 0. */
    public Optional<Config> config() {
        return config.get(0).orElseThrow();
    }

    public void config(Config value) {
        boolean counts = anyIsTaken || config().flatMap(Config::any).isPresent();
        if (value.any().isPresent() && !counts) {
            slotCounters.put(RuleSlots.ANY, Counters.NONE);
        }
        config.put(0, Optional.of(value));
        if (value.any().isEmpty()) {
            backstop.remove(Codecs.VNI_ANY);
        }
    }

    /** Call before adding rules: the other program still counts into the same maps, so its rules keep their slots. */
    void keepSlotsOf(CsumbpfMaps other) {
        taken = other.ruleSlots();
        anyIsTaken = other.config().flatMap(Config::any).isPresent();
    }

    private RuleSlots ruleSlots() {
        return ruleSlots.get(0).orElseThrow();
    }

    /** The rules of single VNIs, by VNI. The rule for any VNI is in {@link #config()}. */
    public Map<Vni, Rule> rules() {
        Map<Vni, Rule> byVni = new TreeMap<>();
        for (RuleSlots.Slot slot : ruleSlots().slots()) {
            slot.rule().ifPresent(rule -> byVni.put(slot.vni(), rule));
        }
        rules.entries().forEach((vni, rule) -> rule.ifPresent(r -> byVni.put(new Vni(vni), r)));
        return byVni;
    }

    /** Adds or replaces a rule. Its counters start at zero if the VNI had none. */
    public void putRule(Vni vni, Rule rule) {
        RuleSlots slots = ruleSlots();
        OptionalInt slot = slotFor(vni, slots);
        if (slot.isPresent()) {
            putInSlot(slots, slot.getAsInt(), vni, rule);
            return;
        }
        // Counters first: a packet that matches the rule must find them.
        ensure(counters, vni.value());
        rules.put(vni.value(), Optional.of(rule));
        if (!slots.more()) {
            ruleSlots.put(0, slots.withMore(true));
        }
    }

    /** The slot that the VNI has here or in the other program, else a free one. Empty: the rule belongs in the hash. */
    private OptionalInt slotFor(Vni vni, RuleSlots slots) {
        OptionalInt here = slots.of(vni).isPresent() ? slots.of(vni) : taken.of(vni);
        if (here.isPresent() || counters.get(vni.value()).isPresent()) {
            return here;
        }
        return IntStream.range(0, RuleSlots.SLOTS)
                .filter(i -> slots.slots().get(i).rule().isEmpty()
                        && taken.slots().get(i).rule().isEmpty())
                .findFirst();
    }

    private void putInSlot(RuleSlots slots, int slot, Vni vni, Rule rule) {
        if (slots.of(vni).isEmpty()) {
            if (taken.of(vni).isEmpty()) {
                slotCounters.put(slot, Counters.NONE);
            }
            ruleSlots.put(0, slots.with(slot, vni, Optional.empty()));
        }
        ruleSlots.put(0, slots.with(slot, vni, Optional.of(rule)));
    }

    /** Removes a rule and its counters; false if there was none. */
    public boolean removeRule(Vni vni) {
        RuleSlots slots = ruleSlots();
        OptionalInt slot = slots.of(vni);
        slot.ifPresent(i -> ruleSlots.put(0, slots.with(i, vni, Optional.empty())));
        boolean removed = rules.remove(vni.value());
        removeCounters(vni.value());
        return slot.isPresent() || removed;
    }

    /**
     * Creates the entries in which csumbpf_detour counts; without an entry it does not count. Most hosts need none.
     *
     * @param any also creates the entry of the rule for any VNI
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
                // The kernel refills its cache of per-CPU memory in the background. Thousands of new entries can empty
                // the cache, so wait and try again.
                if (e.errno() != Errno.ENOMEM || attempt == ALLOCATION_ATTEMPTS) {
                    throw e;
                }
                LockSupport.parkNanos(ALLOCATION_PAUSE_NANOS);
            }
        }
    }

    /**
     * Whether rules for these VNIs can replace the present rules. While they are replaced, the counters of both need
     * room.
     */
    public boolean hasRoomFor(Set<Vni> wanted) {
        RuleSlots slots = ruleSlots();
        long free = slots.slots().stream().filter(slot -> slot.rule().isEmpty()).count();
        Set<Integer> counting = counters.entries().keySet();
        long more = wanted.stream()
                .filter(vni -> slots.of(vni).isEmpty() && !counting.contains(vni.value()))
                .count();
        return counting.size() + Math.max(0, more - free) <= RULES_MAX;
    }

    private void removeCounters(int key) {
        counters.remove(key);
        backstop.remove(key);
    }

    /** Removes counters that have no rule any more. */
    public void removeCountersExcept(Set<Vni> ruled, boolean any) {
        Set<Integer> counting = new HashSet<>(counters.entries().keySet());
        counting.addAll(backstop.entries().keySet());
        for (Integer vni : counting) {
            if (vni == Codecs.VNI_ANY ? !any : !ruled.contains(new Vni(vni))) {
                removeCounters(vni);
            }
        }
    }

    /** Counters of csumbpf, by VNI, of each VNI with a rule of its own. */
    public Map<Vni, Counters> counters() {
        Map<Vni, Counters> byVni = byVni(counters);
        ruleSlots().byVni().forEach((vni, slot) -> byVni.put(vni, slotCounters(slot)));
        return byVni;
    }

    private Counters slotCounters(int slot) {
        return slotCounters.get(slot).orElseThrow();
    }

    /** Counters of csumbpf_detour, by VNI, of each VNI with a rule of its own. */
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
        return config().flatMap(Config::any).map(any -> slotCounters(RuleSlots.ANY));
    }

    /** Counters of csumbpf_detour for the rule for any VNI; empty if there are none. */
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

    public PeerTable peers() {
        return PeerTable.read(peers.raw());
    }

    public Senders senders() {
        return Senders.read(peers.raw());
    }

    /** Events since the program was loaded that were not reported. */
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
        ruleSlots.close();
        rules.close();
        slotCounters.close();
        counters.close();
        backstop.close();
        totals.close();
        peers.close();
        events.close();
        eventsLost.close();
    }
}
