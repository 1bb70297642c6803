package org.refusal.stats;

import java.util.Arrays;

/** Items by group. Groups are numbered 0..count-1 in ascending order of their label. */
public final class Grouping {
  private final int[] labels;
  private final int[][] members;

  private Grouping(int[] labels, int[][] members) {
    this.labels = labels;
    this.members = members;
  }

  /** O(n log n). Only labels that occur make a group. */
  public static Grouping of(int[] labels) {
    int[] distinct = Arrays.stream(labels).sorted().distinct().toArray();
    int[] numbered = new int[labels.length];
    int[] sizes = new int[distinct.length];
    for (int i = 0; i < labels.length; i++) {
      numbered[i] = Arrays.binarySearch(distinct, labels[i]);
      sizes[numbered[i]]++;
    }
    return new Grouping(numbered, fill(numbered, sizes));
  }

  /** With groups 0..count-1, of which some may be empty. */
  public static Grouping of(int[] labels, int count) {
    int[] sizes = new int[count];
    for (int label : labels) {
      if (label < 0 || label >= count) {
        throw new IllegalArgumentException("group " + label + " is outside 0.." + (count - 1));
      }
      sizes[label]++;
    }
    return new Grouping(labels.clone(), fill(labels, sizes));
  }

  private static int[][] fill(int[] labels, int[] sizes) {
    int[][] members = new int[sizes.length][];
    for (int group = 0; group < sizes.length; group++) {
      members[group] = new int[sizes[group]];
    }
    int[] next = new int[sizes.length];
    for (int i = 0; i < labels.length; i++) {
      members[labels[i]][next[labels[i]]++] = i;
    }
    return members;
  }

  public int items() {
    return labels.length;
  }

  public int count() {
    return members.length;
  }

  public int size(int group) {
    return members[group].length;
  }

  /** Items of a group, ascending; not to be written. */
  public int[] members(int group) {
    return members[group];
  }

  /** Group of each item; not to be written. */
  public int[] labels() {
    return labels;
  }
}
