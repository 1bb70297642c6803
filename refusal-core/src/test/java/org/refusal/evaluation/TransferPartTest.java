package org.refusal.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.refusal.evaluation.TransferPart.Amount;

/** Which direction is taken, and by whose amount. */
class TransferPartTest {
  private static final double[][] A = {{1, 0, 0}};
  private static final double[][] B = {{0, 1, 0}};
  private static final double[][] RANDOM = {{0, 0, 1}};

  private static TransferPart part(Amount amount, double[][] basis) {
    return new TransferPart(
        amount, new Replacement.Span(basis), 1, List.of(new Replacement.Span(RANDOM)),
        List.of(new Replacement.Span(basis), new Replacement.Span(RANDOM)));
  }

  private static void is(Replacement replacement, double[][] basis, double[][] amount) {
    Replacement.Span span = (Replacement.Span) replacement;
    assertThat(span.basis()).isEqualTo(basis);
    assertThat(span.amount()).isEqualTo(amount);
  }

  @Test
  void anotherCategorysPromptsLoseAsMuchAsTheyHaveOfTheirOwn() {
    TransferPart a = part(Amount.OWN, A);
    TransferPart b = part(Amount.OWN, B);
    is(a.on(b), A, B);
    is(b.on(a), B, A);
    is(a.on(a), A, A);
    is(a.on(b, 0), A, B);
    is(a.on(b, 1), RANDOM, RANDOM);
    is(a.control(0), RANDOM, A);
  }

  @Test
  void orTheirComponentIsSetToThePartners() {
    TransferPart a = part(Amount.PARTNER, A);
    TransferPart b = part(Amount.PARTNER, B);
    is(a.on(b), A, A);
    is(a.on(b, 1), RANDOM, RANDOM);
    is(a.control(0), RANDOM, RANDOM);
  }

  @Test
  void nothingIsTakenWhereThereIsNoPartOrNoAmount() {
    TransferPart a = part(Amount.OWN, A);
    TransferPart none = new TransferPart(Amount.OWN, null, 0, List.of(), List.of());
    assertThat(none.on(a)).isNull();
    assertThat(a.on(none)).isNull();
    assertThat(none.control(0)).isNull();
    assertThat(a.control(1)).isNull();
  }

  @Test
  void amountsAreAsManyAsDirections() {
    assertThatThrownBy(() -> new Replacement.Span(A, new double[0][])).isInstanceOf(IllegalArgumentException.class);
  }
}
