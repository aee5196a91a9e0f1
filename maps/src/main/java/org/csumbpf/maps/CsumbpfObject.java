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

/** The object file of bpf/, which is a resource beside this class, opened but not loaded. */
public final class CsumbpfObject implements AutoCloseable {
    /** The program's name in the object, and as bpftool and tc show it. */
    public static final String PROGRAM = "csumbpf";

    /** The program for the loopback device. */
    public static final String DETOUR = "csumbpf_detour";

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

    /** Another build of it, with the same maps. */
    public static CsumbpfObject open(byte[] elf) {
        return new CsumbpfObject(BpfObject.open(elf, PROGRAM));
    }

    /** Before load: only this program, since verifying costs time. */
    public CsumbpfObject only(String name) {
        for (String other : List.of(PROGRAM, DETOUR)) {
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

    /** Loads onto maps that another program uses already, so that both see the same rules and counters. */
    public CsumbpfMaps load(CsumbpfMaps maps) {
        return load(maps, Set.of());
    }

    /** Loads with new, empty rules and settings, and for the rest onto maps that another program uses already. */
    public CsumbpfMaps loadWithNewRules(CsumbpfMaps maps) {
        CsumbpfMaps next = load(maps, CsumbpfMaps.RULES);
        next.keepPlacesOf(maps);
        return next;
    }

    /**
     * Loads onto maps that another program uses already, but for the record: that one is new, has this version's layout and
     * holds what the other does.
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
     * The program, once loaded. It holds also the maps that its code does not use, so that whoever finds it finds them all
     * (BPF_PROG_BIND_MAP).
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

    /** The program for the loopback device, once loaded. */
    public BpfProgram detour() {
        return object.program(DETOUR);
    }

    public BpfObject raw() {
        return object;
    }

    @Override
    public void close() {
        object.close();
    }
}
