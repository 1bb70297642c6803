#!/usr/bin/env python3
"""Writes the table that JinjaTemplateTest compares the engine with: refusal-core/src/test/resources/jinja/constructs.json
and published.json.

Needs Python 3.11, jinja2 3.1.6 and transformers 5.24 (pip install jinja2==3.1.6 transformers==5.24.0): templates are
compiled by transformers' own function, only the clock is fixed. Run it from anywhere; it prints how many lines it wrote.

A construct has "text" (what jinja2 writes), "error" (jinja2 ends in an exception when it reads or renders it; the engine
must end in an error too) or "refused" (jinja2 renders it; the engine must refuse it when it reads it, and its message must
hold these words).
"""
import json
import pathlib
from datetime import datetime

import transformers.utils.chat_template_utils as utils

HERE = pathlib.Path(__file__).resolve().parent
RESOURCES = HERE.parent.parent / "refusal-core/src/test/resources/jinja"


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5)


utils.datetime = Clock
compile_template = utils._cached_compile_jinja_template

CONTEXT = {
    "messages": [
        {"role": "system", "content": " Be kind.\n"},
        {"role": "user", "content": "Hello \U0001f600 w\u00f6rld"},
        {"role": "assistant", "content": "Hi, <b>'you'</b> & \"me\""},
    ],
    "add_generation_prompt": True,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "tools": None,
    "documents": None,
    "empty": "",
    "zero": 0,
    "half": 0.5,
    "numbers": [3, 1, 2],
    "words": ["b", "A", "c"],
    "nested": {"a": {"b": [1, {"c": "deep"}]}, "items": "own", "n\u00e4me": None, "x y": 1.5},
    "tree": [{"name": "1", "kids": [{"name": "1.1", "kids": []}, {"name": "1.2", "kids": []}]}, {"name": "2", "kids": []}],
    "people": [{"name": "Ann", "age": 30}, {"name": "bob", "age": 7}, {"name": "Cy"}],
    "blanks": "\u00a0\u3000 x\u2003\u0085",
    "lines": "one\n\ntwo\r\nthree",
}

