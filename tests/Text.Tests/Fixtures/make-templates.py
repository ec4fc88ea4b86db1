"""Writes templates/*.case.json: templates, contexts and what Jinja2 makes of them, set up as `transformers` sets it up.

Needs Jinja2 3.1. `make-templates.py OUT config.json ...` instead renders the chat_template of tokenizer_config.json files that you
have, for a check by hand (see README.md).
"""
import datetime
import json
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox


class Tracker(jinja2.ext.Extension):
    """{% generation %}, as transformers' AssistantTracker: notes where its blocks lie in the output."""

    tags = {"generation"}

    def __init__(self, environment):
        super().__init__(environment)
        environment.extend(tracker=self)
        self.blocks, self.spans = [], []

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_support"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _support(self, context, caller):
        text = caller()
        start = len("".join(self.blocks))
        self.spans.append([start, start + len(text)])
        return text


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def render(source, variables):
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Tracker, jinja2.ext.loopcontrols])
    environment.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.datetime(2024, 7, 26).strftime(form)
    try:
        template = environment.from_string(source)
        tracker = environment.tracker
        tracker.blocks, tracker.spans = [], []
        for part in template.generate(**variables):
            tracker.blocks.append(part)
        return {"expected": "".join(tracker.blocks), "spans": tracker.spans}
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"}


CHAT = [{"role": "system", "content": " You help. "}, {"role": "user", "content": "Hi <b>\n"}, {"role": "assistant", "content": "Hello \U0001F600!"},
        {"role": "user", "content": "What's 2+2?"}, {"role": "assistant", "content": "4"}]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds é & \"quotes\"", "parameters": {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]}}}]
CALLS = [{"role": "user", "content": "add"}, {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 1.5, "b": [True, None]}}}]}, {"role": "tool", "content": "3"}, {"role": "assistant", "content": "It is 3."}]
VALUES = {"x": 5, "y": 2.5, "s": "Hello World", "e": "", "n": None, "t": True, "f": False, "l": [3, 1, 2], "d": {"a": 1, "b": [1, 2], "items": 9}, "u": "é\U0001F600ü", "names": ["bob", "Al", "cy"],
          "rows": [{"k": "a", "v": 1, "on": True}, {"k": "b", "v": 2, "on": False}, {"k": "a", "v": 3}], "big": 12345678901, "neg": -7, "q": "it's \"x\"\n\t\\"}

