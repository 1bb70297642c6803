package org.refusal.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.ByteArrayInputStream;
import org.junit.jupiter.api.Test;
import org.refusal.base.ExitCode;
import org.refusal.base.UserException;

class FontsTest {
  @Test
  void theTypefaceComesWithTheProgram() {
    assertThat(Fonts.regular(11).getFamily()).isEqualTo(Fonts.FAMILY);
    assertThat(Fonts.regular(11).getSize2D()).isEqualTo(11);
  }

  @Test
  void aJavaThatCannotReadFontsIsAnErrorOfTheEnvironment() {
    UserException error =
        catchThrowableOfType(
            UserException.class, () -> Fonts.read(new ByteArrayInputStream(new byte[] {1, 2, 3, 4})));
    assertThat(error.exitCode()).isEqualTo(ExitCode.ENVIRONMENT);
    assertThat(error).hasMessageContaining("cannot read fonts");
    assertThat(error.advice()).hasValueSatisfying(advice -> assertThat(advice).contains("libfreetype"));
  }
}
