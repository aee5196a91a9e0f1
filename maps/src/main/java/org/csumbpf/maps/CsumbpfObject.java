// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Set;
import org.csumbpf.loader.BpfObject;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.RawMap;

/** The object file that bpf/ is compiled to, opened but not loaded. It is a resource beside this class. */
public final class CsumbpfObject implements AutoCloseable {
    /** The program's name in the object, and as bpftool and tc show it. */
    public static final String PROGRAM = "csumbpf";

    /** The program for the loopback device. Running hosts have it under this name. */
    public static final String LOOPBACK = "csumbpf_detour";

    private static final String RESOURCE = "csumbpf.bpf.o";

    private final BpfObject object;

    private CsumbpfObject(BpfObject object) {
        this.object = object;
    }

    public static CsumbpfObject open() {
        try (InputStream in = CsumbpfObject.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException(RESOURCE + " is not beside " + CsumbpfObject.class.getName());
            }
            return open(in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Opens another build of the object, with the same maps. */
    public static CsumbpfObject open(byte[] elf) {
        return new CsumbpfObject(BpfObject.open(elf, PROGRAM));
    }

    /** Before load: leaves out the other program, because verifying costs time. */
    public CsumbpfObject only(String name) {
        for (String other : List.of(PROGRAM, LOOPBACK)) {
            if (!other.equals(name)) {
                object.skipProgram(other);
            }
        }
        return this;
    }

    /** Loads with maps of its own. */
    public CsumbpfMaps load() {
        object.load();
        return CsumbpfMaps.of(object);
    }

    /** Loads with the maps of another program, so that both use the same rules and counters. */
    public CsumbpfMaps load(CsumbpfMaps maps) {
        return load(maps, Set.of());
    }

    /** Loads with new, empty rules and settings, and with the other maps of another program. */
    public CsumbpfMaps loadWithNewRules(CsumbpfMaps maps) {
        CsumbpfMaps next = load(maps, CsumbpfMaps.RULES);
        next.keepSlotsOf(maps);
        return next;
    }

    /**
     * Loads with the maps of another program, except for the record. That is a new map with this version's layout, and
     * gets the other's content.
     */
    public CsumbpfMaps loadWithNewRecord(CsumbpfMaps maps) {
        CsumbpfMaps next = load(maps, Set.of(RecordMap.NAME));
        next.record().set(maps.record().get());
        return next;
    }

    private CsumbpfMaps load(CsumbpfMaps maps, Set<String> fresh) {
        for (String name : CsumbpfMaps.PINNED) {
            if (!fresh.contains(name)) {
                object.reuseMap(name, maps.raw(name));
            }
        }
        return load();
    }

    /**
     * The loaded program. It also holds the maps that its code does not use (BPF_PROG_BIND_MAP), so that all maps can
     * be found through the program.
     */
    public BpfProgram program() {
        BpfProgram program = object.program(PROGRAM);
        for (String name : CsumbpfMaps.PINNED) {
            try (RawMap map = object.map(name)) {
                program.bindMap(map);
            }
        }
        return program;
    }

    /** The loaded program for the loopback device. */
    public BpfProgram loopback() {
        return object.program(LOOPBACK);
    }

    public BpfObject raw() {
        return object;
    }

    @Override
    public void close() {
        object.close();
    }
}
