package org.refusal.model;

import java.util.List;

/**
 * What a model wrote after each prompt of a batch.
 *
 * @param ids new tokens of each row, without the end token
 * @param ended whether the row's end token came (otherwise the limit on new tokens did)
 */
public record Generation(List<int[]> ids, boolean[] ended) {
  public Generation {
    ids = List.copyOf(ids);
  }
}
