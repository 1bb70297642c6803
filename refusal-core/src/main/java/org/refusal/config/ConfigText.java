package org.refusal.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.base.AtomicFiles;
import org.refusal.base.UserException;
import org.refusal.base.Utf8Reader;
import org.refusal.config.ConfigNode.Entry;
import org.refusal.config.ConfigNode.Items;
import org.refusal.config.ConfigNode.Scalar;
import org.refusal.config.ConfigNode.Section;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.reader.StreamReader;

/**
 * YAML texts as {@link ConfigNode}s that know their place. Merge keys ({@code <<}) are resolved as in YAML 1.1: a key of the section
 * itself wins over a merged one, an earlier one of several merged sections over a later one. What a config never needs is refused
 * with its place: depth, anchors that hold themselves, many aliases, tags of programs, characters that YAML does not allow.
 */
final class ConfigText {
  private static final int DEEPEST = 40;
  private static final int MOST_ALIASES = 1000;
  private static final int MOST_CHARACTERS = 3 << 20;
  private static final Set<Tag> PLAIN_TAGS =
      Set.of(Tag.STR, Tag.INT, Tag.FLOAT, Tag.BOOL, Tag.NULL, Tag.SEQ, Tag.MAP, Tag.MERGE, Tag.TIMESTAMP);

  private final String source;
  private final boolean positions;
  private final Map<Node, ConfigNode> made = new IdentityHashMap<>(); // looked up, never walked

  private ConfigText(String source, boolean positions) {
    this.source = source;
    this.positions = positions;
  }

  static Section file(Path file) {
    String text;
    try {
      text = Utf8Reader.decode(Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      throw UserException.badConfig(file + ": no such config file");
    } catch (Utf8Reader.NotUtf8 e) {
      throw UserException.badConfig("%s:%d: %s".formatted(file, e.line(), e.getMessage()), e.advice());
    } catch (IOException e) {
      throw UserException.badConfig(file + ": cannot be read: " + AtomicFiles.reason(e));
    }
    ConfigNode node = new ConfigText(file.toString(), true).parse(text);
    if (node instanceof Section section) {
      return section;
    }
    if (node instanceof Scalar scalar && scalar.text() == null) {
      return Section.empty(file.toString());
    }
    throw UserException.badConfig(node.origin() + ": a config file holds keys with values, one per line");
  }

  /** The value of an override: YAML on one line, e.g. {@code 3}, {@code [a, b]}, {@code {k: 32}}. */
  static ConfigNode value(String text, String origin) {
    return new ConfigText(origin, false).parse(text);
  }

  private ConfigNode parse(String text) {
    requirePrintable(text);
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(true);
    options.setMaxAliasesForCollections(MOST_ALIASES);
    options.setCodePointLimit(MOST_CHARACTERS);
    options.setTagInspector(tag -> true); // nodes are not made into objects; tags are judged where they stand
    Yaml yaml = new Yaml(new SafeConstructor(options));
    Node root;
    try {
      requireModest(yaml, text);
      root = yaml.compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark() == null ? e.getContextMark() : e.getProblemMark();
      throw UserException.badConfig(
          "%s: not valid YAML: %s".formatted(mark == null ? source : place(mark), reason(e)));
    } catch (YAMLException e) {
      throw UserException.badConfig("%s: not valid YAML: %s".formatted(source, firstLine(e.getMessage())));
    }
    return root == null ? new Scalar(null, false, source) : convert(root);
  }

  private void requirePrintable(String text) {
    if (text.length() > MOST_CHARACTERS) {
      throw UserException.badConfig(
          "%s: %d characters, more than a config can have (%d)".formatted(source, text.length(), MOST_CHARACTERS));
    }
    int line = 1;
    int column = 1;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      int c = text.codePointAt(i);
      if (!StreamReader.isPrintable(c)) {
        throw UserException.badConfig(
            "%s: not valid YAML: the character U+%04X is not allowed"
                .formatted(positions ? "%s:%d:%d".formatted(source, line, column) : source, c),
            "in double quotes it can be written \\u%04X, if it is meant".formatted(c));
      }
      line += c == '\n' ? 1 : 0;
      column = c == '\n' ? 1 : column + 1;
    }
  }

