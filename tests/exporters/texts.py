"""Texts that break programs: quotes, escapes and interpolation of every target language, and odd characters."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wcode_jupyter.request.messages import Image, Message, Protocol, Request, Text

HARD = (
    "你好",
    'it\'s "quoted" and `ticked`',
    "back\\slash \\\\ \\n \\u0041 \\x41 \\0 \\",
    "ends with a backslash \\",
    "line one\nline two\r\nline three\rfour\n",
    "\n\n  leading and trailing lines \n\n",
    "tab\there\x0b\x0c\x08bell\x07 escape\x1b[31m delete\x7f",
    "$HOME ${HOME} $(id) `id` $x {$x} ${x} \\$x %PATH% %s %d %n {0} {{x}} {%x%}",
    "#{1+1} #$x #@x # heading\n## heading",
    '\\(x) \\#(x) "# "## r#"raw"# #"""x"""#',
    "''' ''''' \"\"\" \"\"\"\"\" ''",
    "r'raw' @'here'@ '@\n'@\n\"@ @\"x\"@",
    "JSON\nEOF\nJSON\n",
    "*/ // /* -- <!-- --> <?php ?> </script> <%= x %>",
    "??= ??/ ??' ??( ??) ??! ??< ??> ??- ????",
    "U+2028 \u2028 U+2029 \u2029 U+0085 \x85 end",
    "BOM \ufeff zero width \u200b joiner \u200d soft\u00adhyphen",
    "bidi \u202e evil \u2066 isolate \u2069 \u200f",
    "emoji 😀 👩‍👩‍👧‍👦 🏳️‍🌈 flag 🇨🇳 keycap 1️⃣",
    "é vs e\u0301, ﬁ, Å vs \u212b, ẛ̣",
    "full width ’apostrophes’ ‘a‘ ‚b‚ ‛c‛ “d” „e‟",
    "ideographic\u3000space no-break\u00a0space",
    "private \ue000 unassigned \u0378 tag \U000e0041 last \U0010ffff noncharacter \uffff \ufdd0",
    "𝒳 math 𝟘 and 𠮷 han beyond the first plane",
    "LaTeX $\\frac{1}{2}$ $$\\sum_{i=0}^n x_i$$ \\begin{x}\\end{x} \\today",
    '```python\nprint(f"{x!r:>{10}}")\n```',
    "&amp; &lt;b&gt; <b>bold</b> &#0;",
    "%00 %0a + = & ; | > < ^ ! ~ * ? [ ] ( )",
    "null true false None nil NaN undefined __proto__ constructor",
    "'; DROP TABLE students; -- \" OR 1=1",
    "@@body@@ @@url@@ %%if stream %%end",
    "%%if stream\n%%else\n%%end",
    " ",
    "-",
    "@file.json",
    "a" * 3000,
)

texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        st.sampled_from("\\\"'`$#{}()@%?\n\r\t\u2028\u2029\x85😀你‘’"),
    ),
    max_size=40,
)


def request_of(contents: list[str], protocol: Protocol = "openai") -> Request:
    """A request with each of `contents` as a message, as a tool's description, and as keys and stop texts."""
    turns = [Message("user" if i % 2 == 0 else "assistant", text) for i, text in enumerate(contents)]
    pixel = "data:image/png;base64,iVBORw0KGgo="
    picture = Message("user", (Text("What is\n'this'?"), Image(pixel)))
    keys = dict.fromkeys(contents[:12], True)
    if protocol == "anthropic":
        extra: dict[str, Any] = {"metadata": {"user_id": "u"}, "x_keys": keys, "x_empty": [{}, [], "", None]}
        return Request(
            model="qwen/qwen3-235b-a22b",
            messages=(Message("system", contents[-1]), *turns, picture),
            parameters={"max_tokens": 4000, "temperature": 0.7},
            extra_body=extra,
            protocol="anthropic",
        )
    schema = {"type": "object", "properties": {"__proto__": {"type": "string"}, "数": {}}, "required": []}
    return Request(
        model="z-ai/glm-5",
        messages=(Message("system", contents[-1]), *turns, picture),
        parameters={
            "temperature": 1.0,
            "top_p": 1e-07,
            "min_p": 0.05,
            "top_k": 0,
            "seed": 2**63 - 1,
            "logit_bias": {"0": -100, "1": 1.5},
            "reasoning": {"effort": "high"},
            "logprobs": True,
            "top_logprobs": 2,
            "stop": contents[:4],
            "parallel_tool_calls": False,
            "tools": [
                {"type": "function", "function": {"name": "f", "description": contents[2], "parameters": schema}}
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        },
        extra_body={"x_keys": keys, "x_list": [[], {}, [[]], {"0": "a", "1": "b"}, None, -0.5, 1e22, 123456789012]},
    )
