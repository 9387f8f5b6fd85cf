"""How a call is remembered: a SQLite log of every call of this user, live or replayed, searched by its words.

One row a call; prompt and text stand in a full-text index of trigrams, so that parts of Chinese sentences are found
(words of one or two characters, and a SQLite without FTS5, are searched by LIKE). Costs are exact decimal texts.
The file is in the user's data folder, readable by this user only, and holds no image and no key in use, even where a
prompt does. `forget` removes what it forgets from the file, not only from sight.

Every method raises LogError when the log is locked, corrupt or cannot be written: a cell that has its answer shows
that as a warning and goes on.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import platformdirs
from msgspec import Struct

from .. import typed
from ..errors import LogError, one_line
from ..language import _
from ..reply import Reply
from .logged_call import COLUMNS, LoggedCall, logged_call, utc

__all__ = ["CallRow", "Grouping", "Log", "RunMark", "UsageRow", "user_log"]

Grouping: TypeAlias = Literal["model", "day", "both"]

_BUSY_S = 2.0
_SHOWN = 200
_DAY = "date(at, 'localtime')"
_GROUPINGS: dict[Grouping, tuple[str, str]] = {"model": ("model", "''"), "day": ("''", _DAY), "both": ("model", _DAY)}

# Each entry takes the schema one version further (PRAGMA user_version); never change one that was released.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE calls (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, model TEXT NOT NULL, answered TEXT NOT NULL,
            endpoint TEXT NOT NULL, fingerprint TEXT NOT NULL, ended TEXT NOT NULL, error TEXT,
            input_tokens INTEGER, output_tokens INTEGER, cost_cny TEXT, total_s REAL NOT NULL,
            replayed INTEGER NOT NULL, reply BLOB)""",
        "CREATE INDEX calls_at ON calls (at)",
        "{words}",
        "CREATE TRIGGER calls_deleted AFTER DELETE ON calls BEGIN DELETE FROM words WHERE rowid = old.id; END",
    ),
    ("CREATE TABLE runs (run TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",),
)
_WORDS_INDEXED = "CREATE VIRTUAL TABLE words USING fts5(prompt, text, tokenize = 'trigram')"
_WORDS_PLAIN = "CREATE TABLE words (prompt TEXT, text TEXT)"


class CallRow(Struct, frozen=True, kw_only=True):
    """One call. `at` is UTC; `prompt` and `text` are shortened to one line, empty where content was left out."""

    id: int
    at: datetime.datetime
    model: str
    answered: str
    prompt: str
    text: str
    ended: str
    input_tokens: int | None
    output_tokens: int | None
    cost_cny: Decimal | None
    total_s: float
    replayed: bool
    error: str | None


class UsageRow(Struct, frozen=True, kw_only=True):
    """Live calls of one model, one day (local time) or both; a field not grouped by is empty.

    Replayed calls are counted apart and add neither tokens nor cost.
    """

    model: str
    day: str
    calls: int
    replayed: int
    failures: int
    input_tokens: int
    output_tokens: int
    cost_cny: Decimal | None
    """RMB, exact; None when no call had a known price."""
    unpriced: int
    """Calls of unknown price, which `cost_cny` does not hold."""


class RunMark(Struct, frozen=True):
    """How far an unfinished batch run is in the log, for the run that continues it."""

    run: str
    """Its name: a file and what it belongs to."""
    position: int | None
    """Bytes of the run file whose answers are in the log; None: the run has ended, and its mark goes."""


def user_log() -> Path:
    """Where this user's log stands."""
    return Path(platformdirs.user_data_dir("wcode_jupyter", appauthor=False)) / "calls.sqlite"


