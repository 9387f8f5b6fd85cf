"""Requests found in the samples of the API pages, each as the page has it (GLM 5)."""

from __future__ import annotations

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.export.imported import find_request

BODY = {"model": "z-ai/glm-5", "messages": [{"role": "user", "content": "你好"}]}
URL = "https://wcode.net/api/gpt/v1/chat/completions"

CURL = """# TODO: 以下代码中的 API_KEY 需要替换,获取 API Key 入口:https://wcode.net/get-apikey
curl --request POST 'https://wcode.net/api/gpt/v1/chat/completions' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer API_KEY' \\
--data '{
    "model": "z-ai/glm-5",
    "messages": [
        {
            "role": "user",
            "content": "你好"
        }
    ]
}'
"""
REQUESTS = """import requests
import json

url = "https://wcode.net/api/gpt/v1/chat/completions"

payload = {
  "model": "z-ai/glm-5",
  "messages": [
    {
      "role": "user",
      "content": "你好"
    }
  ]
}

headers = {
  "Authorization": "Bearer API_KEY",     # TODO: 获取 API Key 入口:https://wcode.net/get-apikey
  "content-type": "application/json"
}

response = requests.post(url, json=payload, headers=headers)
"""
OPENAI = """from openai import OpenAI

client = OpenAI(
  base_url="https://wcode.net/api/gpt/v1",
  api_key="API_KEY"                             # TODO: 获取 API Key 入口:https://wcode.net/get-apikey
)

completion = client.chat.completions.create(
  model="z-ai/glm-5",
  messages=[
    {
      "role": "user",
      "content": "你好"
    }
  ]
)

print(completion.choices[0].message.content)
"""
AXIOS = """const axios = require('axios');

let data = JSON.stringify({
  "model": "z-ai/glm-5",
  "messages": [
    {
      "role": "user",
      "content": "你好"
    }
  ]
});

let config = {
  method: 'post',
  url: 'https://wcode.net/api/gpt/v1/chat/completions',
  headers: {
    'Authorization': 'Bearer API_KEY'     // TODO: 获取 API Key 入口:https://wcode.net/get-apikey
  },
  data : data
};
"""
GO = (
    'payload := strings.NewReader("{\\"model\\":\\"z-ai/glm-5\\",'
    '\\"messages\\":[{\\"role\\":\\"user\\",\\"content\\":\\"你好\\"}]}")\n'
    'req, _ := http.NewRequest("POST", "https://wcode.net/api/gpt/v1/chat/completions", payload)\n'
)


SWIFT = """import Foundation
let headers = [
  "Authorization": "Bearer API_KEY",     // TODO: 获取 API Key 入口:https://wcode.net/get-apikey
  "content-type": "application/json"
]
let parameters = [
  "model": "z-ai/glm-5",
  "messages": [
    [
      "role": "user",
      "content": "你好"
    ]
  ]
] as [String : Any]
let postData = JSONSerialization.data(withJSONObject: parameters, options: [])
let request = NSMutableURLRequest(url: NSURL(string: "https://wcode.net/api/gpt/v1/chat/completions")! as URL)
"""
RUST = """use serde_json::json;
#[tokio::main]
pub async fn main() {
    let url = "https://wcode.net/api/gpt/v1/chat/completions";
    let payload = json!({
        "model": "z-ai/glm-5",
        "messages": (
            json!({
                "role": "user",
                "content": "你好"
            })
        )
    });
    headers.insert("Authorization", "Bearer API_KEY".parse().unwrap()); // https://wcode.net/get-apikey
}
"""
PHP = """curl_setopt_array($curl, [
  CURLOPT_URL => "https://wcode.net/api/gpt/v1/chat/completions",
  CURLOPT_TIMEOUT => 300,
  CURLOPT_POSTFIELDS => json_encode([
    'model' => 'z-ai/glm-5',
    'messages' => [
      [
        'role' => 'user',
        'content' => '你好'
      ]
    ]
  ]),
  CURLOPT_HTTPHEADER => [
    "Authorization: Bearer API_KEY",     // TODO: 获取 API Key 入口:https://wcode.net/get-apikey
  ],
]);
"""


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (CURL, URL), (REQUESTS, URL), (OPENAI, "https://wcode.net/api/gpt/v1"), (AXIOS, URL), (GO, URL), (SWIFT, URL),
        (RUST, URL), (PHP, URL),
    ],
    ids=["curl", "requests", "openai", "axios", "go", "swift", "rust", "php"],
)  # fmt: skip
def test_a_sample_of_a_page(text: str, url: str) -> None:
    """Body and address are the sample's; its placeholder is no key."""
    found = find_request(text)
    assert (found.body, found.url, found.secret) == (BODY, url, "")


