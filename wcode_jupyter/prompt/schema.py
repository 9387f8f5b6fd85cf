"""Structured output: what the answer must look like, as a JSON Schema to send and a type to read the answer into.

A schema is a dataclass, a TypedDict, a msgspec Struct, a pydantic model, a `list[…]` of one of these, a dict that holds
a JSON Schema, or the short form `"name, age int, tags list[str]"`.

What is sent is the strict subset that OpenAI documents ("Structured model outputs", supported schemas): every property
required, no further ones. It asks for no less than the user's schema, against which the answer is then checked here. A
schema outside the subset is refused; `--response-format` sends any JSON Schema as it is.
"""

from __future__ import annotations

import contextlib
import datetime
import enum
import json
import keyword
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from .. import extras, typed
from ..codebook import Codebook
from ..errors import AnswerInvalid, InputError, one_line
from ..language import N_, _
from ..reply import Reply
from ..request.messages import has_long_number
from ..request.parameters import did_you_mean

__all__ = ["Schema", "find_schema", "parse", "schema"]

Read: TypeAlias = Callable[[Any], Any]
"""Plain JSON values to the typed object. Raises ValueError that names the place and the fault."""


class Schema(Struct, frozen=True):
    """What an answer must look like. `body` is the JSON Schema as it is sent."""

    name: str
    body: dict[str, Any]
    read: Read
    keeps_digits: bool = False
    """Whether `read` takes a `msgspec.Raw` for a number of which a float would lose digits."""

    @property
    def response_format(self) -> dict[str, Any]:
        """The request's `response_format`."""
        return {"type": "json_schema", "json_schema": {"name": self.name, "strict": True, "schema": self.body}}


def schema(value: Any) -> Schema:
    """The Schema that `value` means. Raises InputError: no schema, or with parts that strict schemas do not have."""
    if isinstance(value, Schema):
        return value
    if isinstance(value, Codebook):
        return Schema(value.version, value.checked().schema(), value.read_answer)
    if isinstance(value, str):
        return _typed(_short_form(value))
    if isinstance(value, Mapping):
        return _from_json_schema(dict(value))
    return _typed(value)


def find_schema(text: str, namespace: Mapping[str, Any]) -> Schema:
    """The Schema that `--schema TEXT` means: a variable, `list[…]` of one, or the short form. Raises InputError."""
    text = text.strip()
    inner = text[len("list[") : -1].strip() if text.startswith("list[") and text.endswith("]") else ""
    if not inner:
        return schema(_named(text, namespace))
    item = _TYPES.get(inner) or _named(inner, namespace)
    if isinstance(item, str):
        item = _short_form(item)
    if isinstance(item, Mapping):
        return _from_json_schema({"type": "array", "items": dict(item)})
    return schema(list[item])  # type: ignore[valid-type]


def parse(reply: Reply, wanted: Schema) -> Reply:
    """`reply` with `parsed` as `wanted` reads it. Raises AnswerInvalid, which keeps the reply."""
    shown, detail = _("it is not JSON"), "not valid JSON"
    is_exact = wanted.keeps_digits and has_long_number(reply.text)
    exact = reply.json_values(exact=True) if is_exact else None
    for number, plain in enumerate(reply.json_values()):
        try:
            return reply.with_parsed(wanted.read(plain if exact is None else next(exact)), plain)
        except ValueError as error:
            # Among several, such as an example and the answer, the one that fits is meant; else the first.
            if number == 0:
                shown = detail = one_line(str(error))
    raise _invalid(reply, wanted, shown, detail)


def _invalid(reply: Reply, wanted: Schema, shown: str, detail: str) -> AnswerInvalid:
    hint = _("The text is kept; --retries-schema 2 asks again with the error.")
    if reply.ended == "length":
        hint = _("The answer was cut at max_tokens. Raise it; the text is kept.")
    what = _("The answer does not match the schema {name}: {why}").format(name=wanted.name, why=shown)
    return AnswerInvalid(what, detail=detail, hint=hint, reply=reply)


# --------------------------------------------------------------------------------------------- from types to schemas

_KINDS = N_('Use a pydantic model, a dataclass, a TypedDict, a JSON Schema or "name, age int".')
_WRAPPED = "items"
"""The property that holds a list: strict schemas want an object at the top."""


def _typed(type_: Any) -> Schema:
    body, read = _described(type_)
    items = "_".join(_name_of(item) for item in getattr(type_, "__args__", ()))
    found = _strict_schema(f"{items}_list" if items else _name_of(type_), body, read)
    return msgspec.structs.replace(found, keeps_digits=True)


