// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

/** A value, and where it comes from. */
public record Setting<T>(T value, Origin origin) {}
