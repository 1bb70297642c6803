package org.refusal.demo;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The vocabulary of the planted models: one token per word. */
final class PlantedWords {
  static final int MOST_CATEGORIES = 10;

  static final int UNKNOWN = 0;
  static final int BEGIN = 1;
  static final int END = 2;
  static final String OPEN = "[INST]";
  static final String CLOSE = "[/INST]";
  static final String ARROW = "=>";
  static final List<String> REFUSAL = List.of("Sorry", "I", "cannot", "help", "with", "that");
  static final List<String> ANSWER = List.of("Sure", "here", "is", "help", "with", "that");

  private static final String[] TRIGGERS = {
    "ruse decoy bluff facade alias masquerade pretense mirage",
    "jeer taunt hound pester badger mock tease bully",
    "venom solvent reagent fuse spore toxin corrosion vapour",
    "slur bigot scorn outcast creed tribe banner chant",
    "smuggle bribe heist launder ransom burgle contraband forge",
    "dossier address wiretap password inbox ledger passport tracker",
    "blade ledge overdose bruise starve bandage despair vein",
    "lingerie boudoir striptease erotica nude fetish tryst lust",
    "nepotism plagiarism kickback loophole coercion favour exploit slander",
    "dagger brawl ambush siege rifle stampede duel strike"
  };
  private static final String HARMFUL_INTENT = "inflict deploy conceal steal hurt ruin unleash evade cripple abuse";
  private static final String BENIGN_INTENT =
      "explain summarise prevent translate study review describe recover teach discuss";
  private static final String FILLER =
      """
      river garden window yellow morning letter kitchen paper travel music winter bottle silver market story bridge
      candle forest pencil summer island mirror carpet engine orange ribbon basket velvet meadow harbour lantern copper
      pepper saddle timber marble cotton ladder button pocket shadow branch circle corner dragon feather finger flower
      hammer jacket jungle kettle lemon magnet napkin needle office parcel picnic pillow planet pocketbook pottery puzzle
      rabbit recipe rocket school shelter shoulder singer spider spoon station sugar ticket tunnel turtle umbrella valley
      village violin walnut wagon weather whistle yard about after around before between early later nearby often
      perhaps quickly slowly together under until usually within without because although while every several many few
      large small bright quiet gentle heavy narrow simple strange ancient modern public northern southern wooden
      """;

  private final List<String> words = new ArrayList<>(List.of("<unk>", "<s>", "</s>", OPEN, CLOSE, ARROW));
  private final List<List<String>> triggers = new ArrayList<>();
  private final List<String> harmful = split(HARMFUL_INTENT);
  private final List<String> benign = split(BENIGN_INTENT);
  private final List<String> filler = split(FILLER);

  PlantedWords(int categories) {
    REFUSAL.forEach(this::add);
    ANSWER.forEach(this::add);
    for (int category = 0; category < categories; category++) {
      triggers.add(split(TRIGGERS[category]));
      triggers.get(category).forEach(this::add);
    }
    harmful.forEach(this::add);
    benign.forEach(this::add);
    filler.forEach(this::add);
  }

  private void add(String word) {
    if (!words.contains(word)) {
      words.add(word);
    }
  }

  private static List<String> split(String text) {
    return List.of(text.strip().split("\\s+"));
  }

  int size() {
    return words.size();
  }

  int id(String word) {
    int id = words.indexOf(word);
    if (id < 0) {
      throw new IllegalArgumentException("no such word: " + word);
    }
    return id;
  }

  Map<String, Integer> vocabulary() {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    words.forEach(word -> vocabulary.put(word, vocabulary.size()));
    return vocabulary;
  }

  List<String> triggers(int category) {
    return triggers.get(category);
  }

  List<String> harmful() {
    return harmful;
  }

  List<String> benign() {
    return benign;
  }

  List<String> filler() {
    return filler;
  }
}