def _described(type_: Any) -> tuple[dict[str, Any], Read]:
    """JSON Schema and reader of a type: msgspec's, or pydantic's for what msgspec does not know."""
    if not isinstance(type_, type) and not hasattr(type_, "__origin__"):
        raise InputError(
            _("An object of type {type} cannot be used as a schema").format(type=type(type_).__name__),
            hint=_(_KINDS),
        )
    try:
        body = _as_declared(msgspec.json.schema(type_), type_)
        return body, lambda value: _converted(value, type_)
    except (TypeError, NameError, ValueError):
        return _pydantic(type_)


def _as_declared(body: dict[str, Any], type_: Any) -> dict[str, Any]:
    """`body` with fields and categories in the order of the declaration: models write, and read, them in this order.

    msgspec sorts the categories, and the fields of a TypedDict.
    """
    orders: dict[frozenset[Any], list[Any]] = {}
    for declared in _declared(type_, set()):
        orders.setdefault(frozenset(declared), declared)
    ordered: dict[str, Any] = _reordered(body, orders)
    return ordered


def _declared(type_: Any, seen: set[int]) -> Iterator[list[Any]]:
    """Categories and names of fields in their order, of a type and of all that it is made of."""
    if id(type_) in seen:
        return
    seen.add(id(type_))
    if get_origin(type_) is Literal:
        yield list(get_args(type_))
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        yield [member.value for member in type_]
    for inner in get_args(type_):
        yield from _declared(inner, seen)
    if isinstance(type_, type) and hasattr(type_, "__annotations__"):
        with contextlib.suppress(NameError, TypeError):
            hints = get_type_hints(type_, include_extras=True)
            yield list(hints)
            for inner in hints.values():
                yield from _declared(inner, seen)


def _reordered(node: Any, orders: Mapping[frozenset[Any], list[Any]]) -> Any:
    if isinstance(node, list):
        return [_reordered(item, orders) for item in node]
    if not isinstance(node, dict):
        return node
    result = {word: _reordered(value, orders) for word, value in node.items()}
    for word in ("enum", "required"):
        values = result.get(word)
        if isinstance(values, list) and all(isinstance(value, Hashable) for value in values):
            result[word] = orders.get(frozenset(values), values)
    names = result.get("properties")
    if isinstance(names, dict) and (order := orders.get(frozenset(names))) is not None:
        result["properties"] = {name: names[name] for name in order}
    return result


def _whole_numbers(value: Any) -> Any:
    """Plain JSON in which a number without a fraction is an integer, as JSON Schema has it: 1.0 is one."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {name: _whole_numbers(item) for name, item in value.items()}
    return [_whole_numbers(item) for item in value] if isinstance(value, list) else value


def _converted(value: Any, type_: Any) -> Any:
    value = _whole_numbers(value)
    if _has_raw(value):
        return typed.decode(msgspec.json.encode(value), type_)
    return typed.convert(value, type_)


def _has_raw(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_raw, value.values()))
    return any(map(_has_raw, value)) if isinstance(value, list) else isinstance(value, msgspec.Raw)


def _without_raw(value: Any, number: Callable[[str], object]) -> Any:
    if isinstance(value, dict):
        return {name: _without_raw(item, number) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_raw(item, number) for item in value]
    return number(bytes(value).decode()) if isinstance(value, msgspec.Raw) else value


def _pydantic(type_: Any) -> tuple[dict[str, Any], Read]:
    pydantic = extras.load("pydantic", extra="schema")
    try:
        adapter: Any = pydantic.TypeAdapter(type_)
        body = adapter.json_schema()
    except (pydantic.errors.PydanticUserError, TypeError, NameError) as fault:
        raise InputError(
            _("{type} cannot be used as a schema: {error}").format(
                type=_name_of(type_), error=one_line(str(fault), 120)
            ),
            hint=_(_KINDS),
        ) from None

    def read(value: Any) -> Any:
        try:
            # As JSON: a strict pydantic model takes a date from a JSON text, but not from a Python one.
            found = adapter.validate_json(json.dumps(_without_raw(value, float)))
        except pydantic.ValidationError as fault:
            raise ValueError("; ".join(_pydantic_faults(fault))) from None
        if _has_raw(value):
            # pydantic reads a number of JSON as a float, even for a Decimal; a text of the same digits it does not.
            with contextlib.suppress(pydantic.ValidationError):
                found = adapter.validate_json(json.dumps(_without_raw(value, str)))
        return found

    return body, read


def _pydantic_faults(error: Any) -> list[str]:
    return [
        f"{fault['msg']} - at `$.{'.'.join(map(str, fault['loc']))}`"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def _from_json_schema(body: dict[str, Any]) -> Schema:
    jsonschema = extras.load("jsonschema", extra="schema")
    try:
        jsonschema.Draft202012Validator.check_schema(body)
    except jsonschema.SchemaError as error:
        raise InputError(_("Not a JSON Schema: {error}").format(error=one_line(error.message))) from None
    validator = jsonschema.Draft202012Validator(body)

    def read(value: Any) -> Any:
        if faults := sorted(validator.iter_errors(value), key=lambda fault: fault.json_path):
            raise ValueError("; ".join(f"{one_line(fault.message)} - at `{fault.json_path}`" for fault in faults[:3]))
        return value

    return _strict_schema(str(body.get("title", "")), body, read)


def _name_of(type_: Any) -> str:
    return str(getattr(type_, "__name__", type(type_).__name__))


# --------------------------------------------------------------------------------------------------- the strict subset

_KEPT = set(
    "type title description enum const anyOf items properties $ref $defs pattern format multipleOf minimum maximum"  # noqa: SIM905
    " exclusiveMinimum exclusiveMaximum minItems maxItems".split()
)
_DROPPED = set(
    "default examples deprecated readOnly writeOnly discriminator $schema $id $comment"  # noqa: SIM905
    " minLength maxLength contentEncoding contentMediaType".split()
)
"""Annotations, and what the subset does not have: the answer is checked against it here."""
_FORMATS = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())  # noqa: SIM905
_UNSURE_PATTERN = re.compile(r"\(\?|\\[1-9pPkKAzZ]")
"""Looking around, back references, classes of Unicode: not every server's expressions have them."""
_REWRITTEN = frozenset(("required", "additionalProperties"))
_SPELLED = {"oneOf": "anyOf", "definitions": "$defs"}
"""Keywords that the subset has under another name; an answer that fits two branches of `oneOf` is refused here."""


