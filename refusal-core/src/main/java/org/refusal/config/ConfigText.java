package org.refusal.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.refusal.base.UserException;
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
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** YAML texts as {@link ConfigNode}s that know their place. */
final class ConfigText {
  private ConfigText() {}

  static Section file(Path file) {
    String text;
    try {
      text = Files.readString(file);
    } catch (NoSuchFileException e) {
      throw UserException.badConfig(file + ": no such config file");
    } catch (CharacterCodingException e) {
      throw UserException.badConfig(file + ": not UTF-8");
    } catch (IOException e) {
      throw UserException.badConfig(file + ": cannot be read: " + e.getMessage());
    }
    ConfigNode node = parse(text, file.toString(), true);
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
    return parse(text, origin, false);
  }

  private static ConfigNode parse(String text, String source, boolean positions) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(true);
    Yaml yaml = new Yaml(new SafeConstructor(options));
    Node root;
    try {
      root = yaml.compose(new StringReader(text));
    } catch (MarkedYAMLException e) {
      Mark mark = e.getProblemMark();
      String place = positions && mark != null ? place(source, mark) : source;
      throw UserException.badConfig(place + ": not valid YAML: " + e.getProblem());
    }
    return root == null ? new Scalar(null, false, source) : convert(root, source, positions);
  }

  private static ConfigNode convert(Node node, String source, boolean positions) {
    String origin = positions ? place(source, node.getStartMark()) : source;
    if (node instanceof MappingNode mapping) {
      Map<String, Entry> entries = new LinkedHashMap<>();
      for (NodeTuple tuple : mapping.getValue()) {
        String keyOrigin = positions ? place(source, tuple.getKeyNode().getStartMark()) : source;
        if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
          throw UserException.badConfig(keyOrigin + ": a key must be a plain text");
        }
        Entry before =
            entries.put(key.getValue(), new Entry(keyOrigin, convert(tuple.getValueNode(), source, positions)));
        if (before != null) {
          throw UserException.badConfig(
              "%s: key '%s' stands here a second time; the first is at %s"
                  .formatted(keyOrigin, key.getValue(), before.keyOrigin()));
        }
      }
      return new Section(entries, origin);
    }
    if (node instanceof SequenceNode sequence) {
      List<ConfigNode> items = new ArrayList<>();
      sequence.getValue().forEach(item -> items.add(convert(item, source, positions)));
      return new Items(items, origin);
    }
    ScalarNode scalar = (ScalarNode) node;
    boolean isNull = scalar.getTag().equals(Tag.NULL);
    return new Scalar(
        isNull ? null : scalar.getValue(), scalar.getScalarStyle() != DumperOptions.ScalarStyle.PLAIN, origin);
  }

  private static String place(String source, Mark mark) {
    return "%s:%d:%d".formatted(source, mark.getLine() + 1, mark.getColumn() + 1);
  }
}
