package org.refusal.sae;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.refusal.base.Suggestions;
import org.refusal.base.UserException;

/** The list of architectures. All of them can be read and used; {@link #TRAINED} can be trained. */
public final class Architectures {
  /** What train-saes makes. */
  public static final Architecture.Form TRAINED = TopK.FORM;

  private static final List<Architecture.Form> ALL =
      checked(List.of(TopK.FORM, BatchTopK.FORM, JumpRelu.FORM, Relu.FORM, Gated.FORM));

  private Architectures() {}

  public static List<Architecture.Form> all() {
    return ALL;
  }

  public static List<String> names() {
    return ALL.stream().map(Architecture.Form::name).toList();
  }

  /** @throws UserException when there is none of this name */
  public static Architecture.Form of(String name) {
    return ALL.stream()
        .filter(form -> form.name().equals(name))
        .findFirst()
        .orElseThrow(
            () -> UserException.badConfig(
                "no architecture '%s' of autoencoders%s".formatted(name, Suggestions.didYouMean(name, names())),
                "one of " + String.join(", ", names())));
  }

  /** @throws UserException for the name of an architecture that can be read only, or of none */
  public static void requireTrained(String name) {
    Architecture.Form form = of(name);
    if (!form.equals(TRAINED)) {
      throw UserException.badConfig(
          "autoencoders of architecture '%s' can be imported and used, but not trained".formatted(name),
          "train %s, or import a published one (refusal import)".formatted(TRAINED.name()));
    }
  }

  /** The same list. @throws IllegalStateException if a name is registered twice */
  static List<Architecture.Form> checked(List<Architecture.Form> forms) {
    Set<String> names = new HashSet<>();
    List<Architecture.Form> all = new ArrayList<>();
    for (Architecture.Form form : forms) {
      if (!names.add(form.name())) {
        throw new IllegalStateException("two architectures of the name '" + form.name() + "'");
      }
      all.add(form);
    }
    return List.copyOf(all);
  }
}