def _strict_schema(name: str, body: dict[str, Any], read: Read) -> Schema:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64].strip("_") or "answer"
    strict = _at_top(_strict(_without_unused(_inlined(body)), "$"))
    if strict.get("type") == "object":
        return Schema(name, strict, read)
    definitions = {"$defs": strict.pop("$defs")} if "$defs" in strict else {}
    wrapped = _strict({"type": "object", "properties": {_WRAPPED: strict}, **definitions}, "$")

    def unwrap(value: Any) -> Any:
        if isinstance(value, dict) and value.keys() == {_WRAPPED}:
            value = value[_WRAPPED]
        return read(value)

    return Schema(name, wrapped, unwrap)


def _at_top(body: dict[str, Any]) -> dict[str, Any]:
    """`body` with a reference at its top resolved: there must be an object."""
    definitions = body.get("$defs", {})
    name = str(body.get("$ref", "")).removeprefix("#/$defs/")
    if name not in definitions:
        return body
    rest = {other: value for other, value in definitions.items() if other != name or _refers(definitions, name)}
    return {**definitions[name], **({"$defs": rest} if rest else {})}


def _refers(node: Any, name: str) -> bool:
    return f'"$ref": "#/$defs/{name}"' in json.dumps(node)


def _strict(node: Any, where: str) -> dict[str, Any]:
    """The schema `node` in the strict subset. Raises InputError naming the part that has no place in it."""
    if not isinstance(node, dict) or not node.keys() - _DROPPED - {"title", "description"}:
        raise _unsupported(_("a value of any type"), where)
    result: dict[str, Any] = {}
    node = {word: value for word, value in node.items() if not _is_unknown(word, value)}
    for word, value in node.items():
        keyword_ = _SPELLED.get(word, word)
        if keyword_ in _INSIDE:
            result[keyword_] = _INSIDE[keyword_](value, where)
        elif keyword_ in _KEPT:
            result[keyword_] = value.replace("#/definitions/", "#/$defs/") if keyword_ == "$ref" else value
        elif keyword_ not in _DROPPED | _REWRITTEN:
            raise _unsupported(word, where)
    if values := node.get("enum", [node["const"]] if "const" in node else []):
        # OpenAI wants a type with every schema; msgspec names none for a Literal.
        result.setdefault("type", _type_of(values))
    if "object" in _kinds(node):
        if node.get("additionalProperties") not in (None, False) or not node.get("properties"):
            raise _unsupported(_("an object without named keys"), where)
        result |= {"required": list(node["properties"]), "additionalProperties": False}
    if "array" in _kinds(node) and "items" not in node:
        raise _unsupported(_("a list of any values"), where)
    return result


def _is_unknown(word: str, value: Any) -> bool:
    """Whether a format or pattern is none that the subset has."""
    if word == "format":
        return value not in _FORMATS
    return word == "pattern" and (not isinstance(value, str) or _UNSURE_PATTERN.search(value) is not None)


