"""Why an answer ended: the servers' words, of both forms and of what lies behind a relay, onto those of the chat API.

Sources: the APIs of OpenAI, Anthropic, Gemini, Bedrock, Cohere, Mistral, Zhipu, DeepSeek, vLLM, SGLang and TGI.
Words are compared without case; a word that is not here is kept, said, and trusted by nobody.
"""

from __future__ import annotations

__all__ = ["meaning", "said"]

_WORDS = {
    "stop": (
        "stop", "end_turn", "eos", "eos_token", "end_of_text", "endoftext", "stop_sequence", "stop_token", "stop_word",
        "complete", "completed", "finish", "finished", "end", "done",
    ),
    "length": (
        "length", "max_tokens", "max_token", "max_output_tokens", "max_completion_tokens", "max_length",
        "model_length", "token_limit", "max_new_tokens", "model_context_window_exceeded", "context_window_exceeded",
        "context_length_exceeded", "context_length",
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
    "content_filter": (
        "content_filter", "content_filtered", "contentfilter", "safety", "prohibited_content", "blocklist", "blocked",
        "recitation", "spii", "refusal", "sensitive", "guardrail_intervened", "model_armor", "error_toxic",
        "content_policy", "content_policy_violation", "moderation", "image_safety", "image_prohibited_content",
        "image_recitation", "risk_control", "censored",
    ),
    "error": (
        "error", "abort", "aborted", "failed", "failure", "cancelled", "canceled", "timeout", "network_error",
        "engine_error", "internal_error", "server_error", "insufficient_system_resource", "malformed_function_call",
        "malformed_tool_call", "unexpected_tool_call", "invalid_tool_call", "malformed_response",
    ),
    "pause_turn": ("pause_turn",),
}  # fmt: skip
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words}


def said(reason: object) -> str:
    """The server's word; empty where it gave none: DashScope writes "null" into every chunk but the last."""
    return reason if isinstance(reason, str) and reason.strip().lower() not in ("", "null", "none") else ""


def meaning(word: str) -> str | None:
    """stop, length, tool_calls, content_filter, error or pause_turn; None for a word that nobody has documented."""
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    return _MEANINGS.get(plain) or _MEANINGS.get(plain.removeprefix("finish_reason_"))