def test_a_json_body_and_the_extra_body_of_the_sdk() -> None:
    """`extra_body` is part of what is sent."""
    assert find_request('{"model": "m", "messages": [], "top_a": 0.5,}').body == {
        "model": "m",
        "messages": [],
        "top_a": 0.5,
    }
    text = OPENAI.replace("  ]\n)", '  ],\n  extra_body={"reasoning": {"effort": "high"}}\n)')
    assert find_request(text).body == {**BODY, "reasoning": {"effort": "high"}}


@pytest.mark.parametrize("text", [CURL, REQUESTS, AXIOS])
def test_a_key_is_found_and_not_shown(text: str) -> None:
    """Whoever imports it must be able to forget it; no repr holds it."""
    found = find_request(text.replace("Bearer API_KEY", "Bearer sk-real-0123456789"))
    assert found.secret == "sk-real-0123456789"
    assert "sk-real" not in repr(found)


def test_the_key_of_the_sdk() -> None:
    """It is an argument there."""
    assert find_request(OPENAI.replace('"API_KEY"', '"sk-real-0123456789"')).secret == "sk-real-0123456789"


@pytest.mark.parametrize("text", ["", "hello", "{}", "curl https://wcode.net", "print(1)", '{"model": "m"'])
def test_no_request(text: str) -> None:
    """One clear error."""
    with pytest.raises(InputError, match="No request was found"):
        find_request(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = ['messages' => [], 'stop' => ['it\\'s', 'a\\n'], 'seed' => 1, 'top_p' => 0.5,\n"
        "'stream' => true, 'x' => null]",
        "array('messages' => array(), 'stop' => array('no'), 'stream' => TRUE_ ? 1 : 2)\n"
        "$b = array('messages'=>array(), 'stop'=>array(\"it's\",'a\\n'), 'seed'=>1, 'top_p'=>5e-1, // no\n"
        "'stream'=>true, 'x'=>null);",
        'let p = ["messages": [], "stop": ["it\'s", "a\\\\n"], "seed": 1, "top_p": 0.5, "stream": true,\n'
        '"x": NSNull()] as [String: Any]',
        'json!({ "messages": [], "stop": ["it\\u{27}s", "a\\\\n"], /* { */ "seed": 1, "top_p": 0.5, "stream": true,\n'
        '"x": null, })',
    ],
    ids=["php", "php array", "swift", "rust"],
)
def test_literals_of_other_languages(text: str) -> None:
    """Their words, quotes, escapes and comments."""
    want = {"messages": [], "stop": ["it's", "a\\n"], "seed": 1, "top_p": 0.5, "stream": True, "x": None}
    assert find_request(text).body == want


def test_a_variable_in_a_literal_is_no_value() -> None:
    """Nothing is guessed."""
    with pytest.raises(InputError, match="No request was found"):
        find_request("['model' => $model, 'messages' => [['role' => 'user', 'content' => $text]]]")


def test_what_is_no_plain_value_is_said() -> None:
    """The rest is carried."""
    found = find_request("client.chat.completions.create(model='m', messages=[], temperature=f(x))")
    assert found.body == {"model": "m", "messages": []}
    assert found.lost == ["temperature is not a plain value"]