SNIPPETS = r"""
{{ x }} {{ y }} {{ t }} {{ n }} {{ l }} {{ d }} {{ u }} {{ q }}|{{ missing }}|{{ [q, u, 1.0, none, true] }}|{{ (1,) }}|{{ (1, 'a') }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 7.5 // 2 }} {{ 1 / 3 }} {{ 10 / 5 }}
{{ 1e20 }} {{ 1.5e-7 }} {{ 0.1 + 0.2 }} {{ 1e16 }} {{ 123456789012345.0 }} {{ 0.0001 }} {{ 100.0 }} {{ 1e100 }} {{ 2.5e-5 }}
{{ 'a' ~ 1 ~ none ~ true ~ missing }} {{ 'a' * 3 }} {{ [1] * 2 + [3] }} {{ 'a' 'b' }}
{{ x > 3 and y < 3 or f }} {{ not x }} {{ x and e }} {{ e or 'z' }} {{ 1 < 2 < 3 }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1,2] < [1,3] }}
{{ 'lo W' in s }} {{ 'z' not in s }} {{ 1 in l }} {{ 'a' in d }} {{ not 'a' in d }} {{ 'x' in missing }}
{{ s[0] }} {{ s[-1] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[:-3] }} {{ l[1:] }} {{ l[::2] }} {{ l[-2:] }} {{ u[1] }} {{ u[1:] }} {{ u | length }} {{ l[10] }} {{ l[5:2] }} {{ s[100:] }} {{ (1,2,3)[1:] }}
{{ d.a }} {{ d['a'] }} {{ d.b[1] }} {{ d.items is callable }} {{ d['items'] }} {{ d.zzz }} {{ d.get('a') }} {{ d.get('z') }} {{ d.get('z', 4) }} {{ d.zzz is defined }} {{ n.foo }} {{ l.0 }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {{ d.keys() | list }} {{ d.values() | list }} {{ d | items | list }} {{ d | dictsort }}
{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a.b.c'.rsplit('.', 1) }} {{ 'xxaxx'.strip('x') }} {{ '  a '.lstrip() }}| {{ 'ab'.startswith('a') }} {{ 'ab'.endswith(('c','b')) }}
{{ 'a-b'.replace('-', '+') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ ','.join(['a','b']) }} {{ 'abc'.find('c') }} {{ 'abc'.find('z') }} {{ 'banana'.count('an') }} {{ 'a\nb\r\nc'.splitlines() }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'prefix'.removeprefix('pre') }} {{ 'a b'.split(none, 1) }}
{{ '{} and {}'.format(1, 'b') }} {{ '{0}{1}{0}'.format('a', 2) }} {{ '{n}'.format(n=3) }} {{ '%s=%d' % ('a', 3) }} {{ '%.2f' % 3.14159 }} {{ '%s' % 'x' }} {{ '%05d' % 42 }} {{ '{{}}'.format() }}
{{ s | upper }} {{ s | lower }} {{ s | title }} {{ 'hELLO' | capitalize }} {{ '  a ' | trim }}| {{ 'xax' | trim('x') }} {{ s | length }} {{ l | length }} {{ s | replace('o', '0') }} {{ s | first }} {{ s | last }} {{ l | first }} {{ s | reverse }} {{ l | reverse | list }} {{ l | sort }} {{ l | sort(reverse=true) }} {{ names | sort }} {{ names | sort(case_sensitive=true) }}
{{ l | join(', ') }} {{ rows | join('|', attribute='k') }} {{ l | sum }} {{ rows | sum(attribute='v') }} {{ l | max }} {{ l | min }} {{ [1, 1, 2] | unique | list }} {{ 'abc' | list }} {{ l | map('string') | join('') }} {{ names | map('upper') | list }} {{ rows | map(attribute='v') | list }} {{ rows | map(attribute='on', default='?') | list }}
{{ rows | selectattr('on') | map(attribute='v') | list }} {{ rows | selectattr('k', 'equalto', 'a') | list | length }} {{ rows | rejectattr('k', 'eq', 'a') | list }} {{ l | select('odd') | list }} {{ l | reject('gt', 1) | list }} {{ [0, 1, ''] | select | list }} {{ rows | selectattr('on', 'defined') | list | length }}
{{ missing | default('D') }} {{ e | default('D') }} {{ e | default('D', true) }} {{ n | default('D') }} {{ missing | d(3) }} {{ '5' | int + 1 }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ '2.7' | int }} {{ '2.5' | float }} {{ 3.7 | int }} {{ -3 | abs }} {{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 2.1 | round(0, 'ceil') }} {{ 'a b c' | wordcount }} {{ 5 | string + 'a' }}
{{ 'a\nb\n\nc' | indent(2) }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\nb' | indent(width=3, first=True) }} {{ '<a>' | e }} {{ '<a>' | safe }} {{ l | batch(2) | list }} {% for g, items in rows | groupby('k') %}{{ g }}:{{ items | length }} {% endfor %}
{{ d | tojson }} {{ q | tojson }} {{ u | tojson }} {{ [1.0, 1.5, none, true] | tojson }} {{ d | tojson(indent=2) }} {{ {'b': 1, 'a': {}} | tojson(sort_keys=true) }} {{ {} | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ {'a': [1, {}]} | tojson(separators=(',', ':')) }} {{ u | tojson(ensure_ascii=true) }} {{ '</script>' | tojson }}
{{ x is number }} {{ x is integer }} {{ y is float }} {{ s is string }} {{ l is iterable }} {{ l is sequence }} {{ d is mapping }} {{ s is mapping }} {{ n is none }} {{ missing is undefined }} {{ t is true }} {{ t is boolean }} {{ x is odd }} {{ x is even }} {{ x is divisibleby 5 }} {{ x is divisibleby(2) }} {{ x is not none }} {{ s is not string }} {{ x is eq 5 }} {{ 'a' is in ['a'] }} {{ 1 is sameas 1 }} {{ none is none and true }} {{ s is lower }} {{ 'AB' is upper }} {{ 'upper' is filter }}
{{ 'yes' if x else 'no' }} {{ 'yes' if e else 'no' }} {{ 'a' if f }}| {{ 'a' if f else 'b' if f else 'c' }} {{ (1 if t else 2) + 3 }}
{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }} {{ loop.cycle('a', 'b') }} {{ loop.previtem }} {{ loop.nextitem }};{% endfor %}
{% for i in [] %}a{% else %}none{% endfor %}{% for i in missing %}a{% else %}none{% endfor %}{% for c in 'ab' %}[{{ c }}]{% endfor %}{% for k in d %}{{ k }}{% endfor %}
{% for i in range(10) if i is odd %}{{ i }}{{ loop.length }} {% endfor %}{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %} {{ range(2, 8, 3) | list }} {{ range(5, 0, -2) | list }}
{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }} {% if true %}{% set a = 9 %}{% endif %}{{ a }}
{% set ns = namespace(a=1, b=[]) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.zz is defined }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c = (1, 2) %}{{ c }}{% set z %}text {{ x }}{% endset %}[{{ z }}]{% set w | upper %}low{% endset %}{{ w }}{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% macro m(a, b='B', c=none) %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}{{ m(1) | upper }}{{ m() }} {% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}
{% macro wrap(t) %}[{{ t }}{{ caller() }}]{% endmacro %}{% call wrap('a') %}body {{ x }}{% endcall %}{% filter upper %}abc {{ s }}{% endfilter %}{% with p = 5, r = x %}{{ p + r }}{% endwith %}
{% for item in [{'n': 1, 'c': [{'n': 2, 'c': []}]}] recursive %}({{ item.n }}{{ loop.depth }}{{ loop(item.c) }}){% endfor %}{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}
{{- x -}}   {{ y }}   {{- s }}
a  {%- if t %}  b  {%- endif %}  c  {%+ if t %} d {% endif +%}  e {#- comment -#} f
{% raw %}{{ x }} {% if %}{% endraw %} {# {{ x }} #} {{ '{{' }} {{ '%}' }} {{ {'a': {'b': 1}} }} {{ "a\tb\"c\u00e9\x41" }} {{ 'a\qb' }}
{{ missing.foo }}
{{ missing + 1 }}
{{ missing() }}
{{ x.foo.bar }}
{{ s + 1 }}
{{ n + 'a' }}
{{ l.append(4) }}
{{ 'a' < 1 }}
{{ raise_exception('no ' ~ x) }}
{{ 1 // 0 }}
{{ x | nofilter }}
{{ x is notest }}
{% if x %}
{% foo %}
{{ x
{{ x y }}
{{ strftime_now('%d %b %Y') }} {{ strftime_now('%B %-d, %Y %H:%M') }} {{ strftime_now is defined }} {{ s.__class__ }}{{ dict(a=1, b=2) }} {{ namespace is defined }}
{% generation %}abc{{ x }}{% endgeneration %} {% for i in [1, 2] %}{% generation %}{{ i }}!{% endgeneration %};{% endfor %}
""".strip("\n").split("\n")

