// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.maps;

/** A codec of one struct. */
abstract class StructCodec<T> implements Codec<T> {
    final StructLayout layout;

    StructCodec(String struct) {
        layout = new StructLayout(struct);
    }

    @Override
    public final int size() {
        return layout.size();
    }
}
