package org.refusal.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.refusal.io.Json;

/** Texts made by jinja2 3.1.6 as transformers 5.24 sets it up (scripts/check/jinja_table.py), and hostile templates. */
class JinjaTemplateTest {
  private static final LocalDateTime NOW = LocalDateTime.of(2026, 1, 2, 3, 4, 5);
  /** Two seconds on a machine with nothing else to do. */
  private static final Duration LONGEST = Duration.ofSeconds(120);

  private static final int LEAST_CONSTRUCTS = 150;
  private static final int LEAST_PUBLISHED = 20;

  private static String resource(String name) throws IOException {
    try (InputStream in = JinjaTemplateTest.class.getResourceAsStream("/jinja/" + name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static Map<String, Object> map(JsonNode node) {
    return Json.mapper().convertValue(node, new TypeReference<LinkedHashMap<String, Object>>() {});
  }

  private static String render(String template, Map<String, Object> variables) {
    return JinjaTemplate.parse(template).render(variables, NOW);
  }

  private static String render(String template) {
    return render(template, Map.of());
  }

  @Test
  void constructsAreRenderedAsJinja2DoesOrRefusedByName() throws IOException {
    JsonNode table = Json.mapper().readTree(resource("constructs.json"));
    Map<String, Object> context = map(table.path("context"));
    List<String> wrong = new ArrayList<>();
    int equal = 0;
    for (JsonNode line : table.path("constructs")) {
      String template = line.path("template").asText();
      String got;
      try {
        JinjaTemplate parsed = JinjaTemplate.parse(template);
        try {
          got = "text: " + parsed.render(context, NOW);
        } catch (JinjaException e) {
          got = "error: " + e.getMessage();
        }
      } catch (JinjaException e) {
        got = "refused: " + e.getMessage();
      }
      boolean right =
          line.has("text") ? got.equals("text: " + line.path("text").asText())
              : line.has("refused") ? got.startsWith("refused: ") && got.contains(line.path("refused").asText())
                  : !got.startsWith("text: ") && got.lines().count() == 1;
      if (!right) {
        wrong.add(line + " but " + got);
      }
      equal += line.has("text") ? 1 : 0;
    }
    assertThat(wrong).isEmpty();
    assertThat(equal).isGreaterThan(LEAST_CONSTRUCTS);
  }

  @Test
  void publishedTemplatesAreRenderedAsJinja2Does() throws IOException {
    JsonNode table = Json.mapper().readTree(resource("published.json"));
    Set<String> names = new HashSet<>();
    for (JsonNode line : table.path("published")) {
      String name = line.path("template").asText();
      names.add(name);
      Map<String, Object> variables = map(table.path("tokens"));
      variables.put("messages", Json.mapper().convertValue(table.path("chats").path(line.path("chat").asText()), List.class));
      variables.put("tools", null);
      variables.put("documents", null);
      variables.put("add_generation_prompt", line.path("add_generation_prompt").asBoolean());
      JinjaTemplate template = JinjaTemplate.parse(resource("published/" + name + ".jinja"));
      if (line.has("text")) {
        assertThat(template.render(variables, NOW)).as(name + " " + line.path("chat")).isEqualTo(line.path("text").asText());
      } else {
        assertThatThrownBy(() -> template.render(variables, NOW)).isInstanceOf(JinjaException.class);
      }
    }
    assertThat(names).hasSizeGreaterThanOrEqualTo(LEAST_PUBLISHED);
  }

  /** The line is that of the fault, not of the template's beginning or end. */
  @ParameterizedTest
  @CsvSource({
    "3, ab $$ {{ 1 | pprint }}", "2, $ {{ x.y }}", "4, {% if true %}$$$ {{ 'a' + 1 }} {% endif %}", "3, {#$#}$ {% include 'x' %}",
    "2, $ {{ 1 ", "3, {% raw %}$$ {% endraw %}{{ ''.encode() }}", "2, {%- set x = 1 -%}$ {% break %}"
  })
  void faultsSayTheirLine(int line, String template) {
    assertThatThrownBy(() -> render(template.replace("$", "\n")))
        .isInstanceOfSatisfying(JinjaException.class, e -> assertThat(e.line()).as(e.getMessage()).isEqualTo(line));
  }

  /** What would fill the memory, take for ever or reach Java ends quickly and in one line. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{{ 'x' * 10000000000 }}",
        "{{ [0] * 10000000000 }}",
        "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x.replace('x', 'xx') %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == [[ns.x]] }}{{ {(ns.x, 1): 1} }}",
        "{% set ns = namespace(x=()) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=()) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
        "{{ 9 ** 99999 }}",
        "{{ 'a'.center(2000000000) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:>999999}'.format(1) * 100 }}",
        "{{ [1] | tojson(indent=2000000000) }}",
        "{{ 'a' | indent(2000000000, true) }}",
        "{{ [1] | batch(2000000000, 1) | list }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
        "{% set ns = namespace(d={}) %}{% for i in range(99999) %}{% set ns.d = dict(ns.d, **{'k' ~ i: i}) %}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% set t = 'a' * 500000 ~ 'b' %}{{ s.find(t) }}{{ t in s }}{{ s.split(t) | length }}",
        "{% set s = 'a ' * 1000000 %}{% for i in range(99999) %}{{ s.split() | length }}{{ s.rsplit() | length }}{% endfor %}",
        "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ s[i] }}{{ s | length }}{{ s == s ~ '' }}{% endfor %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ messages.getClass().forName('java.lang.Runtime') }}",
        "{{ ''.getClass() }}",
        "{{ (range | attr('__globals__')) }}",
        "{{ '{0.__class__}'.format('') }}",
        "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.l = [ns] %}{{ ns.l }}"
      })
  void hostileTemplatesEndInOneLine(String template) {
    Assertions.assertTimeoutPreemptively(
        LONGEST,
        () -> assertThatThrownBy(() -> render(template, Map.of("messages", List.of())))
            .isInstanceOf(JinjaException.class)
            .satisfies(e -> assertThat(e.getMessage()).hasLineCount(1).hasSizeLessThan(300).doesNotContain("org.refusal")));
  }

  /** Nesting that would exhaust the stack while it is read. */
  @ParameterizedTest
  @ValueSource(strings = {"(", "[", "{1:", "not ", "-", "a[", "a(", "1 if 1 else ", "x|f(", "1 is in ("})
  void deepNestingIsRefusedWhenRead(String opening) {
    assertThatThrownBy(() -> JinjaTemplate.parse("{{ " + opening.repeat(50_000)))
        .isInstanceOf(JinjaException.class);
    assertThatThrownBy(() -> JinjaTemplate.parse("{% if x %}".repeat(50_000))).isInstanceOf(JinjaException.class);
  }

  /** Chains are loops to the reader and recursion to the renderer. */
  @ParameterizedTest
  @ValueSource(strings = {" + 1", ".a", "|string", " or 0", "[0]", "()", " if 1", " ~ 1", " < 1"})
  void longChainsEndInATextOrOneLine(String link) {
    try {
      render("{{ 1" + link.repeat(100_000) + " }}");
    } catch (JinjaException e) {
      assertThat(e.getMessage()).hasLineCount(1);
    }
  }

  @Test
  void aTemplateOfOneTextIsForAllThreads() {
    JinjaTemplate template = JinjaTemplate.parse("{% set ns = namespace(n=0) %}{% for x in xs %}{% set ns.n = ns.n + x %}{% endfor %}{{ ns.n }}");
    assertThat(
            java.util.stream.IntStream.range(0, 200).parallel()
                .mapToObj(i -> template.render(Map.of("xs", List.of(i, 1)), NOW)).toList())
        .isEqualTo(java.util.stream.IntStream.range(0, 200).mapToObj(i -> String.valueOf(i + 1)).toList());
  }

  @Test
  void whetherATemplateAsksForTheDate() {
    assertThat(JinjaTemplate.parse("{% if a %}{{ strftime_now('%Y') }}{% endif %}").reads("strftime_now")).isTrue();
    assertThat(JinjaTemplate.parse("{{ 'strftime_now' }}").reads("strftime_now")).isFalse();
  }
}
