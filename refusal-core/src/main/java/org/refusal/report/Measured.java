package org.refusal.report;

import com.fasterxml.jackson.databind.JsonNode;

/** A number with its interval, as the statistics file writes it: {@code {value, interval: {low, high}}}. */
public record Measured(double value, double low, double high) {

  static Measured of(JsonNode estimate) {
    return new Measured(
        number(estimate.path("value")),
        number(estimate.path("interval").path("low")),
        number(estimate.path("interval").path("high")));
  }

  /** NaN for the texts that stand for numbers that are not finite, and for what is not there. */
  public static double number(JsonNode node) {
    return node.isNumber() ? node.doubleValue() : Double.NaN;
  }

  static double[][] matrix(JsonNode rows) {
    double[][] matrix = new double[rows.size()][];
    for (int i = 0; i < matrix.length; i++) {
      matrix[i] = row(rows.get(i));
    }
    return matrix;
  }

  static double[] row(JsonNode values) {
    double[] row = new double[values.size()];
    for (int i = 0; i < row.length; i++) {
      row[i] = number(values.get(i));
    }
    return row;
  }

  String text() {
    return Numbers.of(value, low, high);
  }
}