class Log:
    """The log in one file; opened at first use, safe to use from several threads and processes."""

    def __init__(self, path: Path | None = None, *, retention_days: float | None = None) -> None:
        """`retention_days`: calls older than that are forgotten when the log is opened; None keeps all."""
        self.path = path or user_log()
        self._retention_days = retention_days
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def retain(self, days: float | None) -> None:
        """Forgets calls older than `days`, now and whenever the log is opened; None keeps all."""
        if days == self._retention_days:
            return
        self._retention_days = days
        if self._connection is not None:
            with self._transaction() as database:
                self._drop_old(database)

    def add(
        self,
        reply: Reply,
        *,
        content: bool = True,
        at: datetime.datetime | None = None,
        redact: Callable[[str], str] = str,
    ) -> int:
        """Logs a call and gives its id. `content` False leaves out prompt, answer and request; `redact` masks keys."""
        row = logged_call(reply, at, content=content, redact=redact)
        with self._transaction() as database:
            return _insert(database, [row])

    def add_all(
        self,
        replies: Iterable[Reply],
        *,
        content: bool = True,
        redact: Callable[[str], str] = str,
        mark: RunMark | None = None,
    ) -> None:
        """Logs many calls at once, which costs a tenth for each; `mark` is set together with them."""
        rows = [logged_call(reply, None, content=content, redact=redact) for reply in replies]
        with self._transaction() as database:
            if rows:
                _insert(database, rows)
            if mark is not None:
                _set_mark(database, mark)

    def position(self, run: str) -> int | None:
        """The position that the mark of an unfinished run has; None: there is no mark."""
        with self._opened() as database:
            row = database.execute("SELECT position FROM runs WHERE run = ?", (run,)).fetchone()
        return None if row is None else int(row[0])

    def search(
        self,
        words: str = "",
        *,
        model: str = "",
        since: datetime.datetime | datetime.date | None = None,
        limit: int = 50,
    ) -> list[CallRow]:
        """The newest calls first whose prompt or answer holds every word of `words`, in any case of letters.

        `model` is a part of the id, asked or answered; `since` a date (local time) or a time.
        """
        conditions, values = ["1"], list[object]()
        for word in words.split():
            pattern = f"%{_escaped(word)}%"
            conditions.append(r"(words.prompt LIKE ? ESCAPE '\' OR words.text LIKE ? ESCAPE '\')")
            values += [pattern, pattern]
            if self._is_indexed() and len(word) >= 3:  # a trigram index knows nothing shorter
                conditions[-1] = "id IN (SELECT rowid FROM words WHERE words MATCH ?)"
                values[-2:] = ['"{}"'.format(word.replace('"', '""'))]
        if model:
            conditions.append(r"(model LIKE ? ESCAPE '\' OR answered LIKE ? ESCAPE '\')")
            values += [f"%{_escaped(model)}%"] * 2
        if since is not None:
            conditions.append("at >= ?")
            values.append(utc(since))
        query = f"""SELECT id, at, model, answered, substr(prompt, 1, 1000), substr(text, 1, 1000), ended, input_tokens,
            output_tokens, cost_cny, total_s, replayed, error
            FROM calls LEFT JOIN words ON words.rowid = id WHERE {" AND ".join(conditions)}
            ORDER BY at DESC, id DESC LIMIT ?"""
        with self._opened() as database:
            return [_call_row(row) for row in database.execute(query, (*values, limit))]

    def get(self, call_id: int) -> Reply:
        """The Reply of a call as it was, images by hash. Raises LogError: no such call, or without its content."""
        with self._opened() as database:
            row = database.execute("SELECT reply FROM calls WHERE id = ?", (call_id,)).fetchone()
        if row is None:
            raise LogError(_("Call {id} is not in the log").format(id=call_id), hint=_("See %wcode history."))
        if row[0] is None:
            raise LogError(_("Call {id} was logged without its content").format(id=call_id))
        try:
            return typed.decode(zlib.decompress(row[0]), Reply)
        except (zlib.error, msgspec.DecodeError) as error:
            raise LogError(_("Call {id} of the log is damaged: {error}").format(id=call_id, error=error)) from None

    def usage(
        self, by: Grouping = "model", *, since: datetime.datetime | datetime.date | None = None
    ) -> list[UsageRow]:
        """Calls, tokens and RMB by model, by day or by both, in their order."""
        model, day = _GROUPINGS[by]
        query = f"""SELECT {model} AS group_model, {day} AS group_day, sum(NOT replayed), sum(replayed),
            sum(NOT replayed AND ended IN ('failed', 'cut')),
            coalesce(sum(input_tokens) FILTER (WHERE NOT replayed), 0),
            coalesce(sum(output_tokens) FILTER (WHERE NOT replayed), 0),
            decimal_sum(cost_cny) FILTER (WHERE NOT replayed), sum(NOT replayed AND cost_cny IS NULL)
            FROM calls WHERE at >= ? GROUP BY group_model, group_day ORDER BY group_day, group_model"""
        with self._opened() as database:
            rows = database.execute(query, ("" if since is None else utc(since),)).fetchall()
        names = UsageRow.__struct_fields__
        return [typed.convert(dict(zip(names, row, strict=True)), UsageRow, strict=False) for row in rows]

    def forget(
        self, *, id: int | None = None, before: datetime.datetime | datetime.date | None = None, all: bool = False
    ) -> int:
        """Removes one call, those before a time, or all, also from the free pages of the file; gives their number."""
        # One of the three; a row for each that was said.
        said: list[tuple[str, list[Any]]] = [("id = ?", [id])] * (id is not None) + [("1", [])] * all
        if before is not None:
            said.append(("at < ?", [utc(before)]))
        if len(said) != 1:
            raise LogError(_("Choose what to delete: one id, a date, or all"))
        ((condition, values),) = said
        with self._transaction() as database:
            count = database.execute(f"DELETE FROM calls WHERE {condition}", values).rowcount
        with self._opened() as database:
            if self._has_index(database):
                database.execute("INSERT INTO words (words) VALUES ('optimize')")
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def close(self) -> None:
        """Closes the file; the next use opens it again."""
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # The database ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._mutex:
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as error:
                raise LogError(
                    _("The log of calls {path} cannot be used: {error}").format(
                        path=self.path, error=one_line(str(error))
                    ),
                    hint=_hint(error),
                ) from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as database, _immediate(database):
            yield database

    def _open(self) -> sqlite3.Connection:
        self._make_private()
        database = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            # In WAL mode a power cut may lose the last calls, never the file; and a call does not wait for the disk.
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA secure_delete = ON")
            database.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type]
            _migrate(database)
            self._drop_old(database)
        except BaseException:
            database.close()
            raise
        return database

    def _make_private(self) -> None:
        """Folder and file for this user only, also where an earlier version left them open to others."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        beside = [self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm")]
        # A folder that the user named may hold other things, for others.
        folder = [self.path.parent] if self.path == user_log() else []
        for path, mode in [*((one, 0o700) for one in folder), *((one, 0o600) for one in beside)]:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                if path.stat().st_mode & 0o077:
                    path.chmod(mode)

    def _drop_old(self, database: sqlite3.Connection) -> None:
        if self._retention_days is not None:
            oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=self._retention_days)
            database.execute("DELETE FROM calls WHERE at < ?", (utc(oldest),))

    def _is_indexed(self) -> bool:
        with self._opened() as database:
            return self._has_index(database)

    @staticmethod
    def _has_index(database: sqlite3.Connection) -> bool:
        (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'words'").fetchone()
        return "VIRTUAL" in sql


class _DecimalSum:
    """SQL aggregate: the exact sum of decimal texts as text; NULL when there was none."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, value: str | None) -> None:
        if value is not None:
            self._sum = (self._sum or Decimal(0)) + Decimal(value)

    def finalize(self) -> str | None:
        return None if self._sum is None else str(self._sum)


