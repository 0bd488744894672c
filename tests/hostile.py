"""Hostile texts that vendor rows and files may hold and that must act nowhere: terminal, page, comment or pipeline.

Nearly every text holds `MARK` near its beginning, by which a test finds the text in an output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

MARK: Final = "zqx"

_CONTROL: Final = {
    f"{code:02x}": f"zqx{chr(code)}b"
    for code in (*range(0x20), 0x7F, 0x80, 0x84, 0x85, *range(0x8D, 0x91), *range(0x98, 0xA0))
}

_TERMINAL: Final = {
    "colour": "\x1b[31mzqx\x1b[0m",
    "clear screen": "\x1b[2J\x1b[Hzqx",
    "cursor up": "\x1b[1A\x1b[2Kzqx",
    "title": "\x1b]0;zqx\x07",
    "hyperlink": "\x1b]8;;https://evil.example/\x1b\\zqx\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;enF4\x1b\\zqx",
    "device string": "\x1bP+q544e\x1b\\zqx",
    "eight-bit sequence": "\x9b31mzqx\x9b0m",
    "eight-bit command": "\x9d0;zqx\x9c",
    "application command": "\x1b_zqx\x1b\\",
    "overstrike": "zqx\b\b\bok ",
    "back to the start": "zqx\rok",
    "unfinished sequence": "zqx\x1b[",
    "bell": "\x07\x07zqx",
}

_HIDDEN: Final = {
    f"{ord(character):04x}": f"zqx{character}b"
    for character in (
        "\xad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
        "\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206f\u2028\u2029\u2800\u3164\ufeff"
        "\ufff9\ufffa\ufffb\uffa0\ue000\ufdd0\uffff\u0378\U000e0001\U000e0041\U000e007f\U0010ffff\U0001d173"
    )
}

_HIDING: Final = {
    "reversed": "\u202ezqx\u202c",
    "isolated": "\u2066zqx\u2069\u2067b",
    "source that reads backwards": "zqx\u202e\u2066// admin\u2069 \u2066",
    "spelt with tags": "zqx" + "".join(chr(0xE0000 + ord(character)) for character in "delete"),
    "only invisible": "\u200b\u2060\ufeff",
    "high surrogate": "zqx\ud800",
    "low surrogate": "\udc00zqx",
    "surrogates in the wrong order": "zqx\udc00\ud800",
    "undecodable byte": "zqx\udcff",
}

_LINES: Final = {
    "line feed": "zqx\nsecond",
    "CR LF": "zqx\r\nsecond",
    "carriage return": "zqx\rsecond",
    "blank line": "zqx\n\n# second",
    "begins with a line feed": "\nzqx",
    "ends with a line feed": "zqx\n",
    "vertical tab": "zqx\vsecond",
    "form feed": "zqx\fsecond",
    "next line": "zqx\x85second",
    "line separator": "zqx\u2028second",
    "paragraph separator": "zqx\u2029second",
    "tab": "zqx\tsecond",
    "NUL": "zqx\0second",
    "information separators": "zqx\x1c\x1d\x1e\x1fsecond",
}

_BLANKS: Final = {
    "in front": "   zqx",
    "behind": "zqx   ",
    "around": " zqx ",
    "four in front": "    zqx",
    "in the middle": "zqx     b",
    "no-break": "\u00a0zqx\u00a0",
    "ideographic": "\u3000zqx\u3000",
    "em space": "\u2003zqx",
    "nothing but": "   ",
    "nothing but wide ones": "\u3000\u2003",
}

_MARKDOWN: Final = {
    "link": "[zqx](https://evil.example)",
    "link with a title": '[zqx](https://evil.example "t")',
    "link to a script": "[zqx](javascript:alert(1))",
    "image": "![zqx](https://evil.example/p.png)",
    "reference": "[zqx][r]",
    "definition": "[zqx]: https://evil.example",
    "definition on its line": "\n\n[zqx]: https://evil.example\n",
    "short reference": "[zqx]",
    "footnote": "zqx[^1]",
    "footnote's text": "[^1]: zqx",
    "autolink": "<https://evil.example/zqx>",
    "bare address": "https://evil.example/zqx",
    "www": "www.evil.example/zqx",
    "ftp": "ftp://evil.example/zqx",
    "mail": "zqx@evil.example",
    "mail, escaped": "zqx\\@evil.example",
    "mail as autolink": "<zqx@evil.example>",
    "mailto": "mailto:zqx@evil.example",
    "xmpp": "xmpp:zqx@evil.example",
    "heading": "# zqx",
    "deep heading": "###### zqx",
    "heading after a break": "b\n# zqx",
    "underlined heading": "zqx\n===",
    "underlined with dashes": "zqx\n---",
    "rule": "*** zqx",
    "stars": "***zqx***",
    "emphasis": "*zqx* _b_ **c** __d__",
    "struck out": "~~zqx~~",
    "bullet": "- zqx",
    "star bullet": "* zqx",
    "plus bullet": "+ zqx",
    "number": "1. zqx",
    "task": "- [x] zqx",
    "quote": "> zqx",
    "alert": "> [!WARNING]\n> zqx",
    "fence": "```zqx",
    "fence on its line": "\n```\nzqx\n```\n",
    "tilde fence": "~~~zqx",
    "diagram": "```mermaid\nzqx\n```",
    "indented code": "\n\n    zqx\n",
    "code": "`zqx`",
    "half a code span": "`zqx",
    "half a code span behind": "zqx`",
    "two backticks": "``zqx``",
    "three backticks": "zqx```b",
    "many runs of backticks": "zqx ` `` ``` ```` ``` `` `",
    "a long run of backticks": "zqx" + "`" * 70,
    "nothing but backticks": "`" * 7,
    "one backtick": "`",
    "backtick and pipe": "zqx`|`b",
    "pipe": "zqx|b",
    "nothing but pipes": "||||",
    "row": "| zqx | b |",
    "table": "| zqx |\n|---|\n| b |",
    "delimiter": "|---|---|zqx",
    "escaped pipe": "zqx\\|b",
    "twice escaped pipe": "zqx\\\\|b",
    "thrice escaped pipe": "zqx\\\\\\|b",
    "backslash behind": "zqx\\",
    "two backslashes behind": "zqx\\\\",
    "backslash and pipe behind": "zqx\\|",
    "backslash and backtick": "zqx\\`b",
    "backslash and line feed": "zqx\\\nb",
    "hard break": "zqx  \nb",
    "formula": "$zqx$",
    "formula in code": "$`zqx`$",
    "formula between spans": "zqx$`, `$b",
    "dollar behind": "zqx$",
    "dollar in front": "$zqx",
    "display": "$$zqx$$",
    "display on its lines": "$$\nzqx\n$$",
    "brackets of TeX": "\\(zqx\\) \\[b\\]",
    "front matter": "---\nzqx: 1\n---",
    "contents": "[[_TOC_]] zqx",
    "wiki link": "[[zqx]]",
    "include": "::include{file=zqx}",
    "attributes": "zqx{: onclick=alert(1)}",
    "coloured inserts": "{+zqx+} {-b-}",
    "quick action": "/close zqx",
    "quick action on its line": "\n/merge zqx",
}

_REFERENCES: Final = {
    "mention": "@zqx",
    "everybody": "@all zqx",
    "team": "@zqx/team",
    "in full width": "＠zqx",
    "issue": "zqx #1",
    "issue elsewhere": "zqx/repo#1",
    "GH": "GH-1 zqx",
    "merge request": "zqx !1",
    "merge request elsewhere": "group/zqx!1",
    "label": '~zqx ~"two words"',
    "milestone": "%zqx",
    "snippet": "$1 zqx",
    "epic": "&1 zqx",
    "iteration": "*iteration:1 zqx",
    "alert": "^alert#1 zqx",
    "commit": "0123456789abcdef0123456789abcdef01234567 zqx",
    "commit elsewhere": "zqx/repo@0123456",
    "closes": "Closes #1 zqx",
    "emoji": ":tada: zqx",
    "marker of the comment": "<!-- reconciler:plan:822b33ad87c1 --> zqx",
}

_HTML: Final = {
    "script": "<script>alert('zqx')</script>",
    "end of a script": "</script><script>zqx</script>",
    "end of a style": "</style><script>zqx</script>",
    "end of a title": "</title><script>zqx</script>",
    "end of a textarea": "</textarea><script>zqx</script>",
    "end of code": "</code><b>zqx</b>",
    "end of details": "</details></summary>zqx",
    "end of a cell": "</td></tr></table>zqx",
    "end of all": "</body></html>zqx",
    "handler": "<img src=x onerror=alert('zqx')>",
    "handler without an end": "<img src=x onerror=alert(1) zqx ",
    "out of an attribute": "\"><img src=x onerror='zqx'>",
    "out of a single-quoted attribute": "' onmouseover='zqx",
    "handler in an attribute": '" onfocus=zqx autofocus="',
    "unquoted attribute": "zqx onclick=alert(1)",
    "svg": "<svg onload=zqx>",
    "math": "<math><mtext><script>zqx</script></mtext></math>",
    "style": "<style>*{display:none}</style>zqx",
    "style as an attribute": '<p style="position:fixed;inset:0">zqx</p>',
    "frame": "<iframe srcdoc='zqx'></iframe>",
    "object": "<object data='zqx'></object>",
    "base": "<base href=https://evil.example/zqx/>",
    "refresh": "<meta http-equiv=refresh content='0;url=//evil.example/zqx'>",
    "form": "<form action=//evil.example/zqx><input name=p>",
    "comment": "<!-- zqx -->",
    "open comment": "<!-- zqx",
    "end of a comment": "--> zqx",
    "odd end of a comment": "--!> zqx",
    "CDATA": "<![CDATA[zqx]]>",
    "processing instruction": "<?xml zqx ?>",
    "doctype": "<!DOCTYPE zqx>",
    "entities": "&lt;b&gt;zqx&lt;/b&gt;",
    "numeric entities": "&#60;b&#62;zqx &#x3c;",
    "entity without an end": "&lt zqx &copy",
    "ampersand": "zqx & b &amp; c",
    "expression": "{{ 7*7 }} zqx",
    "expression of Jinja": "{{ ''.__class__.__mro__ }} zqx",
    "statement": "{% include 'zqx' %}",
    "comment of Jinja": "{# zqx #}",
    "raw block": "{% raw %}zqx{% endraw %}",
    "template literal": "${zqx} `${alert(1)}`",
    "full-width brackets": "＜script＞zqx＜/script＞",
}

_PIPELINES: Final = {
    "output": "::set-output name=a::zqx",
    "mask": "::add-mask::zqx",
    "stop": "::stop-commands::zqx",
    "environment": "::set-env name=PATH::zqx",
    "path": "::add-path::zqx",
    "error": "::error file=a,line=1::zqx",
    "warning": "::warning::zqx",
    "debug": "::debug::zqx",
    "group": "::group::zqx",
    "end of a group": "::endgroup::zqx",
    "matcher": "::add-matcher::zqx.json",
    "state": "::save-state name=a::zqx",
    "echo": "::echo::on zqx",
    "after blanks": "   ::error::zqx",
    "after a wide blank": "\u3000::error::zqx",
    "after a tab": "\t::error::zqx",
    "after a line feed": "zqx\n::error::zqx",
    "after a carriage return": "zqx\r::error::zqx",
    "after a selector": "\ufe0f::error::zqx",
    "a selector inside": ":\ufe0f:error::zqx",
    "nothing but colons": "::",
    "resumed": "::zqx::",
    "old error": "##[error]zqx",
    "old command inside": "zqx ##[command]b",
    "old group": "##[group]zqx",
    "three hashes": "###[error]zqx",
    "twice": "##[section]##[error]zqx",
    "Azure": "##vso[task.setvariable variable=a]zqx",
    "Azure, inside": "zqx ##vso[task.complete result=Failed;]b",
    "Azure, upper case": "##VSO[task.complete]zqx",
    "a selector between the hashes": "#\ufe0f#[error]zqx",
    "a selector before the bracket": "##\ufe0f[error]zqx",
    "GitLab section": "\x1b[0Ksection_start:1560896352:zqx[collapsed=true]\r\x1b[0Kb",
    "GitLab section, bare": "section_start:1560896352:zqx\r",
    "GitLab end of a section": "\x1b[0Ksection_end:1560896352:zqx\r\x1b[0K",
    "TeamCity": "##teamcity[buildStatus status='FAILURE' text='zqx']",
    "Buildkite": "--- zqx",
    "Buildkite, open": "+++ zqx",
    "percent": "zqx %0A::error::b %25 %3A %2C",
    "delimiter of an output": "zqx\nEOF\na=b",
}

_DATA: Final = {
    "formula": "=1+1 zqx",
    "call": "=cmd|' /C calc'!A0 zqx",
    "plus": "+zqx",
    "minus": "-zqx",
    "at": "@SUM(zqx)",
    "formula behind a tab": "\t=zqx",
    "formula in full width": "＝zqx",
    "hyperlink": '=HYPERLINK("https://evil.example","zqx")',
    "quotes and commas": 'zqx",b,"c',
    "semicolon": "zqx;b",
    "YAML key": "zqx: b",
    "YAML alias": "*zqx",
    "YAML anchor": "&zqx b",
    "YAML tag": "!!python/object:zqx",
    "YAML comment": "zqx # b",
    "YAML document": "... zqx",
    "YAML flow": "{zqx: [b]}",
    "YAML block": "|\n  zqx",
    "JSON": '{"zqx": null}',
    "JSON's end": '"}], "zqx": [{"',
    "JSON's escape": "zqx\\u0022",
    "nothing in words": "none",
    "no record in words": "not recorded",
    "number": "0071",
    "not a number": "NaN",
    "format": "%s%n%(zqx)s {0} {zqx}",
    "path": "../../../etc/zqx",
    "drive": "C:\\zqx",
    "option": "--zqx=b",
}

_SHELL: Final = {
    "substitution": "$(touch zqx)",
    "backticks": "`touch zqx`",
    "end of a command": "; rm -rf zqx",
    "and": "&& zqx",
    "pipe": "| zqx",
    "redirect": "> /dev/zqx",
    "variable": "$HOME zqx ${PATH}",
    "quotes": "zqx'\"'\"'",
    "history": "!zqx",
    "glob": "zqx*?[a-z]",
    "workflow expression": "${{ github.token }} zqx",
    "workflow expression, toJSON": "${{ toJSON(secrets) }} zqx",
}

_UNICODE: Final = {
    "full width": "zqx，【坐席】。！？：；",
    "full-width Latin": "ｚｑｘ zqx ＃１",
    "emoji": "zqx 👍🏽",
    "family": "zqx 👩‍👩‍👧‍👦",
    "flag": "zqx 🇨🇳",
    "flag of tags": "zqx 🏴\U000e0067\U000e0062\U000e007f",
    "keycap": "zqx #️⃣",
    "selector": "zqx ✌️",
    "combining": "zqxe\u0301",
    "a heap of marks": "zqx" + "\u0301" * 300,
    "a mark in front": "\u0301zqx",
    "right to left": "zqx שלום",
    "Arabic": "zqx مرحبا",
    "Thai": "zqx ก็",
    "Hangul in pieces": "zqx \u1112\u1161\u11ab",
    "looks like Latin": "zqx аdmin",
    "ligature": "zqx ﷽",
    "beyond the first plane": "zqx 𠮷野家",
    "line that is no hyphen": "zqx ‐‑‒–—―",
}

_LONG: Final = {
    "Latin": "zqx" + "a" * 2_000,
    "Chinese": "zqx" + "坐" * 2_000,
    "brackets": "zqx" + "[" * 2_000,
    "backticks": "zqx" + "`" * 2_000,
    "pipes": "zqx" + "|" * 2_000,
    "backslashes and pipes": "zqx" + "\\|" * 400,
    "hashes": "zqx" + "#" * 2_000 + "[",
    "tags": "zqx" + "<b>" * 300,
    "ampersands": "zqx" + "&" * 2_000,
    "invisible": "zqx" + "\u200b" * 2_000,
    "escapes": "zqx" + "\x1b[31m" * 400,
    "blanks": "zqx" + " " * 2_000 + "b",
    "line feeds": "zqx" + "\n" * 2_000,
    "emoji": "zqx" + "👩‍👩‍👧‍👦" * 300,
}

GROUPS: Final = {
    "control": _CONTROL,
    "terminal": _TERMINAL,
    "hidden": _HIDDEN,
    "hiding": _HIDING,
    "lines": _LINES,
    "blanks": _BLANKS,
    "Markdown": _MARKDOWN,
    "references": _REFERENCES,
    "HTML": _HTML,
    "pipelines": _PIPELINES,
    "data": _DATA,
    "shell": _SHELL,
    "Unicode": _UNICODE,
    "long": _LONG,
}
HOSTILE: Final = {f"{group}: {name}": text for group, texts in GROUPS.items() for name, text in texts.items()}
"""Every text, by what it is."""


def named(texts: Iterable[str]) -> dict[str, str]:
    """Texts that have no names, by their place and their beginning."""
    return {f"{number}: {text[:40]!a}": text for number, text in enumerate(texts)}


def assert_holds_for(texts: Mapping[str, str], rule: Callable[[str], object]) -> None:
    """Try a rule with each text; fail with the names of all texts for which it does not hold, and why it does not."""
    broken = []
    for name, text in texts.items():
        try:
            rule(text)
        except Exception as error:  # noqa: BLE001 - a rule that crashes does not hold, and the other texts are tried
            broken.append(f"{name}: {type(error).__name__}: {str(error)[:600]}")
    assert not broken, f"{len(broken)} of {len(texts)} texts\n" + "\n".join(broken)