CONSTRUCTS = {
    "whitespace": [
        "a\n  {% if true %}\nb\n  {% endif %}\nc",
        "a {% if true %} b {% endif %} c",
        "User: {% if true %}x {% endif %}{% if true %}Assistant: {% endif %}",
        "  {%- if true -%}  x  {%- endif -%}  ",
        "  {%+ if true %}\n\n x {% endif +%}\ny",
        "{% if true -%}\n\n x\n{%- endif %}",
        "a\n{{ 1 }}\n\n{{ 2 }}\n",
        "a  {{- 1 -}}  b",
        "{{-1}} {{+1}}",
        "\n\n{% set x = 1 %}\n{{ x }}\n\n",
        "{# c #}\nx\n  {# d #}\ny {# e #} z",
        "a{#- c -#} b",
        "a {#+ c +#}\n b",
        "{% raw %}\n{{ x }} {% if %}\n{% endraw %}\nz",
        "a {%- raw -%} {{ x }} {%- endraw -%} b",
        "  {% raw %} x {% endraw +%}\ny",
        "x\n\t {% for i in [1,2] %}\n{{ i }}\n\t {% endfor %}\n",
        "a\u00a0{%- if true %}b{% endif -%}\u3000c",
        "a\u00a0\n\u00a0{% if true %}b{% endif %}",
        "\r\n a\r\n{% if true %}\r\nb\r{% endif %}\r\n",
        "{{ 'a\nb' }}",
        "{%- for m in messages -%}\n  {{ m.role }}\n{%- endfor -%}\n",
        "{{ 1 }}{% if true %}\n\n{% endif %}x",
        "{{ '{{' }} {{ '%}' }} {{ \"}}\" }}",
        "x {% set a = {'k': {'l': 1}} %}{{ a.k.l }}",
        "}} %} #} { % {",
        "{% set x = '%}' %}{{ x }}",
        "  {{ 'no lstrip' }}",
        "{% if true\n%}\nx{% endif\n-%}\n y",
        "{#- a\nb -#}\n\n{{ 1 }}",
    ],
    "literals": [
        "{{ 'a' 'b' \"c\" }}",
        r"{{ '\n\t\\\'\"\x41\u2022\U0001F600\101\q' }}",
        "{{ 'caf\u00e9' }}",
        "{{ 1_000 }} {{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 00 }}",
        "{{ 1.5 }} {{ 1e3 }} {{ 1.5e-7 }} {{ 1e16 }} {{ 123456789012345680.0 }} {{ 0.1 + 0.2 }} {{ 1_0.5 }}",
        "{{ true }} {{ True }} {{ false }} {{ none }} {{ None }}",
        "{{ [1, 'a', none, true, 1.0, (1,), (), {}] }}",
        "{{ {'a': 1, 'b': [2], 1: 'x', none: 2} }}",
        "{{ (1, 2) }} {{ 1, 2 }} {{ (1) }} {{ () }}",
        "{{ ['it\\'s', 'q\"q', 'both\\'\"', '\\n', '\\x00', '\u00e9', '\\u00a0', '\U0001f600'] }}",
        "{{ {1: 'a', 1.0: 'b', true: 'c'} }}",
        "{{ 100000000000000000000000 + 1 }}",
        "{{ 5.684341886080802e-14 }} {{ 2e23 }} {{ 1.0e-5 }} {{ 0.0001 }} {{ -0.0 }}",
        "{{ 2.0 }} {{ 1e22 }} {{ 9007199254740993.0 }}",
    ],
    "operators": [
        "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }}",
        "{{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1.5 * 2 }} {{ 2 ** 0.5 }} {{ -2 ** 2 }} {{ 2 ** 3 ** 2 }}",
        "{{ 'a' + 'b' }} {{ 'a' * 3 }} {{ 3 * 'a' }} {{ 'a' * -1 }}|{{ [1] + [2] }} {{ [0] * 2 }} {{ (1,) + (2,) }}",
        "{{ 1 ~ 'a' ~ none ~ true ~ 1.0 ~ [1] }}",
        "{{ 2 ~ 3 * 2 }} {{ 1 + 2 }}{{ 'a' + 1 ~ 2 }}",
        "{{ true + true }} {{ -true }} {{ +false }}",
        "{{ 0 or 'x' }} {{ 'a' and 'b' }} {{ '' and 'b' }}| {{ none or false }} {{ not '' }} {{ not 1 }}",
        "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 == true }} {{ 3 > 2 >= 2 != 1 }}",
        "{{ 'a' in 'abc' }} {{ 'x' not in ['a'] }} {{ 'a' in {'a': 1} }} {{ 2 in (1, 2) }} {{ '' in 'a' }} {{ 1 in [true] }}",
        "{{ not 'a' in 'abc' }} {{ 'a' in 'abc' == true }}",
        "{{ 'a' < 'b' }} {{ 'Z' < 'a' }} {{ [1, 2] < [1, 3] }} {{ '\uff5e' < '\U0001f600' }}",
        "{{ '' == false }} {{ 0 == false }} {{ none == false }} {{ '1' == 1 }} {{ [] == () }} {{ {} == {} }} {{ [1, [2]] == [1.0, [2]] }}",
        "{{ undefined_a == undefined_b }} {{ undefined_a == none }} {{ undefined_a != '' }}",
        "{{ 'yes' if true else 'no' }} {{ 'yes' if false }}| {{ 'a' if 0 else 'b' if 0 else 'c' }}",
        "{{ ('x' if false) is defined }} {{ ('x' if false) | default('d') }}",
        "{{ '%s: %s' % ('a', 1) }} {{ '%s' % 'x' }} {{ '%d%%' % 50 }} {{ '%5s|%-5s|%05d|%.2f|%+d' % ('a', 'b', 42, 3.14159, 3) }}",
        "{{ '%(a)s-%(b)r' % {'a': 1, 'b': 'x'} }}",
        "{{ '%s' % [1] }} {{ '%s' % none }} {{ '%.2f' % 2.675 }} {{ '%.1f' % 0.25 }}",
        "{{ -3 | abs }} {{ (-3) | abs }} {{ '2' + 3 | string }}x",
        "{{ - 5 + 3 }} {{ 2 - -1 }} {{ 1 + +1 }}",
        "{{ 10000000000 * 10000000000 }} {{ 10 ** 20 // 7 }} {{ 10 ** 20 % 7 }}",
        "{{ none is none and true }} {{ 1 is number or false }}",
        "{{ (1, 2) == (1, 2) }} {{ range(3) == range(3) }} {{ {'a': 1, 'b': 2} == {'b': 2, 'a': 1} }}",
    ],
    "access": [
        "{{ messages[0].role }} {{ messages[0]['role'] }} {{ messages[-1].content }} {{ messages[5] }}| {{ messages[0].nothing }}|",
        "{{ 'hello'[0] }} {{ 'hello'[-1] }} {{ 'hello'[9] }}| {{ messages[1].content[6] }} {{ messages[1].content|length }}",
        "{{ 'hello'[1:3] }} {{ 'hello'[:-1] }} {{ 'hello'[::-1] }} {{ 'hello'[::2] }} {{ 'hello'[10:] }}| {{ 'hello'[-3:] }} {{ 'hello'[4:0:-2] }}",
        "{{ messages[1:]|length }} {{ [1,2,3,4][1:3] }} {{ [1,2,3,4][::-2] }} {{ (1,2,3)[1:] }} {{ messages[:][0].role }}",
        "{{ messages[1].content[5:8] }} {{ messages[1].content[::-1] }}",
        "{{ nested.a.b[1].c }} {{ nested['a']['b'][0] }}",
        "{{ nested['items'] }} {{ nested['x y'] }} {{ nested['n\u00e4me'] }} {{ nested.get('items') }} {{ nested.get('q') }} {{ nested.get('q', 'd') }}",
        "{{ nested.a['b'].0 }} {{ [[1, 2]].0.1 }}",
        "{{ none.x }}| {{ (5).x }}| {{ none['x'] }}| {{ 5[0] }}| {{ true['a'] }}|",
        "{{ {'a': 1}.a }} {{ {1: 'x'}[1] }} {{ {1: 'x'}[1.0] }} {{ {(1, 2): 'x'}[1, 2] }}",
        "{{ 'abc'[true] }} {{ [1, 2]['x'] }}| {{ [1, 2][0.0] }}|",
        "{% for k in nested %}{{ k }} {% endfor %}",
        "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }} {% endfor %}",
        "{{ {'a': 1}.keys() }} {{ {'a': 1}.values() }} {{ {'a': 1}.items() }} {{ {'a': 1}.keys()|list }} {{ 'a' in {'a': 1}.keys() }}",
        "{{ 'x'.upper is defined }} {{ {}.items is defined }} {{ [].append is defined }} {{ {}.get is callable }}",
        "{{ tools is defined }} {{ tools is none }} {{ bos_token is defined }} {{ pad_token is defined }} {{ pad_token }}|",
        "{{ range(3) }} {{ range(1, 7, 2)|list }} {{ range(5)[-1] }} {{ range(5)[1:3] }} {{ range(5)|length }} {{ 3 in range(5) }} {{ range(3, 0, -1)|list }}",
        "{{ dict(a=1, b='x') }} {{ dict([('a', 1)]) }} {{ dict({'a': 1}, b=2) }}",
        "{{ nested.a.get('b')[0] }} {{ nested['get'] is defined }}",
        "{{ [1, 2].index(2) }} {{ [1, 1].count(1) }} {{ (1, 2).index(2) }}",
        "{{ {'_a': 1}._a }} {{ {'a': 1}['_b'] }}|",
    ],
    "str methods": [
        "[{{ blanks.strip() }}] [{{ blanks.lstrip() }}] [{{ blanks.rstrip() }}] [{{ '\\x1c a\\x1f'.strip() }}] [{{ '\u200b'.strip()|length }}]",
        "{{ 'xxaxbx'.strip('x') }} {{ 'abcba'.lstrip('ab') }} {{ 'abcba'.rstrip('ba') }} {{ 'a'.strip(none) }}",
        "{{ ' a  b '.split() }} {{ 'a,b,,c'.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b  c d'.split(none, 2) }} {{ 'a.b.c'.split('.', maxsplit=1) }} {{ ''.split() }} {{ ''.split(',') }}",
        "{{ 'a.b.c'.rsplit('.', 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ ' a b '.rsplit() }} {{ 'a--b'.rsplit('--') }}",
        "{{ 'abc'.split('</think>')[-1].lstrip('\\n') }} {{ 'x</think>\\n\\ny'.split('</think>')[-1].lstrip('\\n') }}",
        "{{ lines.splitlines() }} {{ 'a\\nb\\n'.splitlines(true) }} {{ 'a\\x0bb\\u2028c\\x1dd\\x85e'.splitlines() }}",
        "{{ 'aXbX'.replace('X', '-') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'ab'.replace('', '-') }} {{ 'ab'.replace('', '-', 2) }}",
        "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.startswith('') }}",
        "{{ 'Stra\u00dfe \u0130'.upper() }} {{ '\u00c4\u03a3 A\u03a3'.lower() }} {{ '\u01c6'.title() }} {{ '\u00df'.capitalize() }} {{ '\ufb01x'.title() }}",
        "{{ \"they're bill's 1st x-ray\".title() }} {{ 'hELLO wORLD'.capitalize() }} {{ 'aBc'.swapcase() }} {{ ''.capitalize() }}|",
        "{{ ', '.join(['a', 'b']) }} {{ ''.join('abc') }} {{ '-'.join(words) }} {{ '-'.join({'a': 1, 'b': 2}) }}",
        "{{ 'hello'.find('l') }} {{ 'hello'.rfind('l') }} {{ 'hello'.find('x') }} {{ 'h\U0001f600llo'.find('l') }} {{ 'hello'.index('e') }} {{ 'aaaa'.count('aa') }} {{ 'aa'.count('') }}",
        "{{ '{}: {}'.format('a', 1) }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x}'.format(x=2) }} {{ '{{}}'.format() }} {{ '{0.role}'.format(messages[0]) }} {{ '{!r}'.format('a') }}",
        "{{ '{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}|{:*^7}'.format('a', 'b', 'c', 42, 1.005, 1234567, 'x') }}",
        "{{ 'abc'.removeprefix('ab') }} {{ 'abc'.removesuffix('bc') }} {{ 'abc'.removeprefix('x') }}",
        "{{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'a'.partition('=') }} {{ 'a'.rpartition('=') }}",
        "{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3, '.') }} {{ 'a'.rjust(3) }} {{ 'ab'.center(5, '*') }} {{ 'a'.center(4, '*') }}",
        "{{ '12'.isdigit() }} {{ '1a'.isdigit() }} {{ ' \u3000'.isspace() }} {{ 'AB1'.isupper() }} {{ 'ab'.islower() }} {{ 'a\u00e9'.isalpha() }} {{ 'a1'.isalnum() }} {{ ''.isdigit() }}",
        "{{ messages[1].content.upper() }} {{ ('a' ~ 1).upper() }} {{ 'a'.upper().lower() }}",
    ],
    "case and place": [
        "{{ 'abcabc'.find('b', 2) }} {{ 'abcabc'.find('c', 0, 2) }} {{ 'abcabc'.rfind('b', 0, -2) }} {{ 'abcabc'.find('', 6) }} {{ 'abcabc'.find('', 7) }} {{ '😀ab'.find('b', 1) }}",
        "{{ 'abcabc'.index('a', 1) }} {{ 'abcabc'.rindex('c', none, 5) }} {{ 'aaaa'.count('a', 1, 3) }} {{ 'aaaa'.count('', 2) }} {{ 'aaaa'.count('', 5) }} {{ 'aaaa'.count('a', -1) }}",
        "{{ 'abc'.startswith('b', 1) }} {{ 'abc'.startswith('', 4) }} {{ 'abc'.startswith('', 3) }} {{ 'abc'.endswith('b', 0, -1) }} {{ 'abc'.startswith(('x', 'c'), 2) }} {{ 'abc'.endswith('', 3, 2) }}",
        "{{ 'ΣΟΦΟΣ' | lower }} {{ 'AΣ\"B' | lower }} {{ 'AΣ.B' | lower }} {{ 'AΣ B' | lower }} {{ 'aΣ-b' | lower }} {{ 'ʰΣ' | lower }} {{ 'ªΣ' | lower }} {{ 'Σ' | lower }}",
        "{{ 'ΟΔΟΣ ΣΟΦΟΣ'.title() }} {{ 'aΣ'.swapcase() }} {{ 'ΟΔΟΣ-x' | capitalize }}",
        "{{ 'Ⅷ'.isalnum() }} {{ '½'.isalnum() }} {{ '²'.isalnum() }} {{ 'aⅧ'.isalpha() }}",
    ],
    "filters": [
        "[{{ blanks | trim }}] [{{ 'xxaxx' | trim('x') }}] [{{ '\\x01a\\x01' | trim | length }}] {{ 5 | trim }}",
        "{{ 'a' | upper }} {{ 'A' | lower }} {{ 'hello world-foo (bar' | title }} {{ 'aBC' | capitalize }} {{ 5 | upper }}",
        "{{ x | default('d') }} {{ '' | default('d') }}| {{ '' | default('d', true) }} {{ none | default('d') }} {{ x | default('Be kind.', boolean=true) }} {{ x | d }}|",
        "{{ words | join(', ') }} {{ words | join }} {{ people | join('/', attribute='name') }} {{ numbers | join(0) }} {{ 'abc' | join('-') }} {{ [none, 1.5, x] | join(',') }}",
        "{{ words | length }} {{ messages | count }} {{ x | length }} {{ {'a': 1} | length }} {{ 'h\U0001f600' | length }}",
        "{{ words | first }} {{ words | last }} {{ 'abc' | first }} {{ 'abc' | last }} {{ [] | first }}| {{ {'a': 1} | first }} {{ {'a': 1, 'b': 2} | last }}",
        "{{ 'a-b-a' | replace('a', 'x') }} {{ 'aaa' | replace('a', 'b', 1) }} {{ 5 | replace(5, 6) }}",
        "{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ messages | selectattr('role', '==', 'user') | map(attribute='content') | first }}",
        "{{ messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='role') | join }} {{ people | selectattr('age') | map(attribute='name') | list }} {{ people | rejectattr('age', 'defined') | list }}",
        "{{ [0, 1, '', 'a', none] | select | list }} {{ [1, 2, 3, 4] | select('odd') | list }} {{ [1, 2, 3, 4] | reject('divisibleby', 2) | list }} {{ numbers | select('gt', 1) | list }}",
        "{{ words | map('upper') | list }} {{ people | map(attribute='age', default=0) | list }} {{ [' a '] | map('trim') | join }} {{ [1.5] | map('int') | list }} {{ ['a'] | map('replace', 'a', 'b') | list }}",
        "{{ people | map(attribute='name.0') | list }} {{ [{'a': {'b': 1}}, {}] | selectattr('a') | map(attribute='a.b') | list }}",
        "{{ 'abc' | list }} {{ {'a': 1} | list }} {{ (1, 2) | list }} {{ range(2) | list }}",
        "{{ 1.0 | string }} {{ none | string | length }} {{ [1] | string }}",
        "{{ '12' | int }} {{ '1.9' | int }} {{ 'x' | int }} {{ 'x' | int(-1) }} {{ 2.9 | int }} {{ -2.9 | int }} {{ ' 1_0 ' | int }} {{ none | int }} {{ true | int }}",
        "{{ '1.5' | float }} {{ 'x' | float }} {{ 'x' | float(2.5) }} {{ 3 | float }} {{ ' 1e3 ' | float }} {{ '.5' | float }} {{ '5.' | float }}",
        "{{ 'a\\nb\\n\\nc' | indent }}|{{ 'a\\nb' | indent(2, true) }}|{{ 'a\\n\\nb' | indent(2, blank=true) }}|{{ 'a\\nb' | indent('> ') }}|{{ '' | indent }}|{{ 'a\\n' | indent }}",
        "{{ {'b': 1, 'A': 2, 'c': 0} | dictsort }} {{ {'b': 1, 'A': 2} | dictsort(true) }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1, 'a': 2} | dictsort(reverse=true) }}",
        "{% for k, v in {'b': 1, 'a': 2} | items %}{{ k }}{{ v }} {% endfor %}{% for k, v in x | items %}never{% endfor %}",
        "{{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ numbers | sort(reverse=true) }} {{ [{'a': 2}, {'a': 1}] | sort(attribute='a') }} {{ [[2, 'b'], [1, 'c'], [2, 'a']] | sort(attribute='0') }} {{ [{'a': 2, 'b': 1}, {'a': 1, 'b': 3}, {'a': 2, 'b': 0}] | sort(attribute='a,b') }}",
        "{{ ['a', 'A', 'b', 'a'] | unique | list }} {{ ['a', 'A'] | unique(true) | list }} {{ [1, 1.0, true, 2] | unique | list }}",
        "{{ 'abc' | reverse }} {{ [1, 2, 3] | reverse | list }} {{ range(3) | reverse | list }} {{ {'a': 1, 'b': 2} | reverse | list }}",
        "{{ [1, 2, 3, 4, 5] | batch(2) | list }} {{ [1, 2, 3] | batch(2, 'x') | list }}",
        "{{ numbers | min }} {{ numbers | max }} {{ words | min }} {{ words | max(case_sensitive=true) }} {{ [] | max }}| {{ [{'a': 1}, {'a': 3}] | max(attribute='a') }}",
        "{{ numbers | sum }} {{ [{'a': 1}, {'a': 2}] | sum(attribute='a') }} {{ [] | sum }} {{ [1.5, 2] | sum(start=10) }}",
        "{{ 2.5 | round }} {{ 3.5 | round }} {{ 2.675 | round(2) }} {{ 2.1 | round(0, 'ceil') }} {{ 2.55 | round(1, 'floor') }} {{ 5 | round }} {{ 15 | round(-1) }} {{ -0.4 | round }}",
        "{{ -5 | abs }} {{ -1.5 | abs }}",
        "{{ 'a' | center(5) }}| {{ 'foo bar baz qux' | truncate(9) }} {{ 'foo bar baz qux' | truncate(9, true) }} {{ 'foo bar' | truncate(5) }} {{ 'foo bar baz qux' | truncate(11, false, '..', 0) }}",
        "{{ '%s-%s' | format('a', 2) }} {{ '%(x)s' | format(x=1) }} {{ 'plain' | format }}",
        "{{ '<a> & \"b\" \\'c\\'' | escape }} {{ '<' | e }} {{ '<' | safe }} {{ ('<' | safe) ~ '<' }} {{ ('<' | safe) + '>' }} {{ '<' | e | e }} {{ '<' | e | string }} {{ '<' | forceescape }} {{ ['<' | safe] }}",
        "{% filter upper %}a{{ 'b' }}{% endfilter %} {% filter trim | replace('x', 'y') %} x {% endfilter %}",
        "{{ messages | map(attribute='role') | map('upper') | reject('equalto', 'USER') | join(',') }}",
        "{{ (messages | selectattr('role', 'equalto', 'nobody')) is iterable }} {{ 'y' if messages | selectattr('role', 'equalto', 'nobody') }} {{ 'n' if not messages | selectattr('role', 'equalto', 'nobody') | list }}",
        "{% set g = words | map('upper') %}{% for a in g %}{{ a }}{% endfor %}|{% for a in g %}{{ a }}{% endfor %}|{{ g | first }}|",
        "{{ (words | map('upper'))[0] }}|",
        "{{ 'y' if x | reverse }} {{ x | reverse | list }} {{ x | last }}| {{ x | first }}| {{ x | sum }} {{ x | sort }} {{ x | join }}|",
        "{{ 'a' | default | upper }} {{ x | default(none) is none }} {{ x | default([]) | length }}",
    ],
    "tojson": [
        "{{ messages | tojson }}",
        "{{ nested | tojson(indent=2) }}",
        "{{ nested | tojson(indent=4, sort_keys=true) }}",
        "{{ {'b': 1, 'a': [1, 2.0, true, none, 'x']} | tojson(separators=(',', ':')) }}",
        "{{ '\u00e9\U0001f600\u2028</script>\\x7f\\x01\\b\\f' | tojson }} {{ '\u00e9\U0001f600\\x7f' | tojson(ensure_ascii=true) }}",
        "{{ [] | tojson(indent=2) }} {{ {} | tojson(indent=2) }} {{ [[], {}] | tojson(indent=1) }} {{ [1] | tojson(indent=0) }} {{ [1] | tojson(indent='\\t') }}",
        "{{ {1: 2, none: 3, true: 4, 1.5: 5} | tojson }} {{ (1, 2) | tojson }} {{ 1e100 | tojson }} {{ 'a' | tojson | upper }}",
        "{{ [1, {'a': [2]}] | tojson(indent=2, separators=(' ,', ' : ')) }} {{ 'x' | tojson(indent=none) }}",
    ],
    "tests": [
        "{{ x is defined }} {{ x is undefined }} {{ x is not defined }} {{ none is none }} {{ none is defined }} {{ messages is not none }}",
        "{{ 'a' is string }} {{ 1 is string }} {{ [] is string }} {{ {} is mapping }} {{ [] is mapping }} {{ [] is iterable }} {{ 1 is iterable }} {{ 'a' is iterable }} {{ x is iterable }} {{ none is iterable }}",
        "{{ [] is sequence }} {{ 'a' is sequence }} {{ {} is sequence }} {{ x is sequence }} {{ range(2) is sequence }} {{ {}.keys() is sequence }} {{ 1 is sequence }}",
        "{{ 1 is number }} {{ true is number }} {{ 1.0 is number }} {{ '1' is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is boolean }} {{ 1 is boolean }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }}",
        "{{ 3 is odd }} {{ 3 is even }} {{ 4 is divisibleby 2 }} {{ 4 is divisibleby(3) }} {{ 2.0 is even }}",
        "{{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 1 is lt 2 }} {{ 2 is ge 2 }} {{ 1 is gt(0) }} {{ 1 is le 0 }} {{ 2 is greaterthan 1 }} {{ 1 is lessthan 1 }}",
        "{{ 'a' is in 'abc' }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ 'A' is upper }} {{ 'a' is lower }} {{ '1' is lower }}",
        "{{ range is callable }} {{ 1 is callable }} {{ x is callable }} {{ raise_exception is defined }} {{ strftime_now is defined }} {{ namespace is callable }}",
        "{% if x is defined and x.y %}a{% else %}b{% endif %} {% if messages is string or messages is iterable %}c{% endif %}",
        "{{ messages[0].content is string and messages[0].content is not mapping }}",
        "{{ not x is defined }} {{ 1 if x is defined else 2 }} {{ (x is defined) if true else 1 }}",
    ],
    "set and scope": [
        "{% set x = 1 %}{% for i in [1, 2] %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
        "{% if true %}{% set x = 1 %}{% endif %}{{ x }}",
        "{% for i in [1, 2, 3] %}{{ x }}{% set x = i %}{{ x }} {% endfor %}|{{ x }}|",
        "{% set x = 0 %}{% for i in [1, 2] %}{{ x }}{% if i == 1 %}{% set x = i %}{% endif %}{{ x }} {% endfor %}{{ x }}",
        "{% set ns = namespace(a=1, b='x') %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}|{{ ns['a'] }}",
        "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = (b, a) %}{{ a }}{{ b }}{% set c = 1, %}{{ c }}",
        "{% set x %}a{{ 1 }}\n b{% endset %}[{{ x }}] {% set y | upper | trim %} q {% endset %}[{{ y }}]",
        "{% set ns = namespace() %}{% set ns.x %}block{% endset %}{{ ns.x }} {% set ns.y, z = 1, 2 %}{{ ns.y }}{{ z }}",
        "{% with a = 1, b = 2 %}{{ a + b }}{% set c = 3 %}{{ c }}{% endwith %}{{ a }}{{ c }}|",
        "{% set a = 1 %}{% with a = 2, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
        "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q }}|{% with (a, b) = (1, 2) %}{{ a }}{{ b }}{% endwith %}",
        "{% for m in messages %}{{ m.role }}{% endfor %}{{ m }}|",
        "{% for i in [1] %}{{ bos_token }}{% endfor %}{% set bos_token = 'B' %}{{ bos_token }}",
        "{{ bos_token }}{% for i in [1] %}{{ bos_token }}{% set bos_token = 'L' %}{{ bos_token }}{% endfor %}{{ bos_token }}",
        "{% if false %}{% set eos_token = 1 %}{% endif %}{{ eos_token }}",
        "{% if false %}{% set eos_token = 1 %}{% else %}{{ eos_token }}{% endif %}{{ eos_token }}",
        "{% for i in [1, 2] %}{% for j in [1, 2] %}{% set k = i * j %}{{ k }}{% endfor %}{{ k }}|{% endfor %}",
        "{% set x = 1 %}{% set y %}{% set x = 2 %}{{ x }}{% endset %}{{ x }}{{ y }}",
        "{% set x = 1 %}{% filter upper %}{% set x = 2 %}{{ x }}{% endfilter %}{{ x }}",
        "{% set x = y %}{{ x is defined }}{{ x }}|",
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{{ loop_messages | length }}{{ system_message }}",
        "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}",
        "{% set a = 1 %}{% if a %}{% if a %}{% set a = 2 %}{% endif %}{{ a }}{% endif %}{{ a }}",
        "{% set f %}x{% endset %}{% for f in [1] %}{{ f }}{% endfor %}{{ f }}",
        "{% for x in [1] %}{% for x in [2] %}{{ x }}{% endfor %}{{ x }}{% endfor %}{{ x }}|",
        "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns.items }}|",
        "{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}",
    ],
    "for": [
        "{% for i in [] %}x{% else %}empty{% endfor %} {% for i in [1] %}x{% else %}empty{% endfor %} {% for i in nothing %}x{% else %}none{% endfor %}",
        "{% for i in range(5) if i is odd %}{{ i }}/{{ loop.index }}/{{ loop.length }} {% endfor %}",
        "{% for m in messages if m.role != 'system' %}{{ loop.first }}{{ loop.last }}{{ m.role }} {% else %}x{% endfor %}",
        "{% for x in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}",
        "{% for x in words %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.previtem is defined }} {% endfor %}",
        "{% for x in words %}{% if loop.previtem is not defined %}First:{% endif %}{{ x }}{% endfor %}",
        "{% for x in [1, 2, 3] %}{{ loop.cycle('a', 'b') }}{% endfor %}",
        "{% for x in [1, 1, 2, 2, 1] %}{{ x if loop.changed(x) }}{% endfor %}",
        "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}",
        "{% for x in [1] %}{% continue %}{% else %}E{% endfor %} {% for x in [1] %}{% break %}{% else %}E{% endfor %} {% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}",
        "{% for i in [1, 2] %}{% for j in [] %}{% else %}{% continue %}{% endfor %}{{ i }}{% endfor %}|",
        "{% for n in tree recursive %}{{ n.name }}{{ loop.depth }}{% if n.kids %}({{ loop(n.kids) }}){% endif %}{% endfor %}",
        "{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}{{ b }} {% endfor %}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
        "{% for x in words | reverse %}{{ x }}{% endfor %} {% for x in messages[::-1] %}{{ x.role }}{% endfor %} {% for x in words | sort %}{{ x }}{% endfor %}",
        "{% for i in [1, 2] %}{% for j in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}",
        "{% for i in [1, 2] %}{% set outer = loop %}{% for j in [1, 2] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
        "{% for x in {'a': 1} %}{{ x }}{% endfor %} {% for x in {'a': 1}.values() %}{{ x }}{% endfor %} {% for x in (1, 2) %}{{ x }}{% endfor %} {% for x in 1, 2 %}{{ x }}{% endfor %}",
        "{% for x in words | map('lower') %}{{ loop.last }}{{ loop.length }}{{ x }} {% endfor %}",
        "{% for x in [1, 2, 3] %}{{ loop.nextitem if not loop.last else 'end' }}{% endfor %}",
        "{% for m in messages %}{{ '\n' if not loop.first }}{{ m.role }}{% endfor %}",
        "{% set ns = namespace(n=0) %}{% for x in [1, 2, 3, 4] if x > ns.n %}{% set ns.n = x + 1 %}{{ x }}{% endfor %}",
        "{% for x in [1, 2, 3] %}{% set y %}{% if x == 2 %}{% break %}{% endif %}a{% endset %}{{ y }}{% endfor %}",
        "{% for x in [[1, 2], [3]] recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}{{ x }}{% endif %}{% endfor %}",
        "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ loop.index0 }}{% endif %}{% endfor %}",
        "{% for i in range(2) %}{% if loop.index0 == 0 %}{% set first = 'f' %}{% endif %}{{ first }}|{% endfor %}",
    ],
    "if": [
        "{% if 0 %}a{% elif '' %}b{% elif [0] %}c{% else %}d{% endif %}",
        "{% if messages %}{% if not tools %}x{% endif %}{% endif %}",
        "{% if none %}a{% endif %}{% if 0.0 %}b{% endif %}{% if {} %}c{% endif %}{% if () %}d{% endif %}{% if nothing %}e{% endif %}{% if 'False' %}f{% endif %}",
        "{% if add_generation_prompt is defined and add_generation_prompt %}yes{% endif %}",
        "{% if nested.q is defined %}x{% else %}y{% endif %}",
        "{%- if messages[0]['role'] == 'system' and not tools -%} s {%- elif tools -%} t {%- endif -%}",
        "{% if 1, %}tuple{% endif %}",
        "{% if true: %}colon{% endif %}",
    ],
    "macro": [
        "{% macro f(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(b=1, a=2) }} {{ f() }}",
        "{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, x=3) }}",
        "{% macro f(x) %}[{{ caller(x) }}]{% endmacro %}{% call(y) f(1) %}got {{ y }}{% endcall %}",
        "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}body{{ bos_token }}{% endcall %}",
        "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
        "{% set x = 1 %}{% macro f() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ f() }}",
        "{% macro f() %}{{ y }}{% endmacro %}{% for y in [1] %}{{ f() }}{% endfor %}|",
        "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}",
        "{% macro f(m) -%}\n{{ m.role | upper }}\n{%- endmacro %}{% for m in messages %}{{ f(m) }},{% endfor %}",
        "{% macro f() %}{% set z = 1 %}{{ z }}{% endmacro %}{{ f() }}{{ z }}|",
        "{% macro f(a) %}{{ a is defined }}{% endmacro %}{{ f() }} {{ f(none) }} {{ f.name }}",
        "{% for i in [1, 2] %}{% macro f() %}{{ i }}{{ loop.index }}{% endmacro %}{{ f() }}{% endfor %}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}",
        "{% macro f(x, y) %}{{ x }}{{ y }}{% endmacro %}{{ f(*[1, 2]) }} {{ f(**{'x': 3, 'y': 4}) }} {{ f(1, *[2]) }}",
        "{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}",
        "{% macro f(content) %}{% if content is string %}{{ content }}{% else %}{% for c in content %}{{ c.text }}{% endfor %}{% endif %}{% endmacro %}{{ f('a') }}{{ f([{'text': 'b'}]) }}",
        "{% macro f(a='x', caller=none) %}{{ a }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ x }}{% endmacro %}{{ f('a') | upper }} {{ f('a') ~ 'b' }} {{ f('') or 'empty' }}",
    ],
    "transformers": [
        "{% generation %}{{ messages[2].content }}{% endgeneration %}!",
        "{%- for m in messages %}{%- if m.role == 'assistant' %}\n{%- generation %}\n{{ m.content }}\n{%- endgeneration %}\n{%- endif %}{%- endfor %}",
        "{% for m in messages %}{% generation %}{{ loop.index }}{% endgeneration %}{% endfor %}",
        "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S') }} {{ strftime_now('%A %B %-d %j %y %%') }}",
        "{% if strftime_now is defined %}{% set d = strftime_now('%d %b %Y') %}{% else %}{% set d = '26 Jul 2024' %}{% endif %}{{ d }}",
        "{% if false %}{{ raise_exception('no') }}{% endif %}ok",
        "{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}",
        "{% print 1, 'a' %}",
    ],
    "errors": [
        "{{ raise_exception('Conversation roles must alternate') }}",
        "{{ x.y }}", "{{ x['y'] }}", "{{ x + 1 }}", "{{ x() }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ 'a' + none }}", "{{ none + 'a' }}",
        "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 'a' < 1 }}", "{{ none < 1 }}", "{{ [1] < ['a'] }}", "{{ 1 in 'a' }}", "{{ 'a' in none }}",
        "{{ none | length }}", "{{ 5 | length }}", "{{ none | first }}", "{% for x in none %}{% endfor %}", "{% for x in 5 %}{% endfor %}",
        "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% set a, b = [1] %}", "{{ tools[1:] }}", "{{ nested[1:] }}", "{{ x is defined if true else 1 }}", "{{ 'abc'[::0] }}",
        "{{ messages.append(1) }}", "{{ nested.update({}) }}", "{{ [].pop() }}", "{{ 'a'.nothing() }}", "{{ 'abc'.index('x') }}", "{{ 'abc'.index('a', 1) }}", "{{ 'abc'.rindex('', 4) }}", "{{ 'a'.split('') }}",
        "{% set x = {} %}{% set x.a = 1 %}", "{% set ns = namespace() %}{% set ns._a = 1 %}", "{{ namespace(_a=1) }}", "{{ x | int }}", "{{ [1, 'a'] | sort }}", "{{ [1, 'a'] | sum }}", "{{ x | tojson }}", "{{ range | tojson }}",
        "{{ '%d' % 'a' }}", "{{ '%s %s' % 'a' }}", "{{ '%s' % ('a', 'b') }}", "{{ '{} {}'.format(1) }}", "{{ '{'.format() }}", "{{ ', '.join([1]) }}",
        "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(b=1) }}", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "{{ {[]: 1} }}",
        "{% for x in [1] %}{{ loop(x) }}{% endfor %}", "{{ range(200000) }}", "{{ ''.__class__.__mro__ }}", "{{ messages.__init__.__globals__ }}", "{{ ''['__class__'].mro() }}",
        "{% for m in messages %}", "{% if true %}", "{% endif %}", "{{ 1", "{{ 'a }}", "{{ (1 }}", "{{ 1) }}", "{{ }}", "{% %}", "{# a", "{% raw %}x", "{% unknown %}", "{% set 1 = 2 %}", "{% set none = 1 %}", "{{ 1 is }}", "{{ a | }}", "{{ a. }}", "{{ a b }}",
        "{% break %}", "{% for x in [1] %}{% macro f() %}{% break %}{% endmacro %}{% endfor %}", "{% for loop in [1] %}{% endfor %}", "{% for x in [1] %}{% set loop = 1 %}{% endfor %}", "{{ 'a' | nofilter }}", "{{ 'a' is notest }}", "{{ f(a=1, a=2) }}", "{% macro f(a=1, b) %}{% endmacro %}",
        "{{ '\\x4' }}", "{{ $ }}", "{{ a ? b : c }}", "{{ a && b }}", "{{ 'a' is string is string }}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{{ 10 ** 5000 }}", "{{ (-8) ** 0.5 > 1 }}", "{{ 0 ** -1 }}", "{{ 'a' | truncate(1) }}", "{{ 1 | map('upper') | list }}", "{{ [1] | map | list }}", "{{ [1] | select('nope') | list }}",
        "{{ {}.keys() in {} }}", "{{ {'a': 1}.items() not in {'a': 1} }}", "{{ {{}.items(): 1} }}", "{{ [{}.keys()] | unique | list }}",
        "{{ none | unique | list }}", "{{ 0 | unique | list }}", "{{ '' * 10 ** 20 }}", "{{ 10 ** 20 * [] }}",
        "{{ 'a'.splitlines('x') }}", "{{ 'a'.splitlines(none) }}", "{{ [2, 1] | sort('age') }}", "{{ [2, 1] | sort(none) }}", "{{ people | sort(reverse='age') }}", "{{ {'a': 1} | dictsort(reverse='x') }}",
        "{{ '%5%' % () }}", "{{ '%-%' % {} }}", "{{ '%(a)%' % {} }}", "{{ '%.2%' | format(a=1) }}",
    ],
}