@contextlib.contextmanager
def _immediate(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _migrate(database: sqlite3.Connection) -> None:
    """Brings the schema to the newest version; another process may be doing the same."""
    if _version(database) == len(_MIGRATIONS):
        return
    with _immediate(database):
        version = _version(database)
        if version > len(_MIGRATIONS):
            raise LogError(
                _("A newer wcode_jupyter wrote the log of calls (version {version})").format(version=version),
                hint=_("Update wcode_jupyter, or turn the log off."),
            )
        words = _WORDS_INDEXED if _has_trigrams() else _WORDS_PLAIN
        for migration in _MIGRATIONS[version:]:
            for statement in migration:
                database.execute(statement.format(words=words))
        database.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


def _has_trigrams() -> bool:
    """Whether this SQLite has FTS5 with the trigram tokenizer (3.34 of 2020, where FTS5 was compiled in)."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        try:
            database.execute(_WORDS_INDEXED)
        except sqlite3.OperationalError:
            return False
    return True


def _hint(error: Exception) -> str:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return _("Another process is writing it; this call was not logged.")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return _("Move the file away to start a new log.")
    return _("The answer itself is not affected.")


def _insert(database: sqlite3.Connection, rows: Sequence[LoggedCall]) -> int:
    """Adds `rows` within a transaction; the id of the last."""
    found = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'calls'").fetchone()
    first = 1 + (found[0] if found else 0)
    numbered = list(enumerate(rows, first))
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    database.executemany(
        f"INSERT INTO calls (id, {', '.join(COLUMNS)}) VALUES ({marks})",
        [(id, *values) for id, (values, _) in numbered],
    )
    words = [(id, *words) for id, (_, words) in numbered if words is not None]
    database.executemany("INSERT INTO words (rowid, prompt, text) VALUES (?, ?, ?)", words)
    return first + len(rows) - 1


def _set_mark(database: sqlite3.Connection, mark: RunMark) -> None:
    if mark.position is None:
        database.execute("DELETE FROM runs WHERE run = ?", (mark.run,))
    else:
        database.execute("INSERT OR REPLACE INTO runs (run, position) VALUES (?, ?)", (mark.run, mark.position))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")


def _call_row(row: tuple[Any, ...]) -> CallRow:
    values = dict(zip(CallRow.__struct_fields__, row, strict=True))
    for name in ("prompt", "text"):
        values[name] = one_line(values[name] or "", _SHOWN)
    return typed.convert(values, CallRow, strict=False)
