"""One JSON shape for every error of the server: ``{"error": {"code": ..., "message": ...}}``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from granum.app.messages import ErrorBody, ErrorInfo
from granum.errors import GranumError, OutputError, ReadError, SettingError

__all__ = ["Problem", "add_error_handlers", "error_response", "validation_sentence"]

_log = logging.getLogger("granum.app")


class Problem(GranumError):
    """An error with its HTTP status.

    Parameters
    ----------
    status : int
        404 not there, 409 does not go with what is there, 413 too large, 422 wrong value, 503 busy, ...
    code : str
        One word for programs, such as "not_found".
    message : str
        One sentence for people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def error_response(status: int, code: str, message: str) -> JSONResponse:
    """Return the response of an error."""
    body = ErrorBody(error=ErrorInfo(code=code, message=message))
    return JSONResponse(body.model_dump(), status_code=status)


def add_error_handlers(app: FastAPI) -> None:
    """Turn everything that a route raises into the one shape; what nobody expected is logged, and named no further."""

    @app.exception_handler(GranumError)
    async def known(request: Request, error: GranumError) -> JSONResponse:
        if isinstance(error, Problem):
            return error_response(error.status, error.code, str(error))
        for kind, status, code in (
            (SettingError, 422, "setting"), (ReadError, 422, "unreadable"), (OutputError, 507, "not_written"),
        ):  # fmt: skip
            if isinstance(error, kind):
                return error_response(status, code, str(error))
        return error_response(422, "not_possible", str(error))

    @app.exception_handler(RequestValidationError)
    async def wrong_values(request: Request, error: RequestValidationError) -> JSONResponse:
        return error_response(422, "setting", validation_sentence(error.errors()))

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "refused")
        return error_response(error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        text = f"granum's own fault: {type(error).__name__}; the terminal where granum app runs tells more."
        return error_response(500, "fault", text)


def validation_sentence(errors: Sequence[Any]) -> str:
    """Return one sentence about the errors that pydantic has found."""
    return "; ".join(_sentence(one) for one in errors[:3])


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error.get("loc", ()) if part != "body") or "request"
    value = error.get("input")
    shown = f" is {value!r}" if isinstance(value, str | int | float | bool) and len(repr(value)) < 80 else ""
    return f"{where}{shown}: {str(error.get('msg', 'does not fit')).lower()}"