REFUSED = {
    "{{ 'a' | pprint }}": "'pprint' is not supported",
    "{{ messages | groupby('role') | length }}": "'groupby' is not supported",
    "{{ '<b>x</b>' | striptags }}": "'striptags' is not supported",
    "{{ 'a b' | urlencode }}": "'urlencode' is not supported",
    "{{ 'a b' | wordcount }}": "'wordcount' is not supported",
    "{{ 'a b' | wordwrap(1) }}": "'wordwrap' is not supported",
    "{{ 1000 | filesizeformat }}": "'filesizeformat' is not supported",
    "{{ [1] | random }}": "'random' is not supported",
    "{{ ['a'] | map('urlize') | list }}": "'urlize' is not supported",
    "{{ {'a': 1} | xmlattr }}": "'xmlattr' is not supported",
    "{{ [1, 2] | slice(2) | list }}": "'slice' is not supported",
    "{{ 'a' | attr('upper') is defined }}": "'attr' is not supported",
    "{{ 1 is sameas 1 }}": "'sameas' is not supported",
    "{{ 'upper' is filter }}": "'filter' is not supported",
    "{{ 'odd' is test }}": "'test' is not supported",
    "{{ 'a' is escaped }}": "'escaped' is not supported",
    "{{ ['a'] | select('escaped') | list }}": "'escaped' is not supported",
    "{% if false %}\n{{ 'a' | nofilter }}{% endif %}": "'nofilter' is not supported",
    "{{ 'a'.encode() }}": "'encode' is not supported",
    "{{ 'A'.casefold() }}": "'casefold' is not supported",
    "{{ 'a'.translate({}) }}": "'translate' is not supported",
    "{{ 'a\tb'.expandtabs() }}": "'expandtabs' is not supported",
    "{{ '1'.isnumeric() }}": "'isnumeric' is not supported",
    "{% block a %}x{% endblock %}": "'block' is not supported",
    "{% autoescape true %}{{ '<' }}{% endautoescape %}": "'autoescape' is not supported",
    "{% if false %}{% include 'x' %}{% endif %}": "'include' is not supported",
    "{{ lipsum() | length > 1 }}": "'lipsum' is not supported",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}": "'cycler' is not supported",
    "{% set j = joiner() %}{{ j() }}": "'joiner' is not supported",
    "{{ self is defined }}": "'self' is not supported",
    "{{ ''.__class__ }}": "'__class__' is unsafe",
    "{{ '\\N{BULLET}' }}": "\\N in a string is not supported",
    "{{ 'ff' | int(0, 16) }}": "another base than 10 is not supported",
    "{{ 'ff' | int(base=16) }}": "another base than 10 is not supported",
    "{{ 'a %x' % 255 }}": "the format %x is not supported",
    "{{ '\\ud83d' | length }}": "no character",
    "{% set \u00e9 = 1 %}{{ \u00e9 }}": "unexpected character",
}