  /** Depth and aliases are counted before anything is built of them. */
  private void requireModest(Yaml yaml, String text) {
    int depth = 0;
    int aliases = 0;
    for (Event event : yaml.parse(new StringReader(text))) {
      switch (event.getEventId()) {
        case MappingStart, SequenceStart -> {
          if (++depth > DEEPEST) {
            throw UserException.badConfig(
                "%s: nested deeper than %d".formatted(place(event.getStartMark()), DEEPEST), "a config is never so deep");
          }
        }
        case MappingEnd, SequenceEnd -> depth--;
        case Alias -> {
          if (++aliases > MOST_ALIASES) {
            throw UserException.badConfig(
                "%s: more than %d aliases".formatted(place(event.getStartMark()), MOST_ALIASES), "a config never needs so many");
          }
        }
        default -> { }
      }
    }
  }

  /** An alias is the node that its anchor is: converted once, whatever the number of aliases. */
  private ConfigNode convert(Node node) {
    if (made.containsKey(node)) {
      ConfigNode before = made.get(node);
      if (before == null) {
        throw UserException.badConfig(place(node.getStartMark()) + ": what has this anchor holds itself", "remove the alias");
      }
      return before;
    }
    if (!PLAIN_TAGS.contains(node.getTag())) {
      throw UserException.badConfig(
          "%s: the tag %s is not obeyed".formatted(place(node.getStartMark()), written(node.getTag())),
          "write the value itself");
    }
    made.put(node, null);
    ConfigNode converted =
        node instanceof MappingNode mapping
            ? section(mapping)
            : node instanceof SequenceNode sequence ? items(sequence) : scalar((ScalarNode) node);
    made.put(node, converted);
    return converted;
  }

  private static String written(Tag tag) {
    return tag.getValue().startsWith(Tag.PREFIX) ? "!!" + tag.getValue().substring(Tag.PREFIX.length()) : tag.getValue();
  }

  private Section section(MappingNode mapping) {
    Map<String, Entry> own = new LinkedHashMap<>();
    Map<String, Entry> merged = new LinkedHashMap<>();
    String merge = null;
    for (NodeTuple tuple : mapping.getValue()) {
      String keyOrigin = place(tuple.getKeyNode().getStartMark());
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw UserException.badConfig(keyOrigin + ": a key must be a plain text");
      }
      if (key.getTag().equals(Tag.MERGE)) {
        if (merge != null) {
          throw secondTime(keyOrigin, "<<", merge);
        }
        merge = keyOrigin;
        toMerge(tuple.getValueNode()).forEach(section -> section.entries().forEach(merged::putIfAbsent));
        continue;
      }
      Entry before = own.put(key.getValue(), new Entry(keyOrigin, convert(tuple.getValueNode())));
      if (before != null) {
        throw secondTime(keyOrigin, key.getValue(), before.keyOrigin());
      }
    }
    merged.forEach(own::putIfAbsent);
    return new Section(own, place(mapping.getStartMark()));
  }

  private static UserException secondTime(String here, String key, String first) {
    return UserException.badConfig("%s: key '%s' stands here a second time; the first is at %s".formatted(here, key, first));
  }

  /** What a merge key brings in: a section, or a list of some. */
  private List<Section> toMerge(Node value) {
    List<Node> nodes = value instanceof SequenceNode sequence ? sequence.getValue() : List.of(value);
    List<Section> sections = new ArrayList<>();
    for (Node node : nodes) {
      if (!(convert(node) instanceof Section section)) {
        throw UserException.badConfig(
            place(node.getStartMark()) + ": a merge key (<<) takes keys with values, or a list of such, mostly an alias (*name)");
      }
      sections.add(section);
    }
    return sections;
  }

  private Items items(SequenceNode sequence) {
    return new Items(sequence.getValue().stream().map(this::convert).toList(), place(sequence.getStartMark()));
  }

  private Scalar scalar(ScalarNode scalar) {
    boolean isNull = scalar.getTag().equals(Tag.NULL);
    return new Scalar(
        isNull ? null : scalar.getValue(),
        scalar.getScalarStyle() != DumperOptions.ScalarStyle.PLAIN,
        place(scalar.getStartMark()));
  }

  /** The library says in parts what it was at and what it met. */
  private static String reason(MarkedYAMLException e) {
    String problem = firstLine(e.getProblem());
    if (problem.equals("but found another document")) {
      return "there is a second document (---); a config is one";
    }
    return problem.contains("(TAB)") ? problem : problem.replaceFirst(" \\(Do not use .* for indentation\\)", "");
  }

  private static String firstLine(String message) {
    return String.valueOf(message).lines().findFirst().orElse("unreadable");
  }

  private String place(Mark mark) {
    return positions ? "%s:%d:%d".formatted(source, mark.getLine() + 1, mark.getColumn() + 1) : source;
  }
}
