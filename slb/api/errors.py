# SPDX-License-Identifier: BSD-3-Clause
"""Every failure of a request as `{"error": {"code", "message"}}`; no traceback leaves here."""

import logging
import re
import uuid

from aiohttp import web
from aiohttp.typedefs import Handler

from slb.errors import RequestError, SlbError, TextError
from slb.model import codec

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-Id"
# The code of a refusal, beside its answer.
CODE: web.ResponseKey[str] = web.ResponseKey("code", str)
PROGRAM: web.AppKey[str] = web.AppKey("program", str)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every answer a request id, and every failure its JSON body."""
    given = request.headers.get(REQUEST_ID, "")
    request_id = given if re.fullmatch(r"[\w.-]{1,64}", given, re.ASCII) else uuid.uuid4().hex[:16]
    response = await _answer(request, handler, request_id)
    response.headers[REQUEST_ID] = request_id
    return response


async def _answer(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except RequestError as error:
        response = _failure(error.status, error.code, str(error))
        response.headers.update(error.headers)
        return response
    except TextError as error:
        return _failure(400, "bad_request", str(error))
    except web.HTTPRequestEntityTooLarge:
        return _failure(413, "too_large", "the body is larger than one may be; split it")
    except web.HTTPNotFound:
        return _failure(404, "not_found", f"there is no {request.path}")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        text = f"{error.method} is not for {request.path}; use {allowed}"
        response = _failure(405, "method_not_allowed", text)
        response.headers["Allow"] = allowed
        return response
    except web.HTTPException as error:
        return _failure(error.status, "bad_request", error.reason)
    except SlbError as error:
        log.error("request %s: %s %s: %s", request_id, request.method, request.path, error)
        return _failure(500, "internal", str(error))
    except Exception as error:
        what = f"{request.method} {request.path}: {type(error).__name__}: {error}"
        log.error("request %s: a defect: %s", request_id, what, exc_info=_where(error))
        text = f"a defect of {request.app[PROGRAM]}; its log has request {request_id}"
        return _failure(500, "internal", text)


def _where(error: Exception) -> Exception | None:
    return error if log.isEnabledFor(logging.DEBUG) else None


def _failure(status: int, code: str, message: str) -> web.Response:
    body = codec.encode({"error": {"code": code, "message": message}})
    response = web.Response(status=status, body=body, content_type="application/json")
    response[CODE] = code
    return response
