// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.serve;

import io.micrometer.core.instrument.Tags;

/**
 * One value of one metric.
 *
 * @param metric which
 * @param tags the values of the metric's labels
 * @param value in the metric's unit
 */
record MetricSample(Metric metric, Tags tags, double value) {}
