package org.refusal.text.jinja;

/** Bounds of one rendering, so that a hostile template ends in one line instead of a full memory or a night's work. */
final class Meter {
  private static final long MOST_WORK = 20_000_000;
  private static final int LARGEST = 4_000_000;
  private static final int SEARCHED_AT_ONCE = 8;
  private static final int DEEPEST = 100;

  private long work;
  private int depth;

  /** @param units steps, or characters that are looked at */
  void spend(long units) {
    work += units;
    if (work > MOST_WORK) {
      throw new JinjaException("rendering takes too long: more than %,d steps".formatted(MOST_WORK));
    }
  }

  /** @param size of a text in characters or of a list in elements, before it is made */
  void make(long size) {
    if (size > LARGEST) {
      throw tooLarge();
    }
    spend(size);
  }

  /** As {@link #make} for what is added to a text of a size. */
  void append(long size, long added) {
    if (size + added > LARGEST) {
      make(size + added);
    }
    spend(added);
  }

  /** A search for a part within a text, which may look at every place of the one for every place of the other. */
  void search(String text, String part) {
    spend(text.length() * (1L + part.length() / SEARCHED_AT_ONCE));
  }

  /** What is about to be read or was made. */
  void look(Object value) {
    if (value instanceof String text) {
      spend(text.length());
    }
  }

  /** For texts that grow by what they hold, which may hold one thing many times. */
  static void requireRoom(StringBuilder text) {
    if (text.length() > LARGEST) {
      throw tooLarge();
    }
  }

  private static JinjaException tooLarge() {
    return new JinjaException("a text or list of more than %,d characters or elements".formatted(LARGEST));
  }

  void enter() {
    if (++depth > DEEPEST) {
      throw new JinjaException("macros or loops call themselves more than %d deep".formatted(DEEPEST));
    }
  }

  void leave() {
    depth--;
  }
}
