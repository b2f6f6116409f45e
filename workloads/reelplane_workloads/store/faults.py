"""What a driver's exception means: worth another try, a full disk, an absent database, or a fault of ours.

Read from the drivers' own codes (SQLite result codes, PostgreSQL SQLSTATE), never from message texts, which
change between releases and languages.
"""

from __future__ import annotations

from enum import Enum

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reelplane_workloads.core.errors import Code, Problem

RETRY_AFTER = 2
"""Seconds a client is told to wait: a supervisor or a failover brings a database back in that order of time."""


class Fault(Enum):
    CONTENDED = "contended"
    """Another transaction was in the way; nothing was written and the same call may succeed."""
    LOST = "lost"
    """The connection broke or none could be made."""
    FULL = "full"
    OURS = "ours"


# https://www.sqlite.org/rescode.html: the low byte is the primary code.
_SQLITE = {
    5: Fault.CONTENDED,  # BUSY
    6: Fault.CONTENDED,  # LOCKED
    13: Fault.FULL,  # FULL
    8: Fault.LOST,  # READONLY: the volume was remounted read-only after an error
    10: Fault.LOST,  # IOERR
    14: Fault.LOST,  # CANTOPEN
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "40001": Fault.CONTENDED,  # serialization_failure
    "40P01": Fault.CONTENDED,  # deadlock_detected
    "55P03": Fault.CONTENDED,  # lock_not_available (lock_timeout)
    "53100": Fault.FULL,  # disk_full
    "53300": Fault.LOST,  # too_many_connections
    "57014": Fault.LOST,  # query_canceled (statement_timeout)
    "57P01": Fault.LOST,  # admin_shutdown
    "57P02": Fault.LOST,  # crash_shutdown
    "57P03": Fault.LOST,  # cannot_connect_now
    "25006": Fault.LOST,  # read_only_sql_transaction: still on a primary that was demoted
}


def classify(error: BaseException) -> Fault:
    """The meaning of an exception raised by SQLAlchemy or a driver beneath it; OURS for any other."""
    if isinstance(error, PoolTimeout):
        return Fault.LOST
    if not isinstance(error, DBAPIError):
        return Fault.OURS
    if error.connection_invalidated:
        return Fault.LOST
    cause = error.orig
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL.get(state, Fault.LOST if state.startswith("08") else Fault.OURS)
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF, Fault.OURS)
    # psycopg raises a connection that could not be made, or not in time, without a SQLSTATE.
    return Fault.LOST if isinstance(error, OperationalError) else Fault.OURS


def problem_of(error: BaseException) -> BaseException:
    """What the caller of the store is given for ``error``: a Problem where the platform's state is to blame."""
    if isinstance(error, (DBAPIError, SQLAlchemyError)):
        match classify(error):
            case Fault.CONTENDED:
                return Problem(Code.UNAVAILABLE, "the database is too busy", retry_after=RETRY_AFTER)
            case Fault.LOST:
                return Problem(Code.UNAVAILABLE, "the database does not answer", retry_after=RETRY_AFTER)
            case Fault.FULL:
                return Problem(Code.DISK_FULL, "the database has no room left", retry_after=RETRY_AFTER)
            case Fault.OURS:
                return error
    return error