BLOCKS = ["{% if x %}\n  line\n{% endif %}\nafter\n", "  {% for i in l %}\n    {{ i }}\n  {% endfor %}\nend", "a\n  {# c #}\n  b\n", "\n\n{{ x }}\n\n", "{{ x }}\r\n{% if t %}\r\nb{% endif %}", "{%- for m in rows -%}\n  {{ m.k }}\n{%- endfor -%}\n",
          "{% set a = [\n  1,\n  2,\n] %}{{ a }}", "  {%+ if t %}x{% endif %}\n", "{{ '\n' }}  {% if t %} y {% endif %}  \n z", "text   {% if t %}\n  x\n{% endif %}", "{%- set ns = namespace(found=false) -%}\n{%- for m in rows | reverse if not ns.found -%}\n{%- if m.v < 3 %}{{ m.k }}{% set ns.found = true %}{% endif -%}\n{%- endfor -%}"]

# Written for this file in the manner of the published families: headers and end-of-turn marks, tools, thinking, inst-brackets, alternation checks.
FAMILIES = {
    "chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "headers": "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now('%d %b %Y') %}\n    {%- endif %}\n{%- endif %}\n{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content'] | trim %}\n    {%- set rest = messages[1:] %}\n{%- else %}\n    {%- set system_message = '' %}\n    {%- set rest = messages %}\n{%- endif %}\n{{- '<|start_header_id|>system<|end_header_id|>\n\nToday: ' + date_string + '\n\n' + system_message + '<|eot_id|>' }}\n{%- for message in rest %}\n    {%- if message.tool_calls is defined and message.tool_calls %}\n        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}\n        {%- for call in message.tool_calls %}\n            {{- call.function.name ~ ' ' ~ (call.function.arguments | tojson) }}\n        {%- endfor %}\n        {{- '<|eot_id|>' }}\n    {%- else %}\n        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}\n{%- endif %}\n",
    "brackets": "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}{% set turns = messages[1:] %}{% else %}{% set system = '' %}{% set turns = messages %}{% endif %}{% for message in turns %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + (system if loop.first else '') + message['content'].strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "thinking": "{%- if tools %}\n    {{- '<|im_start|>system\n' }}\n    {%- for tool in tools %}\n        {{- \"\\n\" }}\n        {{- tool | tojson }}\n    {%- endfor %}\n    {{- '<|im_end|>\n' }}\n{%- endif %}\n{%- set ns = namespace(last=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if message.role == 'user' and ns.last == messages|length - 1 %}\n        {%- set ns.last = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n    {%- set content = message.content if message.content is string else '' %}\n    {%- if message.role == 'assistant' %}\n        {%- if '</think>' in content %}\n            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n        {%- endif %}\n        {%- if loop.index0 > ns.last %}\n            {{- '<|im_start|>assistant\n<think>\n\n</think>\n\n' + content }}\n        {%- else %}\n            {{- '<|im_start|>assistant\n' + content }}\n        {%- endif %}\n        {%- if message.tool_calls %}\n            {%- for call in message.tool_calls %}\n                {%- if call.function %}{%- set call = call.function %}{%- endif %}\n                {{- '\n<tool_call>\n{\"name\": \"' ~ call.name ~ '\", \"arguments\": ' }}\n                {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}\n                {{- '}\n</tool_call>' }}\n            {%- endfor %}\n        {%- endif %}\n        {{- '<|im_end|>\n' }}\n    {%- elif message.role == 'tool' %}\n        {{- '<|im_start|>user\n<tool_response>\n' + content + '\n</tool_response><|im_end|>\n' }}\n    {%- else %}\n        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\n' }}\n    {%- if enable_thinking is defined and enable_thinking is false %}\n        {{- '<think>\n\n</think>\n\n' }}\n    {%- endif %}\n{%- endif %}",
    "generation": "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}<A>{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}\n{% else %}<{{ m.role }}>{{ m.content }}\n{% endif %}{% endfor %}",
}


def main():
    if len(sys.argv) > 2:
        out, families = sys.argv[1], {str(i): json.load(open(path)).get("chat_template") for i, path in enumerate(sys.argv[2:])}
    else:
        out, families = "templates", FAMILIES
        with open(f"{out}/snippets.case.json", "w") as file:
            json.dump([{"template": s, "variables": VALUES, **render(s, VALUES)} for s in SNIPPETS + BLOCKS], file, ensure_ascii=False, indent=0)
    cases = []
    for source in families.values():
        for messages in (CHAT, CHAT[1:], CALLS, CHAT[:2], [], CHAT[1:3] + CHAT[1:2]):
            for more in ({}, {"add_generation_prompt": True}, {"tools": TOOLS, "enable_thinking": False}):
                variables = {"messages": messages, "bos_token": "<s>", "eos_token": "</s>", **more}
                if source:
                    cases.append({"template": source, "variables": variables, **render(source, variables)})
    with open(f"{out}/families.case.json", "w") as file:
        json.dump(cases, file, ensure_ascii=False, indent=0)


main()