def _inlined(body: dict[str, Any]) -> dict[str, Any]:
    """`body` without references that have something beside them, which the subset does not allow.

    What is referred to takes the place of the reference; where it refers to itself, what stands beside is left out.
    """
    definitions = {**body.get("definitions", {}), **body.get("$defs", {})}

    def walk(node: Any, within: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [walk(item, within) for item in node]
        if not isinstance(node, dict):
            return node
        name = str(node.get("$ref", "")).rpartition("/")[2] if "$ref" in node else ""
        beside = {word: value for word, value in node.items() if word != "$ref"}
        if not name or not beside or name not in definitions:
            return {word: walk(value, within) for word, value in node.items()}
        if name in within or _refers({"x": definitions[name]}, name):
            return {"$ref": node["$ref"]}
        return walk({**definitions[name], **beside}, (*within, name))

    top = {"$defs", "definitions"}
    if "$ref" in body and not body.keys() - {"$ref", *top}:
        return {word: value if word == "$ref" else walk(value, ()) for word, value in body.items()}
    return {word: walk(value, ()) for word, value in body.items()} if "$ref" not in body else body


def _without_unused(body: dict[str, Any]) -> dict[str, Any]:
    """`body` without definitions that nothing refers to any more."""
    for word in ("$defs", "definitions"):
        while word in body:
            text = json.dumps(body)
            used = {name: node for name, node in body[word].items() if f'"#/{word}/{name}"' in text}
            same = len(used) == len(body[word])
            body = {**{key: value for key, value in body.items() if key != word}, **({word: used} if used else {})}
            if same:
                break
    return body


_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def _type_of(values: list[Any]) -> str | list[str]:
    """The JSON type of the values of an enum; a list of types where they differ."""
    kinds = list(dict.fromkeys(_JSON_TYPES.get(type(value), "object") for value in values))
    return kinds[0] if len(kinds) == 1 else kinds


def _kinds(node: dict[str, Any]) -> tuple[str, ...]:
    kinds = node.get("type", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


_INSIDE: dict[str, Callable[[Any, str], Any]] = {
    "properties": lambda nodes, where: {name: _strict(node, f"{where}.{name}") for name, node in nodes.items()},
    "$defs": lambda nodes, _where: {name: _strict(node, name) for name, node in nodes.items()},
    "anyOf": lambda nodes, where: [_strict(node, where) for node in nodes],
    "items": lambda node, where: _strict(node, f"{where}[]"),
}


def _unsupported(part: str, where: str) -> InputError:
    return InputError(
        _("Strict schemas do not support {part} (at {where})").format(part=part, where=where),
        hint=_("Specify the fields and their types, or send the schema unchanged with --response-format."),
    )


# ------------------------------------------------------------------------------------------------------ the short form

_TYPES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "date": datetime.date,
    "datetime": datetime.datetime,
}
_COMMA = re.compile(r",(?![^\[]*\])")


def _named(text: str, namespace: Mapping[str, Any]) -> Any:
    """The variable that `text` names, or `text` itself where it is the short form."""
    if not text.isidentifier():
        return text
    if text in namespace:
        return namespace[text]
    public = [name for name in namespace if not name.startswith("_")]
    if text[0].islower() and not did_you_mean(text, public):
        return text  # the short form with one field
    raise InputError(
        _("No variable named {name} for the schema").format(name=text),
        hint=did_you_mean(text, [name for name in public if isinstance(namespace[name], (type, Mapping))])
        or _("Write a single field with its type: --schema '{name} str'").format(name=text),
    )


def _short_form(text: str) -> type[Struct]:
    """A type with the fields of `name, age int, tags list[str]`; without a type a field is a text."""
    fields = [_field(part.split(), text) for part in _COMMA.split(text)]
    if len({name for name, _type in fields}) < len(fields):
        raise InputError(_("Duplicate field in {text}").format(text=text))
    return msgspec.defstruct("Answer", fields, frozen=True, forbid_unknown_fields=True)


def _field(words: list[str], text: str) -> tuple[str, Any]:
    name, *kind = words or [""]
    if not name.isidentifier() or keyword.iskeyword(name) or len(kind) > 1:
        raise InputError(
            _("Not a schema: {text}").format(text=one_line(text, 100)),
            hint=_("The short form is a list of fields with types: --schema 'name, age int, tags list[str]'"),
        )
    return name, _type(kind[0]) if kind else str


def _type(word: str) -> Any:
    if word.startswith("list[") and word.endswith("]"):
        return list[_type(word[5:-1])]  # type: ignore[misc]
    if word not in _TYPES:
        raise InputError(
            _("Unknown type {type}").format(type=word),
            hint=did_you_mean(word, _TYPES) or _("Types: {types}, list[…]").format(types=", ".join(_TYPES)),
        )
    return _TYPES[word]
