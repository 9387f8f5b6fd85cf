"""The session as a script."""

from __future__ import annotations

import ast

from wcode_jupyter.export import RanCell, export_notebook
from wcode_jupyter.request.messages import Image, Message, Request, Text


def test_script() -> None:
    """Python cells stay, magics become comments, a question becomes a call with what was set and nothing else."""
    question = Request(
        model="z-ai/glm-5",
        messages=(Message("system", "Be brief."), Message("user", 'Say "hi"\nand {bye}')),
        parameters={"temperature": 0.2},
        extra_body={"x": None},
    )
    cells = [
        RanCell(source="%load_ext wcode_jupyter"),
        RanCell(source="x = 1\nif x:\n    !ls\nprint(x)\n"),
        RanCell(request=question, name="answer"),
        RanCell(source="%%bash\necho hi\n"),
    ]
    assert export_notebook(cells) == (
        "from wcode_jupyter import Client\n\n"
        "client = Client()  # the key: WCODE_API_KEY\n\n"
        "# %load_ext wcode_jupyter\n\n"
        "x = 1\nif x:\n    pass  # !ls\nprint(x)\n\n"
        "answer = client.ask(\n"
        '    (\n        "Say \\"hi\\"\\n"\n        "and {bye}"\n    ),\n'
        '    model="z-ai/glm-5",\n    system="Be brief.",\n    temperature=0.2,\n'
        '    extra_body={\n        "x": None,\n    },\n)\nprint(answer)\n\n'
        "# %%bash\n# echo hi\n"
    )


def test_conversation() -> None:
    """Several turns and images go as messages, and the script is Python whatever the name was."""
    picture = Message("user", (Text("What?"), Image("data:image/png;base64,AA==")))
    asked = Request(
        model="m", messages=(Message("user", "a"), Message("assistant", "b"), picture), protocol="anthropic"
    )
    script = export_notebook([RanCell(request=asked, name="class")], base_url="http://127.0.0.1:8080/v1")
    assert "reply = client.ask(" in script
    assert 'Client(base_url="http://127.0.0.1:8080/v1")' in script
    call = next(node for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Call) and node.args)
    assert ast.literal_eval(call.args[0]) == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "What?"}, {"type": "image", "url": "data:image/png;base64,AA=="}],
        },
    ]
    assert {word.arg: ast.literal_eval(word.value) for word in call.keywords} == {"model": "m", "protocol": "anthropic"}


def test_every_python_cell_still_compiles() -> None:
    """A magic alone in a block leaves a block that Python accepts, and text that only looks like one stays."""
    source = 'for i in range(2):\n    %time f(i)\ntext = """\n%not a magic\n"""\nx = 5 \\\n% 3'
    script = export_notebook([RanCell(source=source)])
    ast.parse(script)
    assert "\n%not a magic\n" in script
    assert "    pass  # %time f(i)" in script


def test_what_a_script_cannot_run_is_a_comment() -> None:
    """Cells that failed, that are no Python, or that await at the top; no line end in them brings code back."""
    cells = [
        RanCell(source="1 / 0", failed=True),
        RanCell(source="def f(:\n  x"),
        RanCell(source="await f()"),
        RanCell(source="%%bash\necho a\rb = 1\x0cc = 2\u2028d = 3"),
    ]
    script = export_notebook(cells)
    assert [line for line in script.split("\n\n", 2)[2].splitlines() if not line.startswith("#") and line] == []
    assert [type(node).__name__ for node in ast.parse(script).body] == ["ImportFrom", "Assign"]
    for comment in ("# 1 / 0\n", "# def f(:\n#   x\n", "# await f()\n", "# echo a\n# b = 1\n# c = 2\n# d = 3\n"):
        assert comment in script


def test_servers_and_whole_answers() -> None:
    """Base URLs of both forms go to the client, and a question that was not streamed is not."""
    asked = Request(model="m", messages=(Message("user", "a"),), stream=False)
    script = export_notebook([RanCell(request=asked)], base_url="http://x/v1/", anthropic_base_url="http://y")
    assert 'Client(base_url="http://x/v1", anthropic_base_url="http://y")' in script
    assert '    model="m",\n    stream=False,\n' in script
