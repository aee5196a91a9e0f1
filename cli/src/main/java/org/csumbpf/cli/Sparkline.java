// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

/** Values drawn as a line of bars, one character each. */
enum Sparkline {
    BLOCKS("▁▂▃▄▅▆▇█"),
    /** For terminals that cannot show block characters. */
    ASCII("_.,-=+*#");

    private final String bars;

    Sparkline(String bars) {
        this.bars = bars;
    }

    /**
     * The newest values as bars, the newest one rightmost. The highest of those drawn has the highest bar. The lowest
     * bar stands for 0 alone, so that a small value does not look like none.
     *
     * @param width how many characters, with blanks in front if there are fewer values
     */
    String draw(History history, int width) {
        float[] values = history.last(width);
        float max = 0;
        for (float value : values) {
            max = Math.max(max, value);
        }
        StringBuilder line = new StringBuilder(" ".repeat(width - values.length));
        int highest = bars.length() - 1;
        for (float value : values) {
            line.append(bars.charAt(value > 0 ? Math.max(1, Math.round(value / max * highest)) : 0));
        }
        return line.toString();
    }
}
