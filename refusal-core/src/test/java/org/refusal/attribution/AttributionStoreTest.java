package org.refusal.attribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.UserException;
import org.refusal.circuit.HookPoint;
import org.refusal.run.ResultLayout;

class AttributionStoreTest {
  @TempDir Path folder;

  @Test
  void aFileOfAnotherCategoryIsRefusedWhateverItsName() throws IOException {
    AttributionFiles.write(folder, "toy", List.of("hate", "fraud"), 5, HookPoint.residuals(1));
    ResultLayout layout = new ResultLayout(folder);
    Path hate = layout.attributions("toy", "hate");
    try (AttributionStore store = AttributionStore.open(hate, "hate")) {
      assertThat(store.category()).isEqualTo("hate");
    }
    Files.copy(layout.attributions("toy", "fraud"), hate, StandardCopyOption.REPLACE_EXISTING);

    assertThatThrownBy(() -> AttributionStore.open(hate, "hate"))
        .isInstanceOf(UserException.class)
        .hasMessage(hate + ": holds the attributions of fraud, and not of hate");
  }
}
