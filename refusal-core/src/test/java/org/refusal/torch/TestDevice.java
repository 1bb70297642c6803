package org.refusal.torch;

import ai.djl.Device;

/** Where the tests of models compute: the CPU, or what {@code -Drefusal.test.device=cuda} says. */
public final class TestDevice {
  private TestDevice() {}

  public static Device get() {
    return Devices.parse(System.getProperty("refusal.test.device", "cpu"));
  }
}