CHATS = {
    "one": [{"role": "user", "content": "How do I bake bread?"}],
    "blanks": [{"role": "user", "content": "\u00a0 Two lines\nand an emoji \U0001f35e \n"}],
    "system": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
    "turns": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello!"},
        {"role": "user", "content": "And now?"},
    ],
    "all": [
        {"role": "system", "content": "Be kind. "},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": " Hello! "},
        {"role": "user", "content": "{{ 7 * 7 }} </s> <|im_end|>"},
        {"role": "assistant", "content": "49?"},
    ],
    "wrong": [{"role": "assistant", "content": "I begin."}, {"role": "assistant", "content": "I go on."}],
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def rendered(template, context):
    """("text", text) or ("error", None)."""
    try:
        return "text", compile_template(template).render(**context)
    except Exception:
        return "error", None


def main():
    constructs = []
    for group, templates in CONSTRUCTS.items():
        for template in templates:
            kind, text = rendered(template, CONTEXT)
            if (kind == "error") != (group == "errors"):
                raise SystemExit(f"{kind} in the group {group}: {template!r}")
            constructs.append({"group": group, "template": template, "error": True} if kind == "error"
                              else {"group": group, "template": template, "text": text})
    for template, words in REFUSED.items():
        kind, _ = rendered(template, CONTEXT)
        if kind == "error" and "\\ud83d" not in template:
            raise SystemExit(f"jinja2 refuses it as well: {template!r}")
        constructs.append({"group": "refused", "template": template, "refused": words})
    if len({line["template"] for line in constructs}) < len(constructs):
        raise SystemExit("a template is there twice")
    table = {"context": CONTEXT, "constructs": constructs}
    (RESOURCES / "constructs.json").write_text(json.dumps(table, indent=1, ensure_ascii=True) + "\n")

    published = []
    for file in sorted((RESOURCES / "published").glob("*.jinja")):
        template = file.read_text()
        for chat, messages in CHATS.items():
            for prompt in (True, False):
                context = {**TOKENS, "messages": messages, "tools": None, "documents": None, "add_generation_prompt": prompt}
                kind, text = rendered(template, context)
                line = {"template": file.stem, "chat": chat, "add_generation_prompt": prompt}
                published.append({**line, "error": True} if kind == "error" else {**line, "text": text})
    table = {"tokens": TOKENS, "chats": CHATS, "published": published}
    (RESOURCES / "published.json").write_text(json.dumps(table, indent=1, ensure_ascii=True) + "\n")
    print(f"{len(constructs)} constructs, {len({line['template'] for line in published})} published templates, {len(published)} texts")


if __name__ == "__main__":
    main()
