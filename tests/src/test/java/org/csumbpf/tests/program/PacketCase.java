// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * A case of packets/cases.txt, which tests/packets/make_cases.py writes.
 *
 * @param name what it is about
 * @param made the call that made the packet
 * @param rules the rules to set
 * @param gsoSize of the test run
 * @param outcome label of an outcome or a total, or "other": counted nowhere
 * @param verdict TC_ACT_*
 * @param in the frame
 * @param out the frame after the program
 */
record PacketCase(
        String name, String made, Rules rules, int gsoSize, String outcome, int verdict, byte[] in, byte[] out) {
    static List<PacketCase> all() {
        String text;
        try (InputStream resource = PacketCase.class.getResourceAsStream("/packets/cases.txt")) {
            text = new String(resource.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<PacketCase> cases = new ArrayList<>();
        for (String paragraph : text.strip().split("\n\n")) {
            Map<String, String> fields = new HashMap<>();
            paragraph.lines().forEach(line -> {
                int colon = line.indexOf(": ");
                fields.put(line.substring(0, colon), line.substring(colon + 2));
            });
            byte[] in = HexFormat.of().parseHex(fields.get("in"));
            String out = fields.get("out");
            cases.add(new PacketCase(
                    fields.get("name"),
                    fields.get("made"),
                    Rules.parse(fields.get("rule"), Integer.parseInt(fields.get("port"))),
                    Integer.parseInt(fields.get("gso")),
                    fields.get("outcome"),
                    fields.get("verdict").equals("shot") ? Model.TC_ACT_SHOT : Model.TC_ACT_UNSPEC,
                    in,
                    out.equals("same") ? in : HexFormat.of().parseHex(out)));
        }
        return cases;
    }

    /**
     * A packet of a test run must fit into a page, with what the kernel adds around it. WireTest has the longer ones.
     */
    boolean fitsTestRun() {
        return in.length <= 3500;
    }

    @Override
    public String toString() {
        return name + " [" + made + "]";
    }
}
