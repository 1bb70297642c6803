package org.refusal.text.jinja;

import java.util.Iterator;

/** A Python generator: read once, always true, without a length. */
final class Lazy implements Iterator<Object> {
  private final Iterator<Object> items;

  Lazy(Iterator<Object> items) {
    this.items = items;
  }

  @Override
  public boolean hasNext() {
    return items.hasNext();
  }

  @Override
  public Object next() {
    return items.next();
  }
}
