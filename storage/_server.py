"""Where is the PostgreSQL server, and what must an operator do when it says no? One sentence for each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.ports import StoreAway, StoreBusy

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
"""After so long without an answer a statement has failed; ours take milliseconds."""

# What each of our sessions asks of the server, in its units.
_SESSION = {
    "application_name": "darkroom",
    "client_encoding": "UTF8",
    # A process that was stopped, or whose machine vanished, in the middle of a transaction holds locks that the others
    # need: the server ends it while leases have not yet run out.
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "10s",
    "statement_timeout": f"{STATEMENT_SECONDS:g}s",
    "jit": "off",  # compiling a statement takes longer than running ours
}

_PATIENT = {"lock_timeout": "0", "statement_timeout": "0"}

_EXAMPLE = (
    "Write it like postgresql://user:password@host:5432/darkroom; "
    "in a password write / as %2F, : as %3A, @ as %40, ? as %3F, # as %23 and % as %25."
)

_UNREACHABLE = (
    "{server} cannot be reached. Start it, or correct DATABASE_URL; the bot goes on by itself as soon as it answers."
)
_SILENT = "{server} does not answer in time. Look at its load and its locks; the bot goes on by itself once it does."
_REFUSED = "{server} refuses the user or the password. Correct DATABASE_URL, or the server's pg_hba.conf."
_NO_DATABASE = "{server} has no database {database}. Make it (createdb {database}), or name another in DATABASE_URL."
_TOO_MANY = "{server} has no connection left. Raise its max_connections, or run fewer processes."
_FULL = "{server} has no room left on its disk. Make room; the bot goes on by itself once there is some."
_EXHAUSTED = "{server} is out of memory or other resources ({code}). The bot goes on by itself once there are some."
_FORBIDDEN = (
    "{server} does not let this user write to the database {database}. Make the user its owner: "
    "ALTER DATABASE {database} OWNER TO ..."
)
_READ_ONLY = "{server} takes no writes: it is a standby, or set to read only. Name the primary in DATABASE_URL."
_DAMAGED = "The database {database} is damaged ({code}). Stop the bot and put a backup in its place."
NOT_UTF8 = "The database {database} cannot keep every language. Make one with: createdb -E UTF8 -T template0 {database}"

_PASSING = frozenset({_UNREACHABLE, _SILENT, _TOO_MANY, _EXHAUSTED})

# By SQLSTATE, or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html). What is not here is a bug.
_SENTENCES = {
    "08": _UNREACHABLE,
    "28": _REFUSED,
    "3D000": _NO_DATABASE,
    "53300": _TOO_MANY,
    "53100": _FULL,
    "53": _EXHAUSTED,
    "58": _EXHAUSTED,
    "42501": _FORBIDDEN,
    "25006": _READ_ONLY,
    "25P03": _UNREACHABLE,  # we stood still in the middle of a transaction
    "57P": _UNREACHABLE,  # it is shutting down, starting, or was restarted
    "57014": _SILENT,
    "40": _SILENT,
    "55P03": _SILENT,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}

# The same transaction, begun anew, may well succeed: it met another one (in a deadlock, or at a row that the other one had
# inserted but not yet committed when this one looked), or a migration changed a table under its statements.
_MET_ANOTHER = frozenset({"40001", "40P01", "23505", "0A000"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A server and a database on it. Its text and its repr have no password."""

    server: str
    database: str
    _dsn: str

    def __repr__(self) -> str:
        return f"<Address {self}>"

    def __str__(self) -> str:
        return f"The database {self.database} at {self.server}"

    async def connect(self, *, patient: bool = False) -> asyncpg.Connection[Any]:
        """A new session. patient: it waits for any statement and any lock, however long. Raises what asyncpg raises."""
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=None if patient else STATEMENT_SECONDS,
            server_settings={**_SESSION, **(_PATIENT if patient else {})},
        )

    def sentence(self, template: str, code: str = "") -> StoreBusy:
        """What to tell an operator."""
        server = f"The PostgreSQL server at {self.server}"
        kind = StoreAway if template in _PASSING else StoreBusy
        return kind(template.format(server=server, database=self.database, code=code))


def address_of(url: str) -> Address:
    """Reads DATABASE_URL, whose query may hold what libpq knows (sslmode, sslrootcert, host=/folder of a socket, ..).

    Raises StoreBusy with a sentence, which shows nothing of it: a sign that is not escaped may make a host of a
    password's second half.
    """
    _, _, rest = url.partition("://")
    try:
        parts = urlsplit(f"postgresql://{rest}")
        query = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    except ValueError:
        raise StoreBusy(f"DATABASE_URL cannot be read. {_EXAMPLE}") from None
    user, _, hosts = parts.netloc.rpartition("@")
    database = unquote(parts.path.removeprefix("/"))
    if (
        parts.fragment
        or "@" in user
        or not re.fullmatch(r"([\w.-]*|\[[0-9A-Fa-f:]+\])(:\d+)?(,[\w.-]+(:\d+)?)*", hosts)
        or not re.fullmatch(r"[^/@:?#%]+", database)
    ):
        raise StoreBusy(f"DATABASE_URL cannot be read. {_EXAMPLE}")
    if "password" in query:
        raise StoreBusy(f"DATABASE_URL has its password where it would be shown. {_EXAMPLE}")
    server = hosts or query.get("host", ["localhost"])[-1]
    return Address(server=server, database=database, _dsn=f"postgresql://{rest}")


@contextmanager
def told(address: Address) -> Iterator[None]:
    """Raises StoreBusy in place of what the driver, the pool or the system raises; a bug stays what it is."""
    try:
        yield
    except DBAPIError as error:
        raise _busy(error, address) or error from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _busy(error, address) or error from error
    except PoolTimeout as error:
        raise address.sentence(_SILENT) from error
    except TimeoutError as error:
        raise address.sentence(_SILENT) from error
    except OSError as error:
        raise address.sentence(_UNREACHABLE) from error


def met_another(error: Exception) -> bool:
    """Whether the server undid the transaction for another one's sake, so that it can be begun anew."""
    return code_of(error) in _MET_ANOTHER


def is_lost(error: Exception) -> bool:
    """Whether the session is gone: by the server, the network, or because we stood still."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    code = code_of(error)
    is_ended = code.startswith(("08", "57P")) or code == "25P03"
    return is_ended or (isinstance(error, OSError) and not isinstance(error, TimeoutError))


def code_of(error: BaseException | None) -> str:
    """The SQLSTATE, or ''."""
    return getattr(_cause(error), "sqlstate", None) or ""


def _cause(error: BaseException | None) -> BaseException | None:
    """What asyncpg raised, of which SQLAlchemy made an exception of its dialect, and of that one of its own."""
    if isinstance(error, DBAPIError):
        return error.orig and (error.orig.__cause__ or error.orig)
    return error


def _busy(error: Exception, address: Address) -> StoreBusy | None:
    if isinstance(_cause(error), asyncpg.ClientConfigurationError):
        return StoreBusy(f"DATABASE_URL has an option that cannot be used. {_EXAMPLE}")
    code = code_of(error)
    for known in (code, code[:3], code[:2]):
        if known and known in _SENTENCES:
            return address.sentence(_SENTENCES[known], code)
    return address.sentence(_UNREACHABLE) if is_lost(error) else None
